"""Microsoft.Network/loadBalancers: load balancers with their frontends."""
