#!/bin/sh
# After the resources are there: gives the app's identity its role on the hub VNet, the monitoring VNets, the firewall
# policy's resource group and further groups.
#
# With az, not as a part of main.bicep: `azd down` deletes every resource group that azd's own deployment has put something
# into, a role assignment too, and these groups hold the network. Safe to run again: azd hooks run postprovision
set -eu
cd "$(dirname "$0")/.."

# network_access.bicepparam reads these; without one it would take its examples.
: "${HUB_VNET_ID:?is set by azd env set}" "${MONITORING_VNET_IDS:?is set by azd env set}"
: "${FIREWALL_POLICY_ID:?is set by azd env set}" "${AZURE_LOCATION:?is set by azd}"
: "${AZURE_FUNCTION_APP_ID:?is set by azd}" "${HUBLINK_APP_PRINCIPAL_ID:?is set by azd}"
: "${HUBLINK_ROLE_DEFINITION_NAME:?is set by azd}" "${HUBLINK_RESOURCE_TOKEN:?is set by azd}"
app_subscription=$(echo "$AZURE_FUNCTION_APP_ID" | cut -d / -f 3)
attempts=${HUBLINK_ATTEMPTS:-10}
pause=${HUBLINK_PAUSE_SECONDS:-30}

# A deployment cannot move, so its name tells the environment and the region.
deploy() {
    az deployment sub create --subscription "$app_subscription" --location "$AZURE_LOCATION" \
        --name "aks-hublink-network-$HUBLINK_RESOURCE_TOKEN-$AZURE_LOCATION" \
        --parameters network_access.bicepparam --output none
}

echo 'Giving the app its role in the network'
left=$attempts
until deploy; do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then
        echo 'The app has NO rights in the network: it can neither link to the hub nor write firewall rules.' >&2
        echo 'Mend what is said above (rights: docs/deploy.md), then: azd hooks run postprovision' >&2
        exit 1
    fi
    echo "  trying again in $pause seconds: a new identity or role is known everywhere only after minutes"
    sleep "$pause"
done
