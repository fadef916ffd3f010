#!/bin/sh
# Runs `kubectl get nodes` on the VM in spoke 2 against the clusters of spokes 1 and 3: the last line of the article.
# The VM has no public address; Azure's run-command carries the command in and its output out.
set -eu
cd "$(dirname "$0")"
. ./settings.sh
group=$LAB_PREFIX-monitoring
script=$(mktemp)
trap 'rm -f "$script" "$script.config"' EXIT

check() {
    name=$1
    subscription=$2
    cluster_group=$3
    az aks get-credentials --subscription "$subscription" --resource-group "$cluster_group" --name "$name" \
        --file "$script.config" --overwrite-existing --output none
    # Also the run-command service keeps the script for a while: fine for a lab, nowhere else.
    cat >"$script" <<SCRIPT
set -u
command -v kubectl >/dev/null || {
    curl -fsSLo /usr/local/bin/kubectl https://dl.k8s.io/release/$KUBECTL_VERSION/bin/linux/amd64/kubectl &&
        chmod +x /usr/local/bin/kubectl
}
config=\$(mktemp)
echo $(base64 <"$script.config" | tr -d '\n') | base64 -d >"\$config"
kubectl --kubeconfig "\$config" get nodes --request-timeout 20s && echo REACHABLE
rm -f "\$config"
SCRIPT
    output=$(az vm run-command invoke --subscription "$LAB_SPOKE_2_SUBSCRIPTION" --resource-group "$group" \
        --name vm-monitoring --command-id RunShellScript --scripts @"$script" --query 'value[0].message' --output tsv)
    echo "$output"
    if echo "$output" | grep -q '^REACHABLE$'; then
        echo "$name is reachable from the monitoring spoke."
    else
        echo "$name is NOT reachable from the monitoring spoke. The app says why: GET /api/reachability" >&2
        result=1
    fi
}

result=0
check aks-spoke-1 "$LAB_SPOKE_1_SUBSCRIPTION" "$LAB_PREFIX-spoke-1"
check aks-spoke-3 "$LAB_SPOKE_3_SUBSCRIPTION" "$LAB_PREFIX-spoke-3"
exit "$result"
