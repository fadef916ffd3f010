#!/bin/sh
# Removes the lab: its four resource groups, the clusters' node groups with them. Waits until they are gone.
set -eu
cd "$(dirname "$0")"
. ./settings.sh

echo "Removes $LAB_PREFIX-spoke-1, -spoke-3, -monitoring and -hub."
if [ "${LAB_YES:-false}" != true ]; then
    printf 'Go on? [y/N] '
    read -r reply
    [ "$reply" = y ] || exit 1
fi
# An az that fails is not the same as a group that is gone.
exists() {
    answer=$(az group exists --subscription "$1" --name "$2") || exit 1
    [ "$answer" = true ]
}
remove() {
    if exists "$1" "$2"; then
        az group delete --subscription "$1" --name "$2" --yes --no-wait
    fi
}
gone() {
    if exists "$1" "$2"; then
        echo "Waiting for $2"
        az group wait --subscription "$1" --name "$2" --deleted --timeout 5400
    fi
}
remove "$LAB_SPOKE_1_SUBSCRIPTION" "$LAB_PREFIX-spoke-1"
remove "$LAB_SPOKE_2_SUBSCRIPTION" "$LAB_PREFIX-monitoring"
remove "$LAB_SPOKE_3_SUBSCRIPTION" "$LAB_PREFIX-spoke-3"
gone "$LAB_SPOKE_1_SUBSCRIPTION" "$LAB_PREFIX-spoke-1"
gone "$LAB_SPOKE_2_SUBSCRIPTION" "$LAB_PREFIX-monitoring"
gone "$LAB_SPOKE_3_SUBSCRIPTION" "$LAB_PREFIX-spoke-3"
# The hub goes last: peerings and links lead to it.
remove "$LAB_HUB_SUBSCRIPTION" "$LAB_PREFIX-hub"
gone "$LAB_HUB_SUBSCRIPTION" "$LAB_PREFIX-hub"
echo 'The lab is gone.'
