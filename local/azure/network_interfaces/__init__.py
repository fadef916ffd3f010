"""Microsoft.Network/networkInterfaces: network interfaces with their IP configurations."""
