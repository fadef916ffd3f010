metadata description = 'A test VM without a public address; commands reach it through Azure\'s run-command.'

@description('Required. Name of the VM.')
@maxLength(64)
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Resource id of its subnet.')
param subnetId string

@description('Required. Size.')
param size string

@description('Required. Name of the administrator.')
param adminName string

@description('Required. Public SSH key of the administrator.')
param adminPublicKey string

resource card 'Microsoft.Network/networkInterfaces@2025-01-01' = {
  name: '${name}-nic'
  location: location
  tags: tags
  properties: {
    ipConfigurations: [
      {
        name: 'default'
        properties: {
          privateIPAllocationMethod: 'Dynamic'
          subnet: {
            id: subnetId
          }
        }
      }
    ]
  }
}

resource machine 'Microsoft.Compute/virtualMachines@2024-11-01' = {
  // checkov:skip=CKV_AZURE_50: it has none; run-command needs the agent that would install them
  // checkov:skip=CKV_AZURE_97: encryption at host must be registered for the subscription first
  // checkov:skip=CKV_AZURE_151: it runs Linux
  name: name
  location: location
  tags: tags
  properties: {
    hardwareProfile: {
      vmSize: size
    }
    securityProfile: {
      securityType: 'TrustedLaunch'
      uefiSettings: {
        secureBootEnabled: true
        vTpmEnabled: true
      }
    }
    storageProfile: {
      imageReference: {
        publisher: 'Canonical'
        offer: 'ubuntu-24_04-lts'
        sku: 'server'
        version: 'latest'
      }
      osDisk: {
        createOption: 'FromImage'
        deleteOption: 'Delete'
        managedDisk: {
          storageAccountType: 'StandardSSD_LRS'
        }
      }
    }
    osProfile: {
      computerName: name
      adminUsername: adminName
      linuxConfiguration: {
        disablePasswordAuthentication: true
        ssh: {
          publicKeys: [
            {
              path: '/home/${adminName}/.ssh/authorized_keys'
              keyData: adminPublicKey
            }
          ]
        }
      }
    }
    networkProfile: {
      networkInterfaces: [
        {
          id: card.id
          properties: {
            deleteOption: 'Delete'
          }
        }
      ]
    }
  }
}

@description('Resource id of the VM.')
output resourceId string = machine.id
