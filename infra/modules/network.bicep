metadata description = 'A network of the app\'s own, so that its storage needs no public endpoint. It is peered with nothing: the app works through Resource Manager.'

@description('Required. Name of the VNet.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Address space.')
param addressPrefix string

@description('Required. Subnet for the app, /27 or larger.')
param appPrefix string

@description('Required. Subnet for private endpoints.')
param endpointPrefix string

resource endpointsGuard 'Microsoft.Network/networkSecurityGroups@2025-01-01' = {
  name: '${name}-endpoints'
  location: location
  tags: tags
  properties: {}
}

resource appGuard 'Microsoft.Network/networkSecurityGroups@2025-01-01' = {
  name: '${name}-app'
  location: location
  tags: tags
  properties: {}
}

resource address 'Microsoft.Network/publicIPAddresses@2025-01-01' = {
  name: '${name}-egress'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

// Subnets have no outbound access of their own any more, and Resource Manager is on the Internet.
resource gateway 'Microsoft.Network/natGateways@2025-01-01' = {
  name: '${name}-egress'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    idleTimeoutInMinutes: 10
    publicIpAddresses: [
      {
        id: address.id
      }
    ]
  }
}

resource vnet 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: appPrefix
          defaultOutboundAccess: false
          delegations: [
            {
              name: 'functions'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
          natGateway: {
            id: gateway.id
          }
          networkSecurityGroup: {
            id: appGuard.id
          }
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointPrefix
          defaultOutboundAccess: false
          networkSecurityGroup: {
            id: endpointsGuard.id
          }
        }
      }
    ]
  }
}

resource app 'Microsoft.Network/virtualNetworks/subnets@2025-01-01' existing = {
  parent: vnet
  name: 'app'
}

resource endpoints 'Microsoft.Network/virtualNetworks/subnets@2025-01-01' existing = {
  parent: vnet
  name: 'endpoints'
}

@description('Resource id of the VNet.')
output vnetId string = vnet.id

@description('Resource id of the subnet for the app\'s outbound traffic.')
output appSubnetId string = app.id

@description('Resource id of the subnet for private endpoints.')
output endpointSubnetId string = endpoints.id
