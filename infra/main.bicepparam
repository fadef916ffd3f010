// Read from the azd environment: `azd env set HUB_VNET_ID /subscriptions/...`. The values after the commas are examples;
// infra/hooks/preprovision asks for the required ones. Lists are comma-separated.
using './main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'example')
param location = readEnvironmentVariable('AZURE_LOCATION', 'swedencentral')

// Required.
param hubVnetId = readEnvironmentVariable('HUB_VNET_ID', '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hub/providers/Microsoft.Network/virtualNetworks/vnet-hub')
param monitoringVnetIds = split(readEnvironmentVariable('MONITORING_VNET_IDS', '/subscriptions/00000000-0000-0000-0000-000000000002/resourceGroups/rg-monitoring/providers/Microsoft.Network/virtualNetworks/vnet-monitoring'), ',')
param firewallPolicyId = readEnvironmentVariable('FIREWALL_POLICY_ID', '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-firewall/providers/Microsoft.Network/firewallPolicies/fp-hub')
param spokeSubscriptionIds = split(readEnvironmentVariable('SPOKE_SUBSCRIPTION_IDS', '00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000003'), ',')

// Begin with `report`: the app then only says what it would do.
param mode = readEnvironmentVariable('MODE', 'enforce')
param modeZoneLinks = readEnvironmentVariable('MODE_ZONE_LINKS', '')
param modeApiRules = readEnvironmentVariable('MODE_API_RULES', '')
param modeRouteTables = readEnvironmentVariable('MODE_ROUTE_TABLES', '')

param firewallRuleCollectionGroup = readEnvironmentVariable('FIREWALL_RULE_COLLECTION_GROUP', 'rcg-aks-api-servers')
param firewallRuleCollectionGroupPriority = int(readEnvironmentVariable('FIREWALL_RULE_COLLECTION_GROUP_PRIORITY', '400'))
param firewallEgressGroup = readEnvironmentVariable('FIREWALL_EGRESS_GROUP', '')
param firewallEgressGroupPriority = int(readEnvironmentVariable('FIREWALL_EGRESS_GROUP_PRIORITY', '410'))
param firewallPrivateIp = readEnvironmentVariable('FIREWALL_PRIVATE_IP', '')
param apiClientCidrs = filter(split(readEnvironmentVariable('API_CLIENT_CIDRS', ''), ','), item => !empty(item))
param aksSubnetNamePattern = readEnvironmentVariable('AKS_SUBNET_NAME_PATTERN', '')
param trustedZoneIds = filter(split(readEnvironmentVariable('TRUSTED_ZONE_IDS', ''), ','), item => !empty(item))
param furtherResourceGroupIds = filter(split(readEnvironmentVariable('HUBLINK_FURTHER_RESOURCE_GROUP_IDS', ''), ','), item => !empty(item))
param maxChangesPerRun = int(readEnvironmentVariable('MAX_CHANGES_PER_RUN', '100'))
param maxDeletionsPerRun = int(readEnvironmentVariable('MAX_DELETIONS_PER_RUN', '10'))
param stoppedRuleRetentionHours = int(readEnvironmentVariable('STOPPED_RULE_RETENTION_HOURS', '0'))
param giveUpMinutes = int(readEnvironmentVariable('GIVE_UP_MINUTES', '180'))
param driftSchedule = readEnvironmentVariable('DRIFT_SCHEDULE', '0 */15 * * * *')
param driftTopicEndpoint = readEnvironmentVariable('DRIFT_TOPIC_ENDPOINT', '')

// What is deployed.
param createDriftTopic = bool(readEnvironmentVariable('HUBLINK_DRIFT_TOPIC', 'false'))
param privateNetworking = bool(readEnvironmentVariable('HUBLINK_PRIVATE_NETWORKING', 'false'))
param privateNetworkPrefix = readEnvironmentVariable('HUBLINK_PRIVATE_NETWORK_PREFIX', '10.255.250.0/24')
param privateAppPrefix = readEnvironmentVariable('HUBLINK_PRIVATE_APP_PREFIX', '10.255.250.0/26')
param privateEndpointPrefix = readEnvironmentVariable('HUBLINK_PRIVATE_ENDPOINT_PREFIX', '10.255.250.64/26')
param signInClientId = readEnvironmentVariable('HUBLINK_SIGN_IN_CLIENT', '')
param createAlerts = bool(readEnvironmentVariable('HUBLINK_ALERTS', 'true'))
param alertEmails = filter(split(readEnvironmentVariable('HUBLINK_ALERT_EMAILS', ''), ','), item => !empty(item))
param sweepAlertWithin = readEnvironmentVariable('HUBLINK_SWEEP_ALERT_WITHIN', 'PT1H')
param createWorkbook = bool(readEnvironmentVariable('HUBLINK_WORKBOOK', 'true'))
param logRetentionDays = int(readEnvironmentVariable('HUBLINK_LOG_RETENTION_DAYS', '30'))
param storageSku = readEnvironmentVariable('HUBLINK_STORAGE_SKU', 'Standard_LRS')
param zoneRedundant = bool(readEnvironmentVariable('HUBLINK_ZONE_REDUNDANT', 'false'))
param maximumInstances = int(readEnvironmentVariable('HUBLINK_MAXIMUM_INSTANCES', '40'))
param pythonVersion = readEnvironmentVariable('HUBLINK_PYTHON_VERSION', '3.12')
