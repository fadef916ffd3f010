metadata description = 'Connects one spoke subscription\'s events with the app. Deploy it after the code is published: an event subscription to a function that is not there is refused.'

targetScope = 'subscription'

@description('Optional. Region of the resource group; where it is, if it is there already.')
param location string = deployment().location

@description('Required. Resource id of the function app.')
param functionAppId string

@description('Required. Client id of the app\'s identity.')
param clientId string

@description('Required. Start of the names of event subscriptions and alerts. Each environment has its own: they share the subscription\'s one topic.')
@minLength(3)
@maxLength(40)
param namePrefix string

@description('Optional. Resource id of the action group that alerts go to; empty: no alerts.')
param actionGroupId string = ''

@description('Optional. Name of the system topic that this subscription already has; empty: create one.')
param existingTopicName string = ''

@description('Conditional. Resource group of that topic.')
param existingTopicResourceGroup string = ''

@description('Optional. Resource group for a topic that is created.')
param resourceGroupName string = 'rg-aks-hublink-events'

@description('Optional. Tags.')
param tags object = {}

var createTopic = empty(existingTopicName)
var groupName = createTopic ? resourceGroupName : existingTopicResourceGroup

resource group 'Microsoft.Resources/resourceGroups@2021-04-01' = if (createTopic) {
  name: resourceGroupName
  location: location
  tags: tags
}

module events 'modules/spoke_events.bicep' = {
  name: '${namePrefix}-events'
  scope: resourceGroup(groupName)
  params: {
    topicName: createTopic ? 'evgt-aks-hublink' : existingTopicName
    createTopic: createTopic
    namePrefix: namePrefix
    functionAppId: functionAppId
    clientId: clientId
    actionGroupId: actionGroupId
    tags: tags
  }
  dependsOn: [
    group
  ]
}
