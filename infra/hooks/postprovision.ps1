# After the resources are there: gives the app's identity its role on the hub VNet, the monitoring VNets, the firewall
# policy's resource group and further groups.
#
# With az, not as a part of main.bicep: `azd down` deletes every resource group that azd's own deployment has put something
# into, a role assignment too, and these groups hold the network. Safe to run again: azd hooks run postprovision
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
Set-Location (Join-Path $PSScriptRoot '..')

# network_access.bicepparam reads these; without one it would take its examples.
$needed = 'HUB_VNET_ID', 'MONITORING_VNET_IDS', 'FIREWALL_POLICY_ID', 'AZURE_LOCATION', 'AZURE_FUNCTION_APP_ID',
    'HUBLINK_APP_PRINCIPAL_ID', 'HUBLINK_ROLE_DEFINITION_NAME', 'HUBLINK_RESOURCE_TOKEN'
foreach ($name in $needed) {
    if (-not [Environment]::GetEnvironmentVariable($name)) { throw "$name is set by azd or azd env set, and is not." }
}
$appSubscription = $env:AZURE_FUNCTION_APP_ID.Split('/')[2]
$attempts = if ($env:HUBLINK_ATTEMPTS) { [int]$env:HUBLINK_ATTEMPTS } else { 10 }
$pause = if ($env:HUBLINK_PAUSE_SECONDS) { [int]$env:HUBLINK_PAUSE_SECONDS } else { 30 }

# A deployment cannot move, so its name tells the environment and the region.
Write-Host 'Giving the app its role in the network'
for ($left = $attempts; $left -gt 0; $left--) {
    az deployment sub create --subscription $appSubscription --location $env:AZURE_LOCATION `
        --name "aks-hublink-network-$env:HUBLINK_RESOURCE_TOKEN-$env:AZURE_LOCATION" `
        --parameters network_access.bicepparam --output none
    if ($LASTEXITCODE -eq 0) { exit 0 }
    if ($left -gt 1) {
        Write-Host "  trying again in $pause seconds: a new identity or role is known everywhere only after minutes"
        Start-Sleep -Seconds $pause
    }
}
Write-Host 'The app has NO rights in the network: it can neither link to the hub nor write firewall rules.'
Write-Host 'Mend what is said above (rights: docs/deploy.md), then: azd hooks run postprovision'
exit 1
