#!/bin/sh
# Builds Contoso's network in Azure: firewall, three spokes, private clusters, test VMs. COSTS MONEY until lab-down:
# about 2 US dollars an hour at list prices, plus the VPN gateway's if wanted; see docs/walkthrough.md.
# Takes about half an hour, an hour with the VPN gateway.
#
#   LAB_LOCATION, LAB_PREFIX, LAB_HUB_SUBSCRIPTION, LAB_SPOKE_{1,2,3}_SUBSCRIPTION, LAB_SSH_KEY (a .pub file)
#   LAB_CLUSTERS=false       network only            LAB_VPN_GATEWAY=true    with a VPN gateway
#   LAB_FIREWALL_DNS=true    spokes ask the firewall for names: run the app before you create clusters
#   LAB_YES=true             do not ask
set -eu
cd "$(dirname "$0")"
. ./settings.sh

if [ ! -f "$LAB_SSH_KEY" ]; then
    echo "There is no public SSH key at $LAB_SSH_KEY. Make one with ssh-keygen, or set LAB_SSH_KEY." >&2
    exit 1
fi
echo "Hub in $LAB_HUB_SUBSCRIPTION, groups $LAB_PREFIX-*, region $LAB_LOCATION. It costs money until: make lab-down"
if [ "${LAB_YES:-false}" != true ]; then
    printf 'Go on? [y/N] '
    read -r reply
    [ "$reply" = y ] || exit 1
fi
az deployment sub create --subscription "$LAB_HUB_SUBSCRIPTION" --name "$LAB_PREFIX-$LAB_LOCATION" \
    --location "$LAB_LOCATION" --template-file main.bicep --output none --parameters \
    location="$LAB_LOCATION" namePrefix="$LAB_PREFIX" hubSubscriptionId="$LAB_HUB_SUBSCRIPTION" \
    spokeSubscriptionIds="[\"$LAB_SPOKE_1_SUBSCRIPTION\",\"$LAB_SPOKE_2_SUBSCRIPTION\",\"$LAB_SPOKE_3_SUBSCRIPTION\"]" \
    vpnGateway="$LAB_VPN_GATEWAY" clusters="$LAB_CLUSTERS" firewallDns="$LAB_FIREWALL_DNS" \
    adminPublicKey="$(cat "$LAB_SSH_KEY")"

echo
echo 'The network is there. The app for it:'
for name in HUB_VNET_ID MONITORING_VNET_IDS FIREWALL_POLICY_ID SPOKE_SUBSCRIPTION_IDS; do
    value=$(az deployment sub show --subscription "$LAB_HUB_SUBSCRIPTION" --name "$LAB_PREFIX-$LAB_LOCATION" \
        --query "properties.outputs.$name.value" --output tsv)
    echo "  azd env set $name $value"
done
echo '  azd env set AKS_SUBNET_NAME_PATTERN ^aks-'
echo '  azd up'
echo 'Then: make lab-test'
