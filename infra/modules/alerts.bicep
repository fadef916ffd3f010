metadata description = 'Alert rules on the app\'s log. Dropped and failed deliveries are watched in each spoke, where the topics are.'

@description('Required. Start of the rules\' names.')
param namePrefix string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Required. Resource id of the action group.')
param actionGroupId string

@description('Required. A sweep must have ended well within this time, an ISO 8601 duration.')
@allowed([
  'PT30M'
  'PT1H'
  'PT2H'
  'PT6H'
  'P1D'
])
param sweepWithin string

// The app's log lines are a constant message and its fields as JSON.
var findings = '''
AppTraces
| where Message startswith "finding {"
| extend fields = parse_json(substring(Message, 8))
| extend code = tostring(fields.code), severity = tostring(fields.severity), resource = tostring(fields.resource), finding = tostring(fields.finding), fix = tostring(fields.fix)
'''
var rules = [
  {
    name: 'poison-message'
    title: 'A message went to a poison queue'
    about: 'A message could not be worked on after five attempts. Read the exception beside it in the log, mend the cause, then put the message back or start a backfill.'
    severity: 1
    frequency: 'PT5M'
    window: 'PT15M'
    query: '''
AppTraces
| where Message has "MaxDequeueCount"
'''
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'repair-refused'
    title: 'A repair was refused'
    about: 'A plan was unsafe or too large, a right is missing, or Azure refused a change. Nothing was done; the finding names the resource and the fix.'
    severity: 1
    frequency: 'PT5M'
    window: 'PT15M'
    query: '${findings}| where code in ("CHANGE_FAILED", "FIREWALL_GROUP_FOREIGN", "FIREWALL_HOLD", "FIREWALL_PRIORITY_TAKEN", "NODE_GROUP_LOCKED", "PLAN_TOO_LARGE", "PLAN_UNSAFE", "RIGHTS_MISSING", "ZONE_OVERLAPPING")'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'cluster-unreachable'
    title: 'A cluster is not reachable'
    about: 'A sweep found, and Resource Manager confirmed, that a running cluster is not reached from a monitoring VNet. GET /api/report shows which step fails and why.'
    severity: 1
    frequency: 'PT15M'
    window: 'PT1H'
    query: '${findings}| where code == "CLUSTER_UNREACHABLE"'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'sweep-incomplete'
    title: 'A sweep may have missed something'
    about: 'Resource Graph or Resource Manager did not let the app see everything, so a report without findings proves nothing. The finding says what; mostly the app lacks its role in a subscription.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT1H'
    query: '${findings}| where code == "SWEEP_INCOMPLETE"'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'timer-missed'
    title: 'No sweep has ended'
    about: 'The timer did not run, or no sweep of it ended well: nobody finds what events leave undone. Is the app stopped, are its settings wrong (GET /api/health), is Azure out of reach?'
    severity: 2
    frequency: 'PT15M'
    window: sweepWithin
    query: '''
AppTraces
| where Message startswith "fleet swept {"
'''
    operator: 'LessThan'
    threshold: 1
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${namePrefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'aks-hublink: ${rule.title}'
      description: rule.about
      enabled: true
      severity: rule.severity
      scopes: [
        workspaceId
      ]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      autoMitigate: true
      // The tables appear with the first line that is logged.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              minFailingPeriodsToAlert: 1
              numberOfEvaluationPeriods: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [
          actionGroupId
        ]
      }
    }
  }
]
