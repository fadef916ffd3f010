# After the code is published: connects the events of each spoke with the functions, then starts a backfill.
#
# Reads what azd puts into the environment: the outputs of infra/main.bicep and `azd env set` values. Safe to run again.
#   HUBLINK_SKIP_BACKFILL=true   do not start a backfill
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
Set-Location (Join-Path $PSScriptRoot '..')

$needed = 'AZURE_LOCATION', 'AZURE_RESOURCE_GROUP', 'AZURE_FUNCTION_APP_NAME', 'AZURE_FUNCTION_APP_ID',
    'AZURE_FUNCTION_APP_URL', 'HUBLINK_APP_CLIENT_ID', 'HUBLINK_EVENT_SUBSCRIPTIONS', 'HUBLINK_RESOURCE_TOKEN'
foreach ($name in $needed) {
    if (-not [Environment]::GetEnvironmentVariable($name)) { throw "$name is set by azd, and is not." }
}
$appId = $env:AZURE_FUNCTION_APP_ID
$appSubscription = $appId.Split('/')[2]
$attempts = if ($env:HUBLINK_ATTEMPTS) { [int]$env:HUBLINK_ATTEMPTS } else { 10 }
$pause = if ($env:HUBLINK_PAUSE_SECONDS) { [int]$env:HUBLINK_PAUSE_SECONDS } else { 30 }

# Event Grid refuses a subscription to a function that the platform does not list yet.
function Wait-ForFunctions {
    for ($left = $attempts; $left -gt 0; $left--) {
        az rest --method get --output none --url "$appId/functions/retire_cluster?api-version=2024-11-01" 2>$null
        if ($LASTEXITCODE -eq 0) { return }
        Write-Host 'Waiting for the functions to show up'
        Start-Sleep -Seconds $pause
    }
    throw 'The functions do not show up in the app: did publishing work? Then run: azd hooks run postdeploy'
}

# Throws if az fails or there is none; nothing would be connected, and nobody told.
function Get-Spokes {
    if ($env:HUBLINK_EVENT_SUBSCRIPTIONS -ne '*') { return $env:HUBLINK_EVENT_SUBSCRIPTIONS.Split(',') }
    $tenant = az account show --subscription $appSubscription --query tenantId --output tsv
    if ($LASTEXITCODE -ne 0) { throw 'az does not say which tenant the app is in.' }
    $listed = az account list --output json
    if ($LASTEXITCODE -ne 0) { throw 'az does not list the subscriptions.' }
    $found = @($listed | ConvertFrom-Json | Where-Object { $_.state -eq 'Enabled' -and $_.tenantId -eq $tenant })
    if ($found.Count -eq 0) { throw 'There is no subscription whose events could be connected: see az account list.' }
    return $found.id
}

# Several environments share a subscription's topic, so names begin with what tells this one from the others. Neither a
# deployment nor a resource group can move: the one has its region in its name, the other stays where it is.
function Connect-Spoke([string]$spoke) {
    az provider register --namespace Microsoft.EventGrid --subscription $spoke --wait --output none
    if ($LASTEXITCODE -ne 0) { return $false }
    $topics = az eventgrid system-topic list --subscription $spoke --output json
    if ($LASTEXITCODE -ne 0) { return $false }
    $topic = @($topics | ConvertFrom-Json | Where-Object { $_.topicType -eq 'Microsoft.Resources.Subscriptions' })[0]
    $topicName = ''
    $topicGroup = ''
    if ($topic) {
        $topicName = $topic.name
        $topicGroup = $topic.resourceGroup
        Write-Host "  uses the system topic $topicName in $topicGroup"
    }
    $place = az group list --subscription $spoke --query "[?name=='rg-aks-hublink-events'].location" --output tsv
    if ($LASTEXITCODE -ne 0) { return $false }
    if (-not $place) { $place = $env:AZURE_LOCATION }
    for ($left = $attempts; $left -gt 0; $left--) {
        az deployment sub create --subscription $spoke --location $env:AZURE_LOCATION `
            --name "aks-hublink-events-$env:HUBLINK_RESOURCE_TOKEN-$env:AZURE_LOCATION" `
            --template-file spoke.bicep --output none --parameters `
            "location=$place" "namePrefix=aks-hublink-$env:HUBLINK_RESOURCE_TOKEN" `
            "functionAppId=$appId" "clientId=$env:HUBLINK_APP_CLIENT_ID" `
            "actionGroupId=$env:HUBLINK_ACTION_GROUP_ID" `
            "existingTopicName=$topicName" "existingTopicResourceGroup=$topicGroup"
        if ($LASTEXITCODE -eq 0) { return $true }
        Write-Host '  trying again'
        Start-Sleep -Seconds $pause
    }
    return $false
}

function Start-Backfill {
    $key = az functionapp keys list --subscription $appSubscription --resource-group $env:AZURE_RESOURCE_GROUP `
        --name $env:AZURE_FUNCTION_APP_NAME --query functionKeys.default --output tsv
    $headers = @{ 'x-functions-key' = $key }
    if ($env:HUBLINK_SIGN_IN_CLIENT_ID) {
        $token = az account get-access-token --resource "api://$env:HUBLINK_SIGN_IN_CLIENT_ID" --query accessToken --output tsv
        $headers['Authorization'] = "Bearer $token"
    }
    try {
        $answer = Invoke-WebRequest -Method Post -Uri "$env:AZURE_FUNCTION_APP_URL/api/backfill" -Headers $headers `
            -ContentType 'application/json' -Body '{"dryRun": false}' -TimeoutSec 240 -SkipHttpErrorCheck
    }
    catch {
        Write-Host "The backfill was not started ($($_.Exception.Message)); the timer looks at every cluster at its next tick."
        return
    }
    $status = [int]$answer.StatusCode
    if ($status -ge 200 -and $status -lt 300) {
        Write-Host 'A backfill is at work:'
        Write-Host $answer.Content
    }
    elseif ($status -eq 404) {
        Write-Host 'This version of the app has no backfill (404); the timer looks at every cluster at its next tick.'
    }
    else {
        Write-Host "The backfill was not started (HTTP $status); the timer looks at every cluster at its next tick."
        Write-Host $answer.Content
    }
}

Wait-ForFunctions
$spokes = @(Get-Spokes)
$failed = @()
foreach ($spoke in $spokes) {
    Write-Host "Connecting the events of subscription $spoke"
    if (-not (Connect-Spoke $spoke)) { $failed += $spoke }
}
if ($env:HUBLINK_SKIP_BACKFILL -eq 'true') { Write-Host 'No backfill, as HUBLINK_SKIP_BACKFILL asks.' }
else { Start-Backfill }
if ($failed.Count -gt 0) {
    Write-Host "Events are NOT connected for: $($failed -join ' ')"
    Write-Host 'Mend what is said above, then: azd hooks run postdeploy'
    exit 1
}
Write-Host "Health: $env:AZURE_FUNCTION_APP_URL/api/health   Report: $env:AZURE_FUNCTION_APP_URL/api/report?code=<function key>"
