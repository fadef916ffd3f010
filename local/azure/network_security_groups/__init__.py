"""Microsoft.Network/networkSecurityGroups: security groups with their rules."""
