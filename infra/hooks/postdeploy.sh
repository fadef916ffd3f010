#!/bin/sh
# After the code is published: connects the events of each spoke with the functions, then starts a backfill.
#
# Reads what azd puts into the environment: the outputs of infra/main.bicep and `azd env set` values. Safe to run again.
#   HUBLINK_SKIP_BACKFILL=true   do not start a backfill
set -eu
cd "$(dirname "$0")/.."

: "${AZURE_LOCATION:?is set by azd}" "${AZURE_RESOURCE_GROUP:?is set by azd}" "${AZURE_FUNCTION_APP_NAME:?is set by azd}"
: "${AZURE_FUNCTION_APP_ID:?is set by azd}" "${AZURE_FUNCTION_APP_URL:?is set by azd}"
: "${HUBLINK_APP_CLIENT_ID:?is set by azd}" "${HUBLINK_EVENT_SUBSCRIPTIONS:?is set by azd}"
: "${HUBLINK_RESOURCE_TOKEN:?is set by azd}"
# shellcheck source=spokes.sh
. hooks/spokes.sh
app_subscription=$(echo "$AZURE_FUNCTION_APP_ID" | cut -d / -f 3)
attempts=${HUBLINK_ATTEMPTS:-10}
pause=${HUBLINK_PAUSE_SECONDS:-30}

# Event Grid refuses a subscription to a function that the platform does not list yet.
wait_for_functions() {
    left=$attempts
    until az rest --method get --output none --url \
        "$AZURE_FUNCTION_APP_ID/functions/retire_cluster?api-version=2024-11-01" 2>/dev/null; do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then
            echo 'The functions do not show up in the app: did publishing work? Then run: azd hooks run postdeploy' >&2
            return 1
        fi
        echo "Waiting for the functions to show up"
        sleep "$pause"
    done
}

# Several environments share a subscription's topic, so names begin with what tells this one from the others. Neither a
# deployment nor a resource group can move: the one has its region in its name, the other stays where it is.
connect() {
    spoke=$1
    az provider register --namespace Microsoft.EventGrid --subscription "$spoke" --wait --output none || return 1
    topic=$(system_topic "$spoke") || return 1
    topic_name=$(echo "$topic" | cut -f 1)
    topic_group=$(echo "$topic" | cut -f 2)
    if [ -n "$topic_name" ]; then
        echo "  uses the system topic $topic_name in $topic_group"
    fi
    place=$(az group list --subscription "$spoke" --query "[?name=='rg-aks-hublink-events'].location" --output tsv) ||
        return 1
    left=$attempts
    until az deployment sub create --subscription "$spoke" --location "$AZURE_LOCATION" \
        --name "aks-hublink-events-$HUBLINK_RESOURCE_TOKEN-$AZURE_LOCATION" \
        --template-file spoke.bicep --output none --parameters \
        location="${place:-$AZURE_LOCATION}" namePrefix="aks-hublink-$HUBLINK_RESOURCE_TOKEN" \
        functionAppId="$AZURE_FUNCTION_APP_ID" clientId="$HUBLINK_APP_CLIENT_ID" \
        actionGroupId="${HUBLINK_ACTION_GROUP_ID:-}" \
        existingTopicName="$topic_name" existingTopicResourceGroup="$topic_group"; do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then
            return 1
        fi
        echo '  trying again'
        sleep "$pause"
    done
}

# The key and the token go to curl on its standard input, so that no process list shows them.
headers() {
    key=$(az functionapp keys list --subscription "$app_subscription" --resource-group "$AZURE_RESOURCE_GROUP" \
        --name "$AZURE_FUNCTION_APP_NAME" --query functionKeys.default --output tsv)
    echo "header = \"x-functions-key: $key\""
    if [ -n "${HUBLINK_SIGN_IN_CLIENT_ID:-}" ]; then
        token=$(az account get-access-token --resource "api://$HUBLINK_SIGN_IN_CLIENT_ID" --query accessToken --output tsv)
        echo "header = \"Authorization: Bearer $token\""
    fi
}

start_backfill() {
    answer=$(mktemp)
    trap 'rm -f "$answer"' EXIT
    status=$(headers | curl --silent --show-error --max-time 240 --config - --request POST \
        --header 'Content-Type: application/json' --data '{"dryRun": false}' \
        --output "$answer" --write-out '%{http_code}' "$AZURE_FUNCTION_APP_URL/api/backfill") || status=000
    case $status in
    2??)
        echo 'A backfill is at work:'
        cat "$answer"
        echo
        ;;
    404)
        echo 'This version of the app has no backfill (404); the timer looks at every cluster at its next tick.'
        ;;
    *)
        echo "The backfill was not started (HTTP $status); the timer looks at every cluster at its next tick." >&2
        cat "$answer" >&2
        echo >&2
        ;;
    esac
}

wait_for_functions
spokes=$(event_spokes "$app_subscription")
failed=''
for spoke in $spokes; do
    echo "Connecting the events of subscription $spoke"
    connect "$spoke" || failed="$failed $spoke"
done
if [ "${HUBLINK_SKIP_BACKFILL:-false}" = true ]; then
    echo 'No backfill, as HUBLINK_SKIP_BACKFILL asks.'
else
    start_backfill
fi
if [ -n "$failed" ]; then
    echo "Events are NOT connected for:$failed" >&2
    echo 'Mend what is said above, then: azd hooks run postdeploy' >&2
    exit 1
fi
echo "Health: $AZURE_FUNCTION_APP_URL/api/health   Report: $AZURE_FUNCTION_APP_URL/api/report?code=<function key>"
