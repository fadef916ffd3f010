"""What templates, code and local Azure must agree on."""

from __future__ import annotations

import json
import re

import pytest
from tree_sitter import Node

from shared.settings import Cloud, Settings, StorageSettings, load_settings, load_storage_settings, setting_name
from shared.storage import names
from tests.infra.bicep import INFRA, declarations, declared, objects, properties, strings, text, walk
from tests.registered import registered_functions

MAIN = INFRA / "main.bicep"
APP = INFRA / "modules" / "app.bicep"
STORAGE = INFRA / "modules" / "storage.bicep"
EVENTS = INFRA / "modules" / "spoke_events.bicep"

NETWORK = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers"
# Settings that lead the app to a local Azure; in Azure they have no value.
ONLY_LOCAL = {"AzureWebJobsStorage", "ARM_ENDPOINT", "TIME_SCALE"}
# Settings that the host reads, not the app.
OF_THE_HOST = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
}
# Another name of one of the model's settings, for clouds in which the host must not see the first.
OTHER_NAMES = {"STORAGE_ACCOUNT_NAME": "AzureWebJobsStorage__accountName"}


def settings_of_the_model() -> set[str]:
    return {setting_name(field) for field in Settings.model_fields}


def settings_of_the_templates() -> set[str]:
    ours = properties(declared(MAIN, "var", "settings").body)
    host = properties(declared(APP, "var", "hostSettings").body)
    storage = [name for item in storage_settings() for name in item]
    return {OTHER_NAMES.get(name, name) for name in (*ours, *host, *storage)}


def storage_settings() -> list[dict[str, Node]]:
    """Of the public cloud, and of others."""
    return [properties(item) for item in objects(declared(APP, "var", "storageSettings").body)]


def difference(model: set[str], templates: set[str]) -> dict[str, set[str]]:
    return {
        "not in the templates": model - ONLY_LOCAL - templates,
        "not in shared/settings.py": templates - OF_THE_HOST - model,
    }


def test_app_settings_are_exactly_those_of_the_settings_model():
    found = difference(settings_of_the_model(), settings_of_the_templates())
    assert found == {"not in the templates": set(), "not in shared/settings.py": set()}


def test_the_exceptions_of_the_comparison_are_still_needed():
    assert settings_of_the_model() - settings_of_the_templates() >= ONLY_LOCAL
    assert settings_of_the_templates() - settings_of_the_model() >= OF_THE_HOST


def test_the_queue_trigger_is_not_led_to_the_public_cloud_by_the_name_of_the_account(monkeypatch):
    public, others = storage_settings()
    assert set(public) == {"AzureWebJobsStorage__accountName"}
    assert "AzureWebJobsStorage__accountName" not in others
    monkeypatch.setenv("STORAGE_ACCOUNT_NAME", "example")
    assert load_storage_settings().storage_account_name == "example"
    suffix = text(declared(APP, "var", "storageSuffix").body)
    assert suffix == "environment().suffixes.storage"
    for service in ("blob", "queue", "table"):
        written = text(others[f"AzureWebJobsStorage__{service}ServiceUri"])
        assert written == f"https://${{storageAccountName}}.{service}.${{storageSuffix}}"


def test_a_setting_that_only_the_model_knows_is_noticed():
    assert difference({*settings_of_the_model(), "NEW"}, settings_of_the_templates())["not in the templates"] == {"NEW"}


def test_a_setting_that_only_the_templates_know_is_noticed():
    found = difference(settings_of_the_model(), {*settings_of_the_templates(), "NEW"})
    assert found["not in shared/settings.py"] == {"NEW"}


def test_settings_left_empty_by_the_templates_mean_their_defaults(monkeypatch):
    written = properties(declared(MAIN, "var", "settings").body)
    for name in written:
        monkeypatch.setenv(name, "")
    required = {
        "HUB_VNET_ID": f"{NETWORK}/Microsoft.Network/virtualNetworks/hub",
        "MONITORING_VNET_IDS": f"{NETWORK}/Microsoft.Network/virtualNetworks/mon",
        "FIREWALL_POLICY_ID": f"{NETWORK}/Microsoft.Network/firewallPolicies/fp",
        "SPOKE_SUBSCRIPTION_IDS": "00000000-0000-0000-0000-000000000001",
        "AzureWebJobsStorage__accountName": "example",
    }
    for name, value in required.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    given = {
        "hub_vnet_id",
        "monitoring_vnet_ids",
        "firewall_policy_id",
        "spoke_subscription_ids",
        "storage_account_name",
    }
    for field, info in Settings.model_fields.items():
        if field not in given | set(StorageSettings.model_fields):
            assert getattr(settings, field) == info.default, field


@pytest.mark.parametrize(
    ("parameter", "field"),
    [
        ("firewallRuleCollectionGroup", "firewall_rule_collection_group"),
        ("firewallRuleCollectionGroupPriority", "firewall_rule_collection_group_priority"),
        ("firewallEgressGroupPriority", "firewall_egress_group_priority"),
        ("mode", "mode"),
        ("maxChangesPerRun", "max_changes_per_run"),
        ("maxDeletionsPerRun", "max_deletions_per_run"),
        ("stoppedRuleRetentionHours", "stopped_rule_retention_hours"),
        ("giveUpMinutes", "give_up_minutes"),
        ("driftSchedule", "drift_schedule"),
    ],
)
def test_defaults_of_the_template_are_those_of_the_model(parameter, field):
    written = text(declared(MAIN, "param", parameter).body)
    default = Settings.model_fields[field].default
    assert written == (f"{default:g}" if isinstance(default, float) else str(default))


def test_names_of_queues_tables_and_containers_are_those_of_the_code():
    found = {
        name: tuple(strings(declared(STORAGE, "var", name).body))
        for name in ("queueNames", "tableNames", "containerNames")
    }
    assert found == {"queueNames": names.QUEUES, "tableNames": names.TABLES, "containerNames": names.CONTAINERS}


def test_the_package_container_is_none_of_the_apps():
    assert text(declared(STORAGE, "var", "packageContainer").body) not in names.CONTAINERS


def test_clouds_of_the_template_are_clouds_of_the_model():
    written = properties(declared(MAIN, "var", "clouds").body)
    assert {text(value) for value in written.values()} == set(Cloud)


def test_no_shared_keys():
    written = text(declared(STORAGE, "resource", "account").node)
    assert "allowSharedKeyAccess: false" in written
    assert "AccountKey" not in written


def test_one_http_instance_is_always_ready():
    written = text(declared(APP, "resource", "site").node)
    assert re.search(r"name: 'http'\s+instanceCount: zoneRedundant \? 2 : 1", written)


def test_configuration_of_the_site_is_written_one_after_the_other():
    chain = [
        (item.name, text(properties(next(objects(item.body)))["dependsOn"]).strip("[]\n "))
        for item in declarations(APP)
        if item.kind == "resource" and "dependsOn" in properties(next(objects(item.body)))
    ]
    children = [item.name for item in declarations(APP) if "parent: site" in text(item.node)]
    assert chain == list(zip(children[1:], children, strict=False))


def test_tokens_of_the_sign_in_are_accepted_by_either_name_of_the_registration():
    written = text(declared(APP, "resource", "signIn").node)
    assert re.search(r"allowedAudiences: \[\s+signInClientId\s+'api://\$\{signInClientId\}'\s+\]", written)
    assert "/v2.0'" in written
    assert "requestedAccessTokenVersion" in (INFRA.parent / "docs" / "deploy.md").read_text()


def test_sampling_drops_no_line_that_an_alert_counts():
    host = json.loads((INFRA.parent / "host.json").read_text())
    sampling = host["logging"]["applicationInsights"]["samplingSettings"]
    assert {"Request", "Exception", "Trace"} <= set(sampling["excludedTypes"].split(";"))
    assert "count()" not in (INFRA / "workbook.json").read_text()


def event_table() -> dict[str, dict[str, list[str]]]:
    return json.loads((INFRA / "event_subscriptions.json").read_text())


def test_every_event_grid_function_has_its_event_subscription():
    triggered = {
        function.get_function_name()
        for function in registered_functions()
        if function.get_trigger().type == "eventGridTrigger"
    }
    assert set(event_table()) == triggered
    assert set(strings(declared(EVENTS, "var", "functions").body)) == triggered


def test_every_function_of_the_event_table_has_what_the_template_reads():
    for name, entry in event_table().items():
        assert set(entry) == {"eventTypes", "operationNames"}, name
        assert entry["eventTypes"], name
        assert entry["operationNames"], name


def event_filters() -> list[dict[str, str]]:
    (body,) = objects(declared(EVENTS, "resource", "eventSubscriptions").body)
    filters = properties(properties(properties(body)["properties"])["filter"])["advancedFilters"]
    return [{name: text(value) for name, value in properties(item).items()} for item in objects(filters)]


def test_events_are_filtered_by_operation_and_not_by_our_own_hand():
    operation, echo = event_filters()
    assert (operation["operatorType"], operation["key"], operation["values"]) == (
        "StringIn",
        "data.operationName",
        "table[function].operationNames",
    )
    assert (echo["operatorType"], echo["key"]) == ("StringNotIn", "data.claims.appid")
    assert "clientId" in echo["values"]


def test_no_event_subscription_has_more_filter_values_than_event_grid_takes():
    for name, entry in event_table().items():
        assert len(entry["operationNames"]) + 1 <= 25, name
        assert all(len(value) <= 512 for value in entry["operationNames"])


def test_event_subscriptions_retry_for_a_day():
    written = text(declared(EVENTS, "resource", "eventSubscriptions").node)
    assert "maxDeliveryAttempts: 30" in written
    assert "eventTimeToLiveInMinutes: 1440" in written
    assert "deadLetter" not in written  # its storage would need shared keys: the topic can have no identity


def test_names_of_event_subscriptions_are_valid():
    for name in event_table():
        assert re.fullmatch(r"[a-zA-Z0-9-]{3,64}", f"{'p' * 40}-{name.replace('_', '-')}"), name


def test_the_role_of_the_templates_is_the_one_that_the_local_azure_enforces():
    from local.azure.seed import contoso

    assert contoso.ROLE == INFRA / "role_definition.json"
    for name in ("main.bicep", "management_group.bicep"):
        assert text(declared(INFRA / name, "var", "role").body) == "loadJsonContent('role_definition.json')"
    role = json.loads(contoso.ROLE.read_text())
    assert {"roleName", "description", "actions", "notActions", "dataActions", "notDataActions"} <= set(role)


def test_the_role_grants_nothing_wholesale_and_no_data():
    role = json.loads((INFRA / "role_definition.json").read_text())
    assert not [action for action in role["actions"] if "*" in action]
    assert role["dataActions"] == []


def test_settings_of_the_lab_are_settings_of_the_app():
    outputs = {
        text(next(child for child in node.named_children if child.type == "identifier"))
        for node in walk(declared(INFRA / "lab" / "main.bicep", "var", "tags").node.parent)
        if node.type == "output_declaration"
    }
    assert outputs == {"HUB_VNET_ID", "MONITORING_VNET_IDS", "FIREWALL_POLICY_ID", "SPOKE_SUBSCRIPTION_IDS"}
    assert outputs <= settings_of_the_model()


def test_the_lab_has_the_names_of_the_local_contoso():
    from local.azure.seed import contoso

    lab = text(declared(INFRA / "lab" / "main.bicep", "var", "spokes").node)
    hub = (INFRA / "lab" / "modules" / "hub.bicep").read_text()
    for spoke in contoso.SPOKES:
        assert f"'{spoke.vnet}'" in lab
    for resource in (contoso.HUB_VNET, contoso.FIREWALL, contoso.POLICY, contoso.PLATFORM_GROUP):
        assert f"'{resource.rpartition('/')[2]}'" in hub
