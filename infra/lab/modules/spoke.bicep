metadata description = 'A spoke: VNet, route table, its side of the peering.'

@description('Required. Number of the spoke; its addresses are 10.<number>.0.0/16.')
@minValue(1)
@maxValue(9)
param number int

@description('Required. Name of the VNet.')
param vnetName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Resource id of the hub VNet.')
param hubVnetId string

@description('Required. Private address of the firewall.')
param firewallPrivateIp string

@description('Required. Whether the VNet asks the firewall for names, instead of Azure.')
param firewallDns bool

resource routeTable 'Microsoft.Network/routeTables@2025-01-01' = {
  name: 'rt-${vnetName}'
  location: location
  tags: tags
  properties: {
    disableBgpRoutePropagation: true
    routes: [
      {
        name: 'default-to-firewall'
        properties: {
          addressPrefix: '0.0.0.0/0'
          nextHopType: 'VirtualAppliance'
          nextHopIpAddress: firewallPrivateIp
        }
      }
    ]
  }
}

resource guard 'Microsoft.Network/networkSecurityGroups@2025-01-01' = {
  name: 'nsg-${vnetName}-vm'
  location: location
  tags: tags
  properties: {}
}

resource vnet 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: vnetName
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.${number}.0.0/16'
      ]
    }
    dhcpOptions: {
      dnsServers: firewallDns ? [firewallPrivateIp] : []
    }
    subnets: [
      {
        name: 'vm'
        properties: {
          addressPrefix: '10.${number}.0.0/24'
          defaultOutboundAccess: false
          networkSecurityGroup: {
            id: guard.id
          }
          routeTable: {
            id: routeTable.id
          }
        }
      }
      {
        name: 'aks-nodes'
        properties: {
          addressPrefix: '10.${number}.4.0/22'
          defaultOutboundAccess: false
          routeTable: {
            id: routeTable.id
          }
        }
      }
    ]
  }
}

resource peering 'Microsoft.Network/virtualNetworks/virtualNetworkPeerings@2025-01-01' = {
  parent: vnet
  name: '${vnetName}-to-hub'
  properties: {
    allowVirtualNetworkAccess: true
    // What comes from another spoke through the firewall has a foreign source.
    allowForwardedTraffic: true
    allowGatewayTransit: false
    useRemoteGateways: false
    remoteVirtualNetwork: {
      id: hubVnetId
    }
  }
}

resource nodes 'Microsoft.Network/virtualNetworks/subnets@2025-01-01' existing = {
  parent: vnet
  name: 'aks-nodes'
}

resource machines 'Microsoft.Network/virtualNetworks/subnets@2025-01-01' existing = {
  parent: vnet
  name: 'vm'
}

@description('Resource id of the VNet.')
output vnetId string = vnet.id

@description('Name of the VNet.')
output vnetName string = vnet.name

@description('Resource id of the subnet for nodes.')
output nodeSubnetId string = nodes.id

@description('Resource id of the subnet for the test VM.')
output vmSubnetId string = machines.id

@description('Name of the route table.')
output routeTableName string = routeTable.name
