# Before anything is created: says what is missing, all at once.
$ErrorActionPreference = 'Stop'

$required = 'HUB_VNET_ID', 'MONITORING_VNET_IDS', 'FIREWALL_POLICY_ID', 'SPOKE_SUBSCRIPTION_IDS'
$missing = @($required | Where-Object { -not [Environment]::GetEnvironmentVariable($_) })
if ($missing.Count -gt 0) {
    Write-Host "Not set: $($missing -join ' ')"
    Write-Host 'Set each with: azd env set NAME VALUE. docs/configuration.md says what they mean.'
    exit 1
}
if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    Write-Host 'The Azure CLI (az) is missing; the events of the spokes are connected with it.'
    exit 1
}
az account show --output none 2>$null
if ($LASTEXITCODE -ne 0) {
    Write-Host 'az is not signed in. Sign in to the same tenant as azd: az login'
    exit 1
}
