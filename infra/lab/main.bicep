metadata description = 'Contoso\'s network: a hub with its firewall, three spokes with private AKS clusters, of which the second watches the others.'

targetScope = 'subscription'

@description('Optional. Region of everything.')
param location string = deployment().location

@description('Optional. Start of the resource groups\' names.')
@minLength(3)
@maxLength(30)
param namePrefix string = 'rg-hublink-lab'

@description('Optional. Subscription of the hub.')
param hubSubscriptionId string = subscription().subscriptionId

@description('Optional. Subscriptions of the three spokes.')
@minLength(3)
@maxLength(3)
param spokeSubscriptionIds array = [
  subscription().subscriptionId
  subscription().subscriptionId
  subscription().subscriptionId
]

@description('Optional. Whether to create the VPN gateway; it takes half an hour or more and costs as much as two VMs.')
param vpnGateway bool = false

@description('Optional. Whether to create the clusters.')
param clusters bool = true

@description('Optional. Whether the spokes ask the firewall for names. Then the app must run before clusters are created.')
param firewallDns bool = false

@description('Optional. Size of the nodes, one for each cluster.')
param nodeSize string = 'Standard_D2s_v5'

@description('Optional. Size of the test VMs.')
param vmSize string = 'Standard_B2s'

@description('Optional. Name of the administrator of the test VMs.')
param adminName string = 'contoso'

@description('Required. Public SSH key of the administrator.')
param adminPublicKey string

var tags = {
  application: 'aks-hublink-lab'
}
// A deployment to a subscription cannot move, so its name tells the region: the next lab may be somewhere else.
var place = uniqueString(location)
var spokes = [
  {
    number: 1
    group: '${namePrefix}-spoke-1'
    vnet: 'vnet-spoke-1'
    vm: 'vm-spoke-1'
    cluster: 'aks-spoke-1'
  }
  {
    number: 2
    group: '${namePrefix}-monitoring'
    vnet: 'vnet-monitoring'
    vm: 'vm-monitoring'
    cluster: 'aks-monitoring'
  }
  {
    number: 3
    group: '${namePrefix}-spoke-3'
    vnet: 'vnet-spoke-3'
    vm: 'vm-spoke-3'
    cluster: 'aks-spoke-3'
  }
]

module hubGroup 'modules/group.bicep' = {
  name: '${namePrefix}-hub-group-${place}'
  scope: subscription(hubSubscriptionId)
  params: {
    name: '${namePrefix}-hub'
    location: location
    tags: tags
  }
}

module hub 'modules/hub.bicep' = {
  name: '${namePrefix}-hub'
  scope: resourceGroup(hubSubscriptionId, '${namePrefix}-hub')
  params: {
    location: location
    tags: tags
    vpnGateway: vpnGateway
  }
  dependsOn: [
    hubGroup
  ]
}

module spokeGroups 'modules/group.bicep' = [
  for (spoke, index) in spokes: {
    name: '${spoke.group}-group-${place}'
    scope: subscription(spokeSubscriptionIds[index])
    params: {
      name: spoke.group
      location: location
      tags: tags
    }
  }
]

// One after the other, because each peering writes to the hub's VNet.
@batchSize(1)
module hubPeerings 'modules/peering.bicep' = [
  for (spoke, index) in spokes: {
    name: '${spoke.group}-peering'
    scope: resourceGroup(hubSubscriptionId, '${namePrefix}-hub')
    params: {
      hubVnetName: hub.outputs.vnetName
      spokeVnetName: spoke.vnet
      spokeVnetId: spokeNetworks[index].outputs.vnetId
      offerGateway: vpnGateway
    }
  }
]

@batchSize(1)
module spokeNetworks 'modules/spoke.bicep' = [
  for (spoke, index) in spokes: {
    name: '${spoke.group}-network'
    scope: resourceGroup(spokeSubscriptionIds[index], spoke.group)
    params: {
      number: spoke.number
      vnetName: spoke.vnet
      location: location
      tags: tags
      hubVnetId: hub.outputs.vnetId
      firewallPrivateIp: hub.outputs.firewallPrivateIp
      firewallDns: firewallDns
    }
    dependsOn: [
      spokeGroups
    ]
  }
]

module machines 'modules/vm.bicep' = [
  for (spoke, index) in spokes: {
    name: '${spoke.group}-vm'
    scope: resourceGroup(spokeSubscriptionIds[index], spoke.group)
    params: {
      name: spoke.vm
      location: location
      tags: tags
      subnetId: spokeNetworks[index].outputs.vmSubnetId
      size: vmSize
      adminName: adminName
      adminPublicKey: adminPublicKey
    }
  }
]

// The nodes leave through the firewall, so both sides of the peering must be there.
module aks 'modules/cluster.bicep' = [
  for (spoke, index) in (clusters ? spokes : []): {
    name: '${spoke.group}-cluster'
    scope: resourceGroup(spokeSubscriptionIds[index], spoke.group)
    params: {
      name: spoke.cluster
      location: location
      tags: tags
      vnetName: spokeNetworks[index].outputs.vnetName
      routeTableName: spokeNetworks[index].outputs.routeTableName
      nodeSubnetId: spokeNetworks[index].outputs.nodeSubnetId
      nodeSize: nodeSize
    }
    dependsOn: [
      hubPeerings
    ]
  }
]

// The app's settings for this network.

@description('Resource id of the hub VNet.')
output HUB_VNET_ID string = hub.outputs.vnetId

@description('Resource id of the monitoring VNet.')
output MONITORING_VNET_IDS string = spokeNetworks[1].outputs.vnetId

@description('Resource id of the firewall policy.')
output FIREWALL_POLICY_ID string = hub.outputs.policyId

@description('Subscriptions to look after.')
output SPOKE_SUBSCRIPTION_IDS string = join(union(spokeSubscriptionIds, []), ',')
