"""Microsoft.Network/virtualNetworks: VNets, subnets and their addresses, peerings."""
