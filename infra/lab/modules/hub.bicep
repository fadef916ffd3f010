metadata description = 'The hub: VNet, firewall with its policy, VPN gateway if wanted.'

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Whether to create the VPN gateway; it takes half an hour or more.')
param vpnGateway bool

resource policy 'Microsoft.Network/firewallPolicies@2025-01-01' = {
  name: 'fp-hub'
  location: location
  tags: tags
  properties: {
    sku: {
      tier: 'Standard'
    }
    threatIntelMode: 'Deny'
    dnsSettings: {
      enableProxy: true
    }
  }
}

// What every spoke needs of the Internet and of the others. API servers are not here: that is the app's work.
resource rules 'Microsoft.Network/firewallPolicies/ruleCollectionGroups@2025-01-01' = {
  parent: policy
  name: 'rcg-platform'
  properties: {
    priority: 200
    ruleCollections: [
      {
        ruleCollectionType: 'FirewallPolicyFilterRuleCollection'
        name: 'platform-network'
        priority: 1000
        action: {
          type: 'Allow'
        }
        rules: [
          {
            ruleType: 'NetworkRule'
            name: 'time'
            ipProtocols: [
              'UDP'
            ]
            sourceAddresses: [
              '10.0.0.0/8'
            ]
            destinationFqdns: [
              'ntp.ubuntu.com'
            ]
            destinationPorts: [
              '123'
            ]
          }
          {
            ruleType: 'NetworkRule'
            name: 'azure-monitor'
            ipProtocols: [
              'TCP'
            ]
            sourceAddresses: [
              '10.0.0.0/8'
            ]
            destinationAddresses: [
              'AzureMonitor'
            ]
            destinationPorts: [
              '443'
            ]
          }
          {
            ruleType: 'NetworkRule'
            name: 'ssh-between-vms'
            ipProtocols: [
              'TCP'
            ]
            sourceAddresses: [
              '10.1.0.0/24'
              '10.2.0.0/24'
              '10.3.0.0/24'
            ]
            destinationAddresses: [
              '10.1.0.0/24'
              '10.2.0.0/24'
              '10.3.0.0/24'
            ]
            destinationPorts: [
              '22'
            ]
          }
          {
            ruleType: 'NetworkRule'
            name: 'ping-between-vms'
            ipProtocols: [
              'ICMP'
            ]
            sourceAddresses: [
              '10.1.0.0/24'
              '10.2.0.0/24'
              '10.3.0.0/24'
            ]
            destinationAddresses: [
              '10.1.0.0/24'
              '10.2.0.0/24'
              '10.3.0.0/24'
            ]
            destinationPorts: [
              '*'
            ]
          }
        ]
      }
      {
        ruleCollectionType: 'FirewallPolicyFilterRuleCollection'
        name: 'platform-application'
        priority: 2000
        action: {
          type: 'Allow'
        }
        rules: [
          {
            ruleType: 'ApplicationRule'
            name: 'aks-egress'
            sourceAddresses: [
              '10.0.0.0/8'
            ]
            protocols: [
              {
                protocolType: 'Https'
                port: 443
              }
            ]
            fqdnTags: [
              'AzureKubernetesService'
            ]
          }
          {
            ruleType: 'ApplicationRule'
            name: 'tools-of-the-test-vms'
            sourceAddresses: [
              '10.1.0.0/24'
              '10.2.0.0/24'
              '10.3.0.0/24'
            ]
            protocols: [
              {
                protocolType: 'Https'
                port: 443
              }
            ]
            targetFqdns: [
              'dl.k8s.io'
              'cdn.dl.k8s.io'
            ]
          }
        ]
      }
    ]
  }
}

resource vnet 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: 'vnet-hub'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.0.0.0/16'
      ]
    }
    subnets: [
      {
        name: 'AzureFirewallSubnet'
        properties: {
          addressPrefix: '10.0.1.0/24'
        }
      }
      {
        name: 'GatewaySubnet'
        properties: {
          addressPrefix: '10.0.2.0/27'
        }
      }
    ]
  }
}

resource firewallSubnet 'Microsoft.Network/virtualNetworks/subnets@2025-01-01' existing = {
  parent: vnet
  name: 'AzureFirewallSubnet'
}

resource gatewaySubnet 'Microsoft.Network/virtualNetworks/subnets@2025-01-01' existing = {
  parent: vnet
  name: 'GatewaySubnet'
}

resource firewallAddress 'Microsoft.Network/publicIPAddresses@2025-01-01' = {
  name: 'pip-fw-hub'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

resource firewall 'Microsoft.Network/azureFirewalls@2025-01-01' = {
  // checkov:skip=CKV_AZURE_216: the policy has it
  name: 'fw-hub'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'AZFW_VNet'
      tier: 'Standard'
    }
    firewallPolicy: {
      id: policy.id
    }
    ipConfigurations: [
      {
        name: 'hub'
        properties: {
          publicIPAddress: {
            id: firewallAddress.id
          }
          subnet: {
            id: firewallSubnet.id
          }
        }
      }
    ]
  }
  dependsOn: [
    rules
  ]
}

resource gatewayAddress 'Microsoft.Network/publicIPAddresses@2025-01-01' = if (vpnGateway) {
  name: 'pip-vpn-hub'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  // A gateway whose size ends in AZ takes an address in all zones only, and so a region that has them.
  zones: [
    '1'
    '2'
    '3'
  ]
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

resource gateway 'Microsoft.Network/virtualNetworkGateways@2025-01-01' = if (vpnGateway) {
  name: 'vpn-hub'
  location: location
  tags: tags
  properties: {
    gatewayType: 'Vpn'
    vpnType: 'RouteBased'
    vpnGatewayGeneration: 'Generation1'
    sku: {
      name: 'VpnGw1AZ'
      tier: 'VpnGw1AZ'
    }
    ipConfigurations: [
      {
        name: 'default'
        properties: {
          privateIPAllocationMethod: 'Dynamic'
          publicIPAddress: {
            id: gatewayAddress!.id
          }
          subnet: {
            id: gatewaySubnet.id
          }
        }
      }
    ]
  }
}

@description('Resource id of the hub VNet.')
output vnetId string = vnet.id

@description('Name of the hub VNet.')
output vnetName string = vnet.name

@description('Resource id of the firewall policy.')
output policyId string = policy.id

@description('Private address of the firewall: the next hop of every spoke.')
output firewallPrivateIp string = firewall.properties.ipConfigurations[0].properties.privateIPAddress
