metadata description = 'One subscription\'s events: its system topic, an event subscription for each Event Grid function, and their alerts.'

@description('Required. Name of the system topic.')
param topicName string

@description('Required. Whether to create the topic; a subscription has one at most, which may be another tool\'s.')
param createTopic bool

@description('Required. Start of the event subscriptions\' names.')
param namePrefix string

@description('Required. Resource id of the function app.')
param functionAppId string

@description('Required. Client id of the app\'s identity; its own writes are not delivered.')
param clientId string

@description('Required. Resource id of the action group that alerts go to; empty: no alerts.')
param actionGroupId string

@description('Required. Tags.')
param tags object

var table = loadJsonContent('../event_subscriptions.json')
// The keys of the table, the deployed functions among them; a test compares.
var functions = [
  'link_dns_zone'
  'allow_api_server'
  'attach_route_table'
  'retire_cluster'
]
var watched = [
  {
    metric: 'DroppedEventCount'
    about: 'Event Grid gave up on events. What they told is found by the next sweep; a backfill is quicker.'
    severity: 1
    threshold: 0
  }
  {
    metric: 'DeliveryAttemptFailCount'
    about: 'Event Grid cannot deliver to the function app. Is it running, and does GET /api/health say that it is well?'
    severity: 2
    threshold: 5
  }
]

resource newTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (createTopic) {
  name: topicName
  location: 'global'
  tags: tags
  properties: {
    source: subscription().id
    topicType: 'Microsoft.Resources.Subscriptions'
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

// Each Event Grid function has its own: the topic filters, the functions look again.
@batchSize(1)
resource eventSubscriptions 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for function in functions: {
    parent: topic
    name: '${namePrefix}-${replace(function, '_', '-')}'
    properties: {
      eventDeliverySchema: 'EventGridSchema'
      destination: {
        endpointType: 'AzureFunction'
        properties: {
          resourceId: '${functionAppId}/functions/${function}'
          maxEventsPerBatch: 1
          preferredBatchSizeInKilobytes: 64
        }
      }
      filter: {
        includedEventTypes: table[function].eventTypes
        advancedFilters: [
          {
            operatorType: 'StringIn'
            key: 'data.operationName'
            values: table[function].operationNames
          }
          {
            operatorType: 'StringNotIn'
            key: 'data.claims.appid'
            values: [
              clientId
            ]
          }
        ]
      }
      retryPolicy: {
        maxDeliveryAttempts: 30
        eventTimeToLiveInMinutes: 1440
      }
    }
    dependsOn: [
      newTopic
    ]
  }
]

resource alerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for item in (empty(actionGroupId) ? [] : watched): {
    name: '${namePrefix}-${item.metric}'
    location: 'global'
    tags: tags
    properties: {
      description: item.about
      enabled: true
      severity: item.severity
      scopes: [
        topic.id
      ]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: 'events'
            metricNamespace: 'Microsoft.EventGrid/systemTopics'
            metricName: item.metric
            operator: 'GreaterThan'
            threshold: item.threshold
            timeAggregation: 'Total'
          }
        ]
      }
      actions: [
        {
          actionGroupId: actionGroupId
        }
      ]
    }
    dependsOn: [
      newTopic
    ]
  }
]
