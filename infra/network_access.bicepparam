// Read from the azd environment, by infra/hooks/postprovision: the same variables as in main.bicepparam, and two outputs of
// main.bicep. The values after the commas are examples; the hook sees to it that they are never used.
using './network_access.bicep'

param hubVnetId = readEnvironmentVariable('HUB_VNET_ID', '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hub/providers/Microsoft.Network/virtualNetworks/vnet-hub')
param monitoringVnetIds = split(readEnvironmentVariable('MONITORING_VNET_IDS', '/subscriptions/00000000-0000-0000-0000-000000000002/resourceGroups/rg-monitoring/providers/Microsoft.Network/virtualNetworks/vnet-monitoring'), ',')
param firewallPolicyId = readEnvironmentVariable('FIREWALL_POLICY_ID', '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-firewall/providers/Microsoft.Network/firewallPolicies/fp-hub')
param furtherResourceGroupIds = filter(split(readEnvironmentVariable('HUBLINK_FURTHER_RESOURCE_GROUP_IDS', ''), ','), item => !empty(item))

param principalId = readEnvironmentVariable('HUBLINK_APP_PRINCIPAL_ID', '00000000-0000-0000-0000-000000000000')
param roleDefinitionName = readEnvironmentVariable('HUBLINK_ROLE_DEFINITION_NAME', '00000000-0000-0000-0000-000000000000')
