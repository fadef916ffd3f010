metadata description = 'The hub\'s side of a peering.'

@description('Required. Name of the hub VNet.')
param hubVnetName string

@description('Required. Name of the spoke VNet.')
param spokeVnetName string

@description('Required. Resource id of the spoke VNet.')
param spokeVnetId string

@description('Required. Whether the spoke may use the hub\'s VPN gateway.')
param offerGateway bool

resource hub 'Microsoft.Network/virtualNetworks@2025-01-01' existing = {
  name: hubVnetName
}

resource peering 'Microsoft.Network/virtualNetworks/virtualNetworkPeerings@2025-01-01' = {
  parent: hub
  name: 'hub-to-${spokeVnetName}'
  properties: {
    allowVirtualNetworkAccess: true
    allowForwardedTraffic: false
    allowGatewayTransit: offerGateway
    useRemoteGateways: false
    remoteVirtualNetwork: {
      id: spokeVnetId
    }
  }
}
