#!/bin/sh
# Before anything is created: says what is missing, all at once. azd checks its own version (azure.yaml).
set -eu

# Resource Manager registers what a template names, if the deployer may; better to hear it before anything is created.
providers='Microsoft.Web Microsoft.Storage Microsoft.ManagedIdentity Microsoft.OperationalInsights Microsoft.Insights Microsoft.EventGrid'
case ${HUBLINK_PRIVATE_NETWORKING:-false} in
[Tt]rue | TRUE) providers="$providers Microsoft.App Microsoft.Network" ;;
esac

check_settings() {
    missing=''
    for name in HUB_VNET_ID MONITORING_VNET_IDS FIREWALL_POLICY_ID SPOKE_SUBSCRIPTION_IDS; do
        eval "value=\${$name:-}"
        if [ -z "$value" ]; then
            missing="$missing $name"
        fi
    done
    if [ -n "$missing" ]; then
        echo "Not set:$missing" >&2
        echo 'Set each with: azd env set NAME VALUE. docs/configuration.md says what they mean.' >&2
        return 1
    fi
}

check_az() {
    if ! command -v az >/dev/null; then
        echo 'The Azure CLI (az) is missing; the network and the events of the spokes are connected with it.' >&2
        return 1
    fi
    if ! az account show --output none 2>/dev/null; then
        echo 'az is not signed in. Sign in to the same tenant as azd: az login' >&2
        return 1
    fi
}

is_registered() {
    state=$(az provider show --namespace "$1" --subscription "$AZURE_SUBSCRIPTION_ID" --query registrationState --output tsv) ||
        state=unknown
    [ "$state" = Registered ]
}

check_providers() {
    refused=''
    for provider in $providers; do
        if ! is_registered "$provider"; then
            echo "Registering $provider, which takes a minute or two"
            az provider register --namespace "$provider" --subscription "$AZURE_SUBSCRIPTION_ID" --wait --output none ||
                refused="$refused $provider"
        fi
    done
    if [ -n "$refused" ]; then
        echo "Not registered in subscription $AZURE_SUBSCRIPTION_ID:$refused" >&2
        echo 'Ask an owner or contributor of it for: az provider register --namespace NAME --wait' >&2
        return 1
    fi
}

check_settings
check_az
if [ -n "${AZURE_SUBSCRIPTION_ID:-}" ]; then
    check_providers
else
    echo 'azd has not asked for the subscription yet, so its resource providers are not checked.'
fi
