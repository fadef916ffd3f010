metadata description = 'A private AKS cluster that leaves through the firewall.'

@description('Required. Name of the cluster.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Name of the VNet, in this resource group.')
param vnetName string

@description('Required. Name of the route table, in this resource group.')
param routeTableName string

@description('Required. Resource id of the subnet for nodes.')
param nodeSubnetId string

@description('Required. Size of the nodes.')
param nodeSize string

// Built-in: Network Contributor
var networkContributor = '4d97b98b-1d4f-4787-a291-c67834d212e7'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}'
  location: location
  tags: tags
}

resource vnet 'Microsoft.Network/virtualNetworks@2025-01-01' existing = {
  name: vnetName
}

resource routeTable 'Microsoft.Network/routeTables@2025-01-01' existing = {
  name: routeTableName
}

resource onVnet 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vnet.id, identity.id, networkContributor)
  scope: vnet
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', networkContributor)
  }
}

resource onRouteTable 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(routeTable.id, identity.id, networkContributor)
  scope: routeTable
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', networkContributor)
  }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2025-09-01' = {
  // checkov:skip=CKV_AZURE_4: a lab keeps no logs
  // checkov:skip=CKV_AZURE_6: a private API server has no list of public addresses
  // checkov:skip=CKV_AZURE_7: a lab runs nothing that a network policy would part
  // checkov:skip=CKV_AZURE_8: the dashboard add-on is gone from AKS
  // checkov:skip=CKV_AZURE_141: the test runs on a VM, where nobody can sign in
  // checkov:skip=CKV_AZURE_172: a lab keeps no secrets
  // checkov:skip=CKV_AZURE_226: ephemeral disks need larger nodes
  // checkov:skip=CKV_AZURE_227: encryption at host must be registered for the subscription first
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Base'
    tier: 'Free'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    dnsPrefix: name
    enableRBAC: true
    nodeResourceGroup: '${resourceGroup().name}-${name}-nodes'
    autoUpgradeProfile: {
      upgradeChannel: 'patch'
    }
    agentPoolProfiles: [
      {
        name: 'system'
        mode: 'System'
        type: 'VirtualMachineScaleSets'
        count: 1
        vmSize: nodeSize
        osType: 'Linux'
        maxPods: 110
        vnetSubnetID: nodeSubnetId
      }
    ]
    apiServerAccessProfile: {
      enablePrivateCluster: true
      enablePrivateClusterPublicFQDN: false
      privateDNSZone: 'system'
    }
    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
      outboundType: 'userDefinedRouting'
      loadBalancerSku: 'standard'
      podCidr: '10.244.0.0/16'
      serviceCidr: '10.250.0.0/16'
      dnsServiceIP: '10.250.0.10'
    }
  }
  dependsOn: [
    onVnet
    onRouteTable
  ]
}

@description('Resource id of the cluster.')
output resourceId string = cluster.id
