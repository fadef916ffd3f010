metadata description = 'A topic for the app\'s own events (docs/events.md).'

@description('Required. Name of the topic.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Object id of the app\'s identity.')
param principalId string

// Built-in: EventGrid Data Sender
var dataSender = 'd5a91429-5739-47e2-a06b-3470a27159e7'

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  // checkov:skip=CKV_AZURE_191: the topic itself calls nobody
  // checkov:skip=CKV_AZURE_193: publishing takes a token of the app's identity
  name: name
  location: location
  tags: tags
  properties: {
    disableLocalAuth: true
    inputSchema: 'CloudEventSchemaV1_0'
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(topic.id, principalId, dataSender)
  scope: topic
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSender)
  }
}

@description('Where events are published to.')
output endpoint string = topic.properties.endpoint
