metadata description = 'aks-hublink: the function app, its identity, storage and logs, and the rights it needs in the network.'

targetScope = 'subscription'

@description('Required. Name of the environment; part of the resource group\'s name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Required. Region of the app. It must offer Flex Consumption.')
@minLength(1)
param location string

// The settings of the app: docs/configuration.md says what each means.

@description('Required. Resource id of the hub VNet.')
@minLength(1)
param hubVnetId string

@description('Required. Resource ids of the VNets that must reach every API server.')
param monitoringVnetIds array

@description('Required. Resource id of the firewall policy that receives the API-server rules.')
@minLength(1)
param firewallPolicyId string

@description('Required. Ids of the subscriptions that are looked after; `*` for all that are readable.')
param spokeSubscriptionIds array

@description('Optional. Our own rule collection group.')
param firewallRuleCollectionGroup string = 'rcg-aks-api-servers'

@description('Optional. Its priority.')
@minValue(100)
@maxValue(65000)
param firewallRuleCollectionGroupPriority int = 400

@description('Optional. Our rule collection group for what the nodes need of the Internet; empty: none.')
param firewallEgressGroup string = ''

@description('Optional. Its priority.')
@minValue(100)
@maxValue(65000)
param firewallEgressGroupPriority int = 410

@description('Optional. Next hop of 0.0.0.0/0; empty: the address of the policy\'s firewall.')
param firewallPrivateIp string = ''

@description('Optional. Sources of the allow rules; none: the address space of the monitoring VNets.')
param apiClientCidrs array = []

@description('Optional. Regular expression for the names of AKS subnets that no cluster uses yet.')
param aksSubnetNamePattern string = ''

@description('Optional. Resource ids of bring-your-own AKS zones that may be linked.')
param trustedZoneIds array = []

@description('Optional. Ids of further resource groups that the app needs its role on: of the firewall if it is not with its policy, of a parent policy, of IP groups, of trusted zones.')
param furtherResourceGroupIds array = []

@description('Optional. Whether the app repairs or only says what it would do.')
@allowed([
  'enforce'
  'report'
])
param mode string = 'enforce'

@description('Optional. Overrides the mode for virtual network links.')
@allowed([
  ''
  'enforce'
  'report'
])
param modeZoneLinks string = ''

@description('Optional. Overrides the mode for the firewall rules.')
@allowed([
  ''
  'enforce'
  'report'
])
param modeApiRules string = ''

@description('Optional. Overrides the mode for route tables and routes.')
@allowed([
  ''
  'enforce'
  'report'
])
param modeRouteTables string = ''

@description('Optional. A run that wants more changes applies none.')
@minValue(1)
param maxChangesPerRun int = 100

@description('Optional. A run that wants more deletions applies none.')
@minValue(0)
param maxDeletionsPerRun int = 10

@description('Optional. Hours that a stopped cluster keeps its rule; 0: as long as it exists.')
@minValue(0)
param stoppedRuleRetentionHours int = 0

@description('Optional. Minutes that a cluster which is not ready is looked at again.')
@minValue(1)
param giveUpMinutes int = 180

@description('Optional. NCRONTAB schedule of the sweep, in UTC.')
param driftSchedule string = '0 */15 * * * *'

@description('Optional. Endpoint of a topic that you have for the app\'s own events.')
param driftTopicEndpoint string = ''

// What is deployed.

@description('Optional. Whether to create a topic for the app\'s own events.')
param createDriftTopic bool = false

@description('Optional. Whether the storage has private endpoints only. Adds a VNet, a NAT gateway and three private endpoints.')
param privateNetworking bool = false

@description('Optional. Address space of that VNet.')
param privateNetworkPrefix string = '10.255.250.0/24'

@description('Optional. Its subnet for the app, /27 or larger.')
param privateAppPrefix string = '10.255.250.0/26'

@description('Optional. Its subnet for private endpoints.')
param privateEndpointPrefix string = '10.255.250.64/26'

@description('Optional. Client id of the app registration that callers of the HTTP functions sign in to; empty: keys only.')
param signInClientId string = ''

@description('Optional. Whether to create alert rules.')
param createAlerts bool = true

@description('Optional. Mail addresses that alerts go to.')
param alertEmails array = []

@description('Optional. A sweep must have ended well within this time.')
@allowed([
  'PT30M'
  'PT1H'
  'PT2H'
  'PT6H'
  'P1D'
])
param sweepAlertWithin string = 'PT1H'

@description('Optional. Whether to create a workbook.')
param createWorkbook bool = true

@description('Optional. Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Optional. Redundancy of the storage.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param storageSku string = 'Standard_LRS'

@description('Optional. Whether instances are spread over zones; then two are always ready.')
param zoneRedundant bool = false

@description('Optional. Most instances, of each function group.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

@description('Optional. Python version.')
@allowed([
  '3.11'
  '3.12'
  '3.13'
])
param pythonVersion string = '3.12'

var role = loadJsonContent('role_definition.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
  application: 'aks-hublink'
}
var clouds = {
  AzureCloud: 'public'
  AzureChinaCloud: 'china'
  AzureUSGovernment: 'usgov'
}

// `*` is for the app; here it means that a management group gives the role (management_group.bicep).
var everywhere = contains(spokeSubscriptionIds, '*')
var listedSpokes = [for id in (everywhere ? [] : spokeSubscriptionIds): toLower(id)]
var spokes = union(listedSpokes, [])
var networkIds = concat([hubVnetId, firewallPolicyId], monitoringVnetIds, furtherResourceGroupIds)
var networkSubscriptions = [for id in networkIds: toLower(split(id, '/')[2])]
var roleSubscriptions = union(spokes, networkSubscriptions, [subscription().subscriptionId])

// Every app setting of shared/settings.py except those that only a local Azure needs; a test compares both ways.
// An empty one counts as not set.
var settings = {
  AZURE_CLOUD: clouds[environment().name]
  AZURE_CLIENT_ID: identity.outputs.clientId
  TENANT_ID: subscription().tenantId
  HUB_VNET_ID: hubVnetId
  MONITORING_VNET_IDS: join(monitoringVnetIds, ',')
  FIREWALL_POLICY_ID: firewallPolicyId
  FIREWALL_RULE_COLLECTION_GROUP: firewallRuleCollectionGroup
  FIREWALL_RULE_COLLECTION_GROUP_PRIORITY: string(firewallRuleCollectionGroupPriority)
  FIREWALL_EGRESS_GROUP: firewallEgressGroup
  FIREWALL_EGRESS_GROUP_PRIORITY: string(firewallEgressGroupPriority)
  FIREWALL_PRIVATE_IP: firewallPrivateIp
  SPOKE_SUBSCRIPTION_IDS: join(spokeSubscriptionIds, ',')
  API_CLIENT_CIDRS: join(apiClientCidrs, ',')
  AKS_SUBNET_NAME_PATTERN: aksSubnetNamePattern
  TRUSTED_ZONE_IDS: join(trustedZoneIds, ',')
  MODE: mode
  MODE_ZONE_LINKS: modeZoneLinks
  MODE_API_RULES: modeApiRules
  MODE_ROUTE_TABLES: modeRouteTables
  MAX_CHANGES_PER_RUN: string(maxChangesPerRun)
  MAX_DELETIONS_PER_RUN: string(maxDeletionsPerRun)
  STOPPED_RULE_RETENTION_HOURS: string(stoppedRuleRetentionHours)
  GIVE_UP_MINUTES: string(giveUpMinutes)
  DRIFT_SCHEDULE: driftSchedule
  DRIFT_TOPIC_ENDPOINT: createDriftTopic ? driftTopic!.outputs.endpoint : driftTopicEndpoint
}

resource group 'Microsoft.Resources/resourceGroups@2021-04-01' = {
  name: 'rg-aks-hublink-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity-${token}'
  scope: group
  params: {
    name: 'id-aks-hublink-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring-${token}'
  scope: group
  params: {
    workspaceName: 'log-aks-hublink-${token}'
    componentName: 'appi-aks-hublink-${token}'
    actionGroupName: 'ag-aks-hublink-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    retentionDays: logRetentionDays
    alertEmails: alertEmails
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage-${token}'
  scope: group
  params: {
    name: 'sthublink${token}'
    location: location
    tags: tags
    sku: storageSku
    publicAccess: !privateNetworking
    principalId: identity.outputs.principalId
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  name: 'network-${token}'
  scope: group
  params: {
    name: 'vnet-aks-hublink-${token}'
    location: location
    tags: tags
    addressPrefix: privateNetworkPrefix
    appPrefix: privateAppPrefix
    endpointPrefix: privateEndpointPrefix
  }
}

module privateEndpoints 'modules/private_endpoints.bicep' = if (privateNetworking) {
  name: 'private-endpoints-${token}'
  scope: group
  params: {
    namePrefix: 'pep-aks-hublink-${token}'
    location: location
    tags: tags
    storageAccountId: storage.outputs.resourceId
    vnetId: network!.outputs.vnetId
    subnetId: network!.outputs.endpointSubnetId
  }
}

module driftTopic 'modules/drift_topic.bicep' = if (createDriftTopic) {
  name: 'drift-topic-${token}'
  scope: group
  params: {
    name: 'evgt-aks-hublink-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module app 'modules/app.bicep' = {
  name: 'app-${token}'
  scope: group
  params: {
    planName: 'plan-aks-hublink-${token}'
    name: 'func-aks-hublink-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.resourceId
    clientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    packageContainerUrl: storage.outputs.packageContainerUrl
    componentName: monitoring.outputs.componentName
    settings: settings
    pythonVersion: pythonVersion
    maximumInstances: maximumInstances
    zoneRedundant: zoneRedundant
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    signInClientId: signInClientId
  }
  dependsOn: [
    privateEndpoints
  ]
}

module alerts 'modules/alerts.bicep' = if (createAlerts) {
  name: 'alerts-${token}'
  scope: group
  params: {
    namePrefix: 'aks-hublink-${token}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: monitoring.outputs.actionGroupId
    sweepWithin: sweepAlertWithin
  }
}

module workbook 'modules/workbook.bicep' = if (createWorkbook) {
  name: 'workbook-${token}'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

// A role's display name is unique in the tenant, so two environments must not share it.
resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, role.roleName, token)
  properties: {
    roleName: '${role.roleName} ${environmentName} ${token}'
    description: role.description
    type: 'CustomRole'
    assignableScopes: [for id in roleSubscriptions: '/subscriptions/${id}']
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

// A subscription is no resource group, so `azd down` leaves it alone.
module spokeAccess 'modules/subscription_access.bicep' = [
  for (id, index) in spokes: {
    name: 'spoke-access-${index}-${token}'
    scope: subscription(id)
    params: {
      roleDefinitionName: definition.name
      principalId: identity.outputs.principalId
    }
  }
]

// No module of this file may put anything, not even a role assignment, into a resource group other than the app's own:
// `azd down` deletes every group that this deployment has touched, and would delete the hub network with it. What the app
// needs there is network_access.bicep, which the postprovision hook deploys without azd. A test holds this.

// The hooks read these as environment variables.

@description('Resource group of the app.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output AZURE_FUNCTION_APP_NAME string = app.outputs.name

@description('Resource id of the function app.')
output AZURE_FUNCTION_APP_ID string = app.outputs.resourceId

@description('Address of the function app.')
output AZURE_FUNCTION_APP_URL string = app.outputs.url

@description('Client id of the app\'s identity.')
output HUBLINK_APP_CLIENT_ID string = identity.outputs.clientId

@description('Object id of the app\'s identity.')
output HUBLINK_APP_PRINCIPAL_ID string = identity.outputs.principalId

@description('Name, a GUID, of the custom role\'s definition.')
output HUBLINK_ROLE_DEFINITION_NAME string = definition.name

@description('What tells this environment\'s names from those of others.')
output HUBLINK_RESOURCE_TOKEN string = token

@description('Resource id of the action group; empty: no alerts.')
output HUBLINK_ACTION_GROUP_ID string = createAlerts ? monitoring.outputs.actionGroupId : ''

@description('Subscriptions whose events are delivered to the app, comma-separated; `*` for all.')
output HUBLINK_EVENT_SUBSCRIPTIONS string = everywhere ? '*' : join(spokes, ',')

@description('Client id of the app registration that callers sign in to; empty: keys only.')
output HUBLINK_SIGN_IN_CLIENT_ID string = signInClientId
