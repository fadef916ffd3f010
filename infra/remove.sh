#!/bin/sh
# Removes what a deployment has put outside the app's own resource group, in this order: event subscriptions and their
# alerts, our system topics with their group if nobody else uses them, the role's assignments, the role. Then `azd down`
# removes the app. Events go first: Event Grid is not to deliver to an app that is going.
#
#   infra/remove.sh          lists what it will delete, asks, deletes
#   infra/remove.sh --yes    does not ask
#
# Reads the azd environment that is selected (another one: AZURE_ENV_NAME=name infra/remove.sh). Safe to run again.
# What the app wrote into the network stays, so that no cluster is cut off; so does a role given on a management group.
set -eu
cd "$(dirname "$0")"
# shellcheck source=hooks/spokes.sh
. hooks/spokes.sh

attempts=${HUBLINK_ATTEMPTS:-10}
pause=${HUBLINK_PAUSE_SECONDS:-30}
events_group=rg-aks-hublink-events
plan=$(mktemp)
trap 'rm -f "$plan"' EXIT

setting() {
    azd env get-value "$1" 2>/dev/null || {
        echo "$1 is not in the azd environment: is the right one selected (azd env list), and was it deployed?" >&2
        return 1
    }
}

lower() {
    tr '[:upper:]' '[:lower:]'
}

app_id=$(setting AZURE_FUNCTION_APP_ID)
token=$(setting HUBLINK_RESOURCE_TOKEN)
principal=$(setting HUBLINK_APP_PRINCIPAL_ID)
role=$(setting HUBLINK_ROLE_DEFINITION_NAME)
HUBLINK_EVENT_SUBSCRIPTIONS=$(setting HUBLINK_EVENT_SUBSCRIPTIONS)
hub=$(setting HUB_VNET_ID)
monitoring=$(setting MONITORING_VNET_IDS)
policy=$(setting FIREWALL_POLICY_ID)
further=$(azd env get-value HUBLINK_FURTHER_RESOURCE_GROUP_IDS 2>/dev/null) || further=''
app_subscription=$(echo "$app_id" | cut -d / -f 3)
spokes=$(event_spokes "$app_subscription")

# One line for each thing to delete: what|subscription|resource group|parent|name
add() {
    printf '%s|%s|%s|%s|%s\n' "$@" >>"$plan"
}

add_each() {
    for name in $1; do
        add "$2" "$3" "$4" "$5" "$name"
    done
}

plan_topic() {
    events=$(az eventgrid system-topic event-subscription list --subscription "$1" --resource-group "$3" \
        --system-topic-name "$2" --query '[].name' --output tsv) || return 1
    alerts=$(az monitor metrics alert list --subscription "$1" --resource-group "$3" \
        --query "[?starts_with(name, 'aks-hublink-$token-')].name" --output tsv) || return 1
    add_each "$(echo "$events" | grep "^aks-hublink-$token-")" event-subscription "$1" "$3" "$2"
    add_each "$alerts" alert "$1" "$3" -
    if echo "$events" | grep -v "^aks-hublink-$token-" | grep -q .; then
        echo "  its topic $2 has other event subscriptions and stays"
    elif [ "$(echo "$3" | lower)" = "$events_group" ]; then
        add topic "$1" "$3" - "$2"
        plan_group "$1" "$2"
    fi
}

# $2 is the topic, which goes first; the group goes if it holds nothing else.
plan_group() {
    others=$(az resource list --subscription "$1" --resource-group "$events_group" --output tsv --query \
        "[?name!='$2' && !starts_with(name, 'aks-hublink-$token-')].id") || return 1
    if [ -z "$others" ]; then
        add group "$1" - - "$events_group"
    else
        echo "  its group $events_group holds something else and stays"
    fi
}

plan_events() {
    echo "Looking at the events of subscription $1"
    topic=$(system_topic "$1") || return 1
    group=$(az group list --subscription "$1" --query "[?name=='$events_group'].name" --output tsv) || return 1
    if [ -n "$topic" ]; then
        plan_topic "$1" "$(echo "$topic" | cut -f 1)" "$(echo "$topic" | cut -f 2)"
    elif [ -n "$group" ]; then
        plan_group "$1" ''
    fi
}

# The hub, monitoring VNets and the policy may be in other subscriptions than the spokes.
all_subscriptions() {
    {
        echo "$app_subscription"
        echo "$spokes"
        echo "$hub,$monitoring,$policy,$further" | tr ',' '\n' | cut -d / -f 3
    } | lower | grep . | sort -u
}

plan_assignments() {
    found=$(az role assignment list --all --subscription "$1" --output tsv --query \
        "[?principalId=='$principal' && ends_with(roleDefinitionId, '$role')].id") || return 1
    add_each "$found" role-assignment "$1" - -
}

plan_role() {
    found=$(az role definition list --subscription "$app_subscription" --custom-role-only true --name "$role" \
        --query '[].roleName' --output tsv) || return 1
    if [ -n "$found" ]; then
        add role "$app_subscription" - - "$found"
    fi
}

delete() {
    case $1 in
    event-subscription)
        az eventgrid system-topic event-subscription delete --subscription "$2" --resource-group "$3" \
            --system-topic-name "$4" --name "$5" --yes
        ;;
    alert) az monitor metrics alert delete --subscription "$2" --resource-group "$3" --name "$5" ;;
    topic) az eventgrid system-topic delete --subscription "$2" --resource-group "$3" --name "$5" --yes ;;
    group) az group delete --subscription "$2" --name "$5" --yes ;;
    role-assignment) az role assignment delete --subscription "$2" --ids "$5" ;;
    role) delete_role "$2" ;;
    esac
}

# A role with assignments is not deleted, and that they are gone is known everywhere only after a while.
delete_role() {
    left=$attempts
    until az role definition delete --name "$role" --scope "/subscriptions/$1" --custom-role-only true; do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then
            return 1
        fi
        echo "  trying again in $pause seconds"
        sleep "$pause"
    done
}

for subscription in $spokes; do
    plan_events "$subscription"
done
echo 'Looking at role assignments'
for subscription in $(all_subscriptions); do
    plan_assignments "$subscription"
done
plan_role

if [ -s "$plan" ]; then
    echo 'To be deleted, in this order:'
    awk -F '|' '{ printf "  %s %s (%s)\n", $1, $5, $2 }' "$plan"
    if [ "${1:-}" != --yes ]; then
        printf 'Go on? [y/N] '
        read -r reply
        [ "$reply" = y ] || exit 1
    fi
else
    echo 'Nothing is left of it outside the app'\''s own resource group.'
fi
failed=0
while IFS='|' read -r what subscription group parent name <&3; do
    echo "Deleting $what $name"
    delete "$what" "$subscription" "$group" "$parent" "$name" || failed=1
done 3<"$plan"
if [ "$failed" -ne 0 ]; then
    echo 'Not everything could be deleted. Mend what is said above and run this again; then: azd down --purge' >&2
    exit 1
fi
echo 'Now the app itself: azd down --purge'
