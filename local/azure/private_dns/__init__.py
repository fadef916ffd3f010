"""Microsoft.Network/privateDnsZones: zones, A records and virtual network links."""
