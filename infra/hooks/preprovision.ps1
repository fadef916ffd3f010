# Before anything is created: says what is missing, all at once. azd checks its own version (azure.yaml).
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false

# Resource Manager registers what a template names, if the deployer may; better to hear it before anything is created.
$providers = 'Microsoft.Web', 'Microsoft.Storage', 'Microsoft.ManagedIdentity', 'Microsoft.OperationalInsights',
    'Microsoft.Insights', 'Microsoft.EventGrid'
if ($env:HUBLINK_PRIVATE_NETWORKING -eq 'true') { $providers += 'Microsoft.App', 'Microsoft.Network' }

function Test-Settings {
    $required = 'HUB_VNET_ID', 'MONITORING_VNET_IDS', 'FIREWALL_POLICY_ID', 'SPOKE_SUBSCRIPTION_IDS'
    $missing = @($required | Where-Object { -not [Environment]::GetEnvironmentVariable($_) })
    if ($missing.Count -eq 0) { return }
    Write-Host "Not set: $($missing -join ' ')"
    Write-Host 'Set each with: azd env set NAME VALUE. docs/configuration.md says what they mean.'
    exit 1
}

function Test-Az {
    if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
        Write-Host 'The Azure CLI (az) is missing; the network and the events of the spokes are connected with it.'
        exit 1
    }
    az account show --output none 2>$null
    if ($LASTEXITCODE -ne 0) {
        Write-Host 'az is not signed in. Sign in to the same tenant as azd: az login'
        exit 1
    }
}

# Says whether a provider is registered, after having registered it if need be.
function Register-Provider([string]$name) {
    $state = az provider show --namespace $name --subscription $env:AZURE_SUBSCRIPTION_ID --query registrationState --output tsv
    if ($LASTEXITCODE -eq 0 -and $state -eq 'Registered') { return $true }
    Write-Host "Registering $name, which takes a minute or two"
    az provider register --namespace $name --subscription $env:AZURE_SUBSCRIPTION_ID --wait --output none
    return $LASTEXITCODE -eq 0
}

function Test-Providers {
    $refused = @($providers | Where-Object { -not (Register-Provider $_) })
    if ($refused.Count -eq 0) { return }
    Write-Host "Not registered in subscription ${env:AZURE_SUBSCRIPTION_ID}: $($refused -join ' ')"
    Write-Host 'Ask an owner or contributor of it for: az provider register --namespace NAME --wait'
    exit 1
}

Test-Settings
Test-Az
if ($env:AZURE_SUBSCRIPTION_ID) { Test-Providers }
else { Write-Host 'azd has not asked for the subscription yet, so its resource providers are not checked.' }
