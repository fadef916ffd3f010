"""Azure Firewall: firewalls, policies, rule collection groups and IP groups."""
