metadata description = 'Gives the app its role on a VNet: linking a zone to it takes the right to join it.'

@description('Required. Name of the VNet.')
param vnetName string

@description('Required. Name, a GUID, of the custom role\'s definition.')
param roleDefinitionName string

@description('Required. Object id of the app\'s identity.')
param principalId string

resource vnet 'Microsoft.Network/virtualNetworks@2025-01-01' existing = {
  name: vnetName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vnet.id, principalId, roleDefinitionName)
  scope: vnet
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleDefinitionName)
  }
}
