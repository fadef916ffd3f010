metadata description = 'Gives the app its role in the network: on the hub VNet, the monitoring VNets, the firewall policy\'s resource group and further groups.'

// Not part of main.bicep, and never to be: `azd down` deletes every resource group that azd's own deployment has put
// something into, and these groups hold the network. infra/hooks/postprovision deploys this file; azd does not know of it.
targetScope = 'subscription'

@description('Required. Resource id of the hub VNet.')
@minLength(1)
param hubVnetId string

@description('Required. Resource ids of the VNets that must reach every API server.')
param monitoringVnetIds array

@description('Required. Resource id of the firewall policy that receives the API-server rules.')
@minLength(1)
param firewallPolicyId string

@description('Required. Ids of further resource groups that the app needs its role on; none: empty.')
param furtherResourceGroupIds array

@description('Required. Object id of the app\'s identity: output HUBLINK_APP_PRINCIPAL_ID of main.bicep.')
@minLength(1)
param principalId string

@description('Required. Name, a GUID, of the custom role\'s definition: output HUBLINK_ROLE_DEFINITION_NAME of main.bicep.')
@minLength(1)
param roleDefinitionName string

// Two environments may deploy into the same groups at the same time.
var token = uniqueString(principalId)

module hubAccess 'modules/vnet_access.bicep' = {
  name: 'hub-access-${token}'
  scope: resourceGroup(split(hubVnetId, '/')[2], split(hubVnetId, '/')[4])
  params: {
    vnetName: split(hubVnetId, '/')[8]
    roleDefinitionName: roleDefinitionName
    principalId: principalId
  }
}

module monitoringAccess 'modules/vnet_access.bicep' = [
  for (id, index) in monitoringVnetIds: {
    name: 'monitoring-access-${index}-${token}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      vnetName: split(id, '/')[8]
      roleDefinitionName: roleDefinitionName
      principalId: principalId
    }
  }
]

module firewallAccess 'modules/group_access.bicep' = {
  name: 'firewall-access-${token}'
  scope: resourceGroup(split(firewallPolicyId, '/')[2], split(firewallPolicyId, '/')[4])
  params: {
    roleDefinitionName: roleDefinitionName
    principalId: principalId
  }
}

module furtherAccess 'modules/group_access.bicep' = [
  for (id, index) in furtherResourceGroupIds: {
    name: 'further-access-${index}-${token}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      roleDefinitionName: roleDefinitionName
      principalId: principalId
    }
  }
]
