metadata description = 'Gives the app its role on a whole management group: for SPOKE_SUBSCRIPTION_IDS=*, and for subscriptions that are yet to come.'

targetScope = 'managementGroup'

@description('Required. Object id of the app\'s identity: output HUBLINK_APP_PRINCIPAL_ID of main.bicep.')
param principalId string

var role = loadJsonContent('role_definition.json')

resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(managementGroup().id, role.roleName)
  properties: {
    roleName: '${role.roleName} ${managementGroup().name}'
    description: role.description
    type: 'CustomRole'
    assignableScopes: [
      managementGroup().id
    ]
    permissions: [
      {
        actions: role.actions
        notActions: role.notActions
        dataActions: role.dataActions
        notDataActions: role.notDataActions
      }
    ]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(managementGroup().id, principalId, role.roleName)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definition.id
  }
}
