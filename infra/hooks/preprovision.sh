#!/bin/sh
# Before anything is created: says what is missing, all at once.
set -eu

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
    exit 1
fi
if ! command -v az >/dev/null; then
    echo 'The Azure CLI (az) is missing; the events of the spokes are connected with it.' >&2
    exit 1
fi
if ! az account show --output none 2>/dev/null; then
    echo 'az is not signed in. Sign in to the same tenant as azd: az login' >&2
    exit 1
fi
