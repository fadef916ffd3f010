"""The hub's Azure Firewall policy: its rules as values, which rule decides a flow, and how full the policy is."""
