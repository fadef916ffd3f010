# shellcheck shell=sh
# Whose events the app gets; read by postdeploy.sh and remove.sh. postdeploy.ps1 has the same in its own language.

# Prints the subscriptions, one a line; $1 is the app's own. Fails if az fails or there is none: a loop over the output of
# a command takes both for nothing to do.
event_spokes() {
    if [ "$HUBLINK_EVENT_SUBSCRIPTIONS" = '*' ]; then
        tenant=$(az account show --subscription "$1" --query tenantId --output tsv) || return 1
        found=$(az account list --query "[?state=='Enabled' && tenantId=='$tenant'].id" --output tsv) || return 1
    else
        found=$(echo "$HUBLINK_EVENT_SUBSCRIPTIONS" | tr ',' '\n')
    fi
    if [ -z "$found" ]; then
        echo 'There is no subscription whose events could be connected: see az account list.' >&2
        return 1
    fi
    echo "$found"
}

# Prints name and group of the topic for a subscription's own events, if there is one: there is one at most, which
# another environment or another tool may have made.
system_topic() {
    az eventgrid system-topic list --subscription "$1" --output tsv --query \
        "[?topicType=='Microsoft.Resources.Subscriptions' || topicType=='microsoft.resources.subscriptions'] | [0:1].[name, resourceGroup]"
}
