metadata description = 'The function app on Flex Consumption.'

@description('Required. Name of the plan.')
param planName string

@description('Required. Name of the function app.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags of every resource.')
param tags object

@description('Required. Resource id of the app\'s identity.')
param identityId string

@description('Required. Client id of the app\'s identity.')
param clientId string

@description('Required. Name of the storage account.')
param storageAccountName string

@description('Required. URL of the container that the package is published to.')
param packageContainerUrl string

@description('Required. Name of the Application Insights component.')
param componentName string

@description('Required. The app settings of the settings model, by name; empty ones mean their default.')
param settings object

@description('Required. Python version.')
@allowed([
  '3.11'
  '3.12'
  '3.13'
])
param pythonVersion string

@description('Required. Most instances, of each function group.')
@minValue(40)
@maxValue(1000)
param maximumInstances int

@description('Required. Whether instances are spread over zones; needs two that are always ready.')
param zoneRedundant bool

@description('Required. Resource id of the subnet for outbound traffic; empty: none.')
param subnetId string

@description('Required. Client id of the app registration that callers of the HTTP functions sign in to; empty: keys only.')
param signInClientId string

// What the host needs beside the app's own settings.
var hostSettings = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
  AzureWebJobsStorage__clientId: clientId
  AzureWebJobsStorage__credential: 'managedidentity'
}
// From the account's name the queue trigger makes an address of the public cloud, whatever addresses stand beside it.
// Elsewhere the host gets addresses only, and the app the name under the setting's other name.
var storageSuffix = environment().suffixes.storage
var storageSettings = environment().name == 'AzureCloud' ? {
  AzureWebJobsStorage__accountName: storageAccountName
} : {
  STORAGE_ACCOUNT_NAME: storageAccountName
  AzureWebJobsStorage__blobServiceUri: 'https://${storageAccountName}.blob.${storageSuffix}'
  AzureWebJobsStorage__queueServiceUri: 'https://${storageAccountName}.queue.${storageSuffix}'
  AzureWebJobsStorage__tableServiceUri: 'https://${storageAccountName}.table.${storageSuffix}'
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  // checkov:skip=CKV_AZURE_225: a parameter: not every region has zones, and two instances cost twice as much
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource site 'Microsoft.Web/sites@2024-11-01' = {
  // checkov:skip=CKV_AZURE_17: Event Grid presents no client certificate
  // checkov:skip=CKV_AZURE_212: Flex Consumption has no number of workers; always-ready instances stand below
  // checkov:skip=CKV_AZURE_213: Flex Consumption has no health check path
  // checkov:skip=CKV_AZURE_222: Event Grid delivers to the public endpoint only; callers need a key or a sign-in
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'functions' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        // Event Grid's functions live in the http group. From zero the first event may bounce and come back after
        // five minutes, while AKS waits ten at most for its zone to be linked.
        alwaysReady: [
          {
            name: 'http'
            instanceCount: zoneRedundant ? 2 : 1
          }
        ]
        instanceMemoryMB: 2048
        maximumInstanceCount: maximumInstances
      }
    }
  }
}

// One after the other from here on: a site takes one change of its configuration at a time and refuses others.
resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
  dependsOn: [
    ftp
  ]
}

resource appSettings 'Microsoft.Web/sites/config@2024-11-01' = {
  // checkov:skip=CKV_AZURE_13: the sign-in is another resource, below
  // checkov:skip=CKV_AZURE_63: an app of functions logs to Application Insights
  // checkov:skip=CKV_AZURE_65: an app of functions has no error pages
  // checkov:skip=CKV_AZURE_66: an app of functions logs to Application Insights
  // checkov:skip=CKV_AZURE_80: there is no .NET in it
  // checkov:skip=CKV_AZURE_88: Flex Consumption has no mounted storage, and the app keeps no files
  // checkov:skip=CKV_AZURE_222: Event Grid delivers to the public endpoint only; callers need a key or a sign-in
  parent: site
  name: 'appsettings'
  properties: union(settings, hostSettings, storageSettings)
  dependsOn: [
    scm
  ]
}

resource signIn 'Microsoft.Web/sites/config@2024-11-01' = if (!empty(signInClientId)) {
  // checkov:skip=CKV_AZURE_13: this is version 2 of the settings that it looks for
  // checkov:skip=CKV_AZURE_63: an app of functions logs to Application Insights
  // checkov:skip=CKV_AZURE_65: an app of functions has no error pages
  // checkov:skip=CKV_AZURE_66: an app of functions logs to Application Insights
  // checkov:skip=CKV_AZURE_70: requireHttps stands below; the check cannot read a conditional resource
  // checkov:skip=CKV_AZURE_80: there is no .NET in it
  // checkov:skip=CKV_AZURE_88: Flex Consumption has no mounted storage, and the app keeps no files
  // checkov:skip=CKV_AZURE_222: Event Grid delivers to the public endpoint only; callers need a key or a sign-in
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      // Event Grid brings its own key and cannot sign in; health says nothing secret.
      excludedPaths: [
        '/runtime/webhooks/EventGrid'
        '/runtime/webhooks/eventgrid'
        '/api/health'
      ]
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          // One issuer is accepted, that of version 2. The registration says which version its tokens have: docs/deploy.md.
          openIdIssuer: '${environment().authentication.loginEndpoint}${subscription().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            signInClientId
            'api://${signInClientId}'
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
  dependsOn: [
    appSettings
  ]
}

@description('Name of the function app.')
output name string = site.name

@description('Resource id of the function app.')
output resourceId string = site.id

@description('Address of the function app.')
output url string = 'https://${site.properties.defaultHostName}'
