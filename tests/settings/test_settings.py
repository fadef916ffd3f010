"""App settings: read from the environment, every mistake named in one message, no value ever quoted."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from shared.errors import SettingsError
from shared.settings import (
    Cloud,
    Mode,
    Rule,
    Settings,
    load_settings,
    load_storage_settings,
    setting_name,
    settings_from_environment,
)
from tests.builders import (
    BYO_ZONE_ID,
    HUB_ID,
    HUB_SUBSCRIPTION,
    MONITORING_ID,
    POLICY_ID,
    SPOKE_ID,
    SPOKE_SUBSCRIPTION,
    STRANGE_SUBSCRIPTION,
)

SECRET = "AccountName=st;AccountKey=c2VjcmV0LXNlY3JldA==;EndpointSuffix=core.windows.net"
REQUIRED = {
    "HUB_VNET_ID": str(HUB_ID),
    "MONITORING_VNET_IDS": str(MONITORING_ID),
    "FIREWALL_POLICY_ID": str(POLICY_ID),
    "SPOKE_SUBSCRIPTION_IDS": SPOKE_SUBSCRIPTION,
    "AzureWebJobsStorage": SECRET,
}
OTHER_VNET = str(SPOKE_ID)


@pytest.fixture
def environment(monkeypatch):
    """The environment of an app with the required settings only; call it with changes, None removes one."""
    for name in Settings.model_fields:
        monkeypatch.delenv(setting_name(name), raising=False)
    settings_from_environment.cache_clear()

    def set_all(**changes: str | None) -> None:
        for name, value in {**REQUIRED, **changes}.items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)

    set_all()
    yield set_all
    settings_from_environment.cache_clear()


def mistakes() -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return refused.value.mistakes


EVERY_SETTING = [
    ("HUB_VNET_ID", OTHER_VNET, "hub_vnet_id", SPOKE_ID),
    ("MONITORING_VNET_IDS", OTHER_VNET, "monitoring_vnet_ids", (SPOKE_ID,)),
    (
        "FIREWALL_POLICY_ID",
        str(POLICY_ID) + "-2",
        "firewall_policy_id",
        POLICY_ID.parent.resource(POLICY_ID.type, "fwp-hub-2"),
    ),
    ("FIREWALL_RULE_COLLECTION_GROUP", "rcg-other", "firewall_rule_collection_group", "rcg-other"),
    ("FIREWALL_RULE_COLLECTION_GROUP_PRIORITY", "123", "firewall_rule_collection_group_priority", 123),
    ("FIREWALL_EGRESS_GROUP", "rcg-egress", "firewall_egress_group", "rcg-egress"),
    ("FIREWALL_EGRESS_GROUP_PRIORITY", "130", "firewall_egress_group_priority", 130),
    ("FIREWALL_PRIVATE_IP", "10.9.9.9", "firewall_private_ip", IPv4Address("10.9.9.9")),
    ("SPOKE_SUBSCRIPTION_IDS", "*", "spoke_subscription_ids", frozenset({"*"})),
    ("API_CLIENT_CIDRS", "10.50.0.0/24", "api_client_cidrs", (IPv4Network("10.50.0.0/24"),)),
    ("TRUSTED_ZONE_IDS", str(BYO_ZONE_ID), "trusted_zone_ids", (BYO_ZONE_ID,)),
    ("MODE", "report", "mode", Mode.REPORT),
    ("MODE_ZONE_LINKS", "report", "mode_zone_links", Mode.REPORT),
    ("MODE_API_RULES", "report", "mode_api_rules", Mode.REPORT),
    ("MODE_ROUTE_TABLES", "report", "mode_route_tables", Mode.REPORT),
    ("MAX_CHANGES_PER_RUN", "7", "max_changes_per_run", 7),
    ("MAX_DELETIONS_PER_RUN", "0", "max_deletions_per_run", 0),
    ("STOPPED_RULE_RETENTION_HOURS", "1.5", "stopped_rule_retention_hours", 1.5),
    ("GIVE_UP_MINUTES", "5", "give_up_minutes", 5.0),
    ("DRIFT_SCHEDULE", "0 0 * * * *", "drift_schedule", "0 0 * * * *"),
    ("DRIFT_TOPIC_ENDPOINT", "https://t.example/api", "drift_topic_endpoint", "https://t.example/api"),
    ("AZURE_CLOUD", "china", "azure_cloud", Cloud.CHINA),
    ("AZURE_CLIENT_ID", "client", "azure_client_id", "client"),
    ("ARM_ENDPOINT", "https://localhost:8443", "arm_endpoint", "https://localhost:8443"),
    ("TENANT_ID", "tenant", "tenant_id", "tenant"),
    ("TIME_SCALE", "300", "time_scale", 300.0),
    ("AzureWebJobsStorage", "UseDevelopmentStorage=true", "storage_connection_string", "UseDevelopmentStorage=true"),
    ("AzureWebJobsStorage__accountName", "stcontoso", "storage_account_name", "stcontoso"),
    ("AzureWebJobsStorage__clientId", "client", "storage_client_id", "client"),
]


@pytest.mark.parametrize(("name", "text", "field", "value"), EVERY_SETTING, ids=[row[0] for row in EVERY_SETTING])
def test_setting_is_read_from_its_environment_variable(environment, name, text, field, value):
    environment(**{name: text})

    assert getattr(load_settings(), field) == value
    assert setting_name(field) == name


def test_subnet_name_pattern_is_a_regular_expression(environment):
    environment(AKS_SUBNET_NAME_PATTERN="^snet-aks-")

    assert load_settings().names_aks_subnet("snet-aks-blue")
    assert load_settings().names_aks_subnet("SNET-AKS-BLUE")
    assert not load_settings().names_aks_subnet("snet-vm")
    assert setting_name("aks_subnet_name_pattern") == "AKS_SUBNET_NAME_PATTERN"


def test_every_setting_has_a_test_of_its_name_and_a_description():
    tested = {field for _, _, field, _ in EVERY_SETTING} | {"aks_subnet_name_pattern"}

    assert set(Settings.model_fields) == tested
    assert all(info.description for info in Settings.model_fields.values())


def test_defaults(environment):
    settings = load_settings()

    assert settings.firewall_rule_collection_group == "rcg-aks-api-servers"
    assert settings.firewall_rule_collection_group_priority == 400
    assert settings.firewall_private_ip is None
    assert settings.api_client_cidrs == ()
    assert settings.aks_subnet_name_pattern is None
    assert not settings.names_aks_subnet("snet-aks")
    assert settings.trusted_zone_ids == ()
    assert settings.mode is Mode.ENFORCE
    assert (settings.mode_zone_links, settings.mode_api_rules, settings.mode_route_tables) == (None, None, None)
    assert settings.max_changes_per_run == 100
    assert settings.max_deletions_per_run == 10
    assert settings.stopped_rule_retention_hours == 0.0
    assert settings.give_up_minutes == 180.0
    assert settings.drift_schedule == "0 */15 * * * *"
    assert settings.drift_topic_endpoint is None
    assert settings.tenant_id is None
    assert settings.azure_cloud is Cloud.PUBLIC
    assert settings.azure_client_id is None
    assert settings.arm_endpoint is None
    assert settings.time_scale == 1.0
    assert settings.storage_account_name is None
    assert settings.storage_client_id is None


def test_nothing_set_names_everything_that_is_required(environment):
    environment(**dict.fromkeys(REQUIRED))

    assert set(mistakes()) == {
        "AzureWebJobsStorage__accountName or AzureWebJobsStorage is required",
        "HUB_VNET_ID is required",
        "MONITORING_VNET_IDS is required",
        "FIREWALL_POLICY_ID is required",
        "SPOKE_SUBSCRIPTION_IDS is required",
    }


def test_empty_values_count_as_unset(environment):
    environment(MODE="", FIREWALL_PRIVATE_IP="", TRUSTED_ZONE_IDS="", AKS_SUBNET_NAME_PATTERN="", HUB_VNET_ID="")

    assert mistakes() == ("HUB_VNET_ID is required",)


WRONG = {
    "HUB_VNET_ID": "not a resource id of a VNet",
    "MONITORING_VNET_IDS": f"{HUB_ID},{POLICY_ID}",
    "FIREWALL_POLICY_ID": str(HUB_ID),
    "FIREWALL_RULE_COLLECTION_GROUP": "has/slash",
    "FIREWALL_RULE_COLLECTION_GROUP_PRIORITY": "99",
    "FIREWALL_PRIVATE_IP": "10.0.0.256",
    "SPOKE_SUBSCRIPTION_IDS": "contoso-prod",
    "API_CLIENT_CIDRS": "10.0.0.1/8",
    "AKS_SUBNET_NAME_PATTERN": "aks-[",
    "TRUSTED_ZONE_IDS": "privatelink.westeurope.azmk8s.io",
    "MODE": "dry-run",
    "MODE_ZONE_LINKS": "off",
    "MODE_API_RULES": "off",
    "MODE_ROUTE_TABLES": "off",
    "MAX_CHANGES_PER_RUN": "0",
    "MAX_DELETIONS_PER_RUN": "-1",
    "STOPPED_RULE_RETENTION_HOURS": "inf",
    "GIVE_UP_MINUTES": "0",
    "DRIFT_TOPIC_ENDPOINT": "http://plain.example",
    "ARM_ENDPOINT": "localhost",
    "AZURE_CLOUD": "germany",
    "TIME_SCALE": "0",
    "AzureWebJobsStorage__accountName": "Has-Capitals",
}


def test_every_mistake_is_named_in_one_message(environment):
    environment(**WRONG)

    found = mistakes()

    assert sorted(mistake.split()[0] for mistake in found) == sorted(WRONG)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert all(mistake in str(refused.value) for mistake in found)


@pytest.mark.parametrize("name", list(WRONG))
def test_one_mistake_is_named_alone(environment, name):
    environment(**{name: WRONG[name]})

    [mistake] = mistakes()

    assert mistake.startswith(f"{name} ")


SECRETIVE = [name for name, *_ in EVERY_SETTING if name != "AzureWebJobsStorage"]
FREE_TEXT = {"DRIFT_SCHEDULE", "AZURE_CLIENT_ID", "TENANT_ID", "AzureWebJobsStorage__clientId"}


@pytest.mark.parametrize("name", [name for name in SECRETIVE if name not in FREE_TEXT])
def test_value_in_the_wrong_place_is_not_quoted(environment, name):
    environment(**{name: SECRET})

    assert "c2VjcmV0" not in str(mistakes())


def test_connection_string_is_not_in_the_representation(environment):
    assert "c2VjcmV0" not in repr(load_settings())


def test_resource_of_another_type_is_named_by_its_type(environment):
    environment(FIREWALL_POLICY_ID=str(HUB_ID))

    assert mistakes() == (
        "FIREWALL_POLICY_ID is a Microsoft.Network/virtualNetworks, not a Microsoft.Network/firewallPolicies",
    )


def test_lists_ignore_blanks_and_repeat_nothing_in_other_case(environment):
    environment(
        MONITORING_VNET_IDS=f" {MONITORING_ID} ,, {str(MONITORING_ID).upper()},{HUB_ID},",
        SPOKE_SUBSCRIPTION_IDS=f"{STRANGE_SUBSCRIPTION.upper()}, {STRANGE_SUBSCRIPTION},",
        TRUSTED_ZONE_IDS=f"{BYO_ZONE_ID},{str(BYO_ZONE_ID).lower()}",
        API_CLIENT_CIDRS="10.50.0.0/24, 10.51.0.0/24,10.50.0.0/24,",
    )
    settings = load_settings()

    assert settings.monitoring_vnet_ids == (MONITORING_ID, HUB_ID)
    assert str(settings.monitoring_vnet_ids[0]) == str(MONITORING_ID)
    assert settings.spoke_subscription_ids == frozenset({STRANGE_SUBSCRIPTION})
    assert settings.trusted_zone_ids == (BYO_ZONE_ID,)
    assert settings.api_client_cidrs == (IPv4Network("10.50.0.0/24"), IPv4Network("10.51.0.0/24"))


@pytest.mark.parametrize("name", ["MONITORING_VNET_IDS", "SPOKE_SUBSCRIPTION_IDS"])
def test_list_of_blanks_is_empty(environment, name):
    environment(**{name: " , ,"})

    assert mistakes() == (f"{name} must not be empty",)


def test_all_wrong_subscriptions_are_counted(environment):
    environment(SPOKE_SUBSCRIPTION_IDS=f"prod,{SPOKE_SUBSCRIPTION},dev")

    assert mistakes() == ("SPOKE_SUBSCRIPTION_IDS 2 of its values are no subscription id",)


def test_named_subscriptions_are_allowed_in_any_case(environment):
    settings = load_settings()

    assert settings.allows_subscription(SPOKE_SUBSCRIPTION.upper())
    assert not settings.allows_subscription(HUB_SUBSCRIPTION)


@pytest.mark.parametrize("text", ["*", f"{HUB_SUBSCRIPTION},*"])
def test_asterisk_allows_every_subscription(environment, text):
    environment(SPOKE_SUBSCRIPTION_IDS=text)

    assert load_settings().allows_subscription(STRANGE_SUBSCRIPTION)


def test_storage_can_be_an_account_with_identity(environment):
    environment(AzureWebJobsStorage=None, AzureWebJobsStorage__accountName="stcontoso")

    assert load_settings().storage_account_name == "stcontoso"
    assert load_settings().storage_connection_string is None


def test_storage_settings_are_read_although_the_others_are_wrong(environment):
    environment(HUB_VNET_ID=None, MODE="dry-run")

    assert load_storage_settings().storage_connection_string == SECRET
    environment(AzureWebJobsStorage=None)
    with pytest.raises(SettingsError, match="AzureWebJobsStorage is required"):
        load_storage_settings()


def test_mode_holds_for_every_rule_unless_overridden(environment):
    environment(MODE="report", MODE_API_RULES="enforce")
    settings = load_settings()

    assert [settings.mode_of(rule) for rule in Rule] == [Mode.REPORT, Mode.ENFORCE, Mode.REPORT]


@pytest.mark.parametrize("rule", list(Rule))
def test_each_rule_has_an_override_of_its_own(environment, rule):
    environment(**{f"MODE_{rule.upper()}": "report"})
    settings = load_settings()

    assert {other for other in Rule if settings.mode_of(other) is Mode.REPORT} == {rule}


def test_arguments_win_over_the_environment(environment):
    environment(MODE="report")

    assert load_settings(mode="enforce").mode is Mode.ENFORCE
    assert load_settings(hub_vnet_id=SPOKE_ID).hub_vnet_id == SPOKE_ID


def test_settings_of_the_process_are_read_once_but_a_failure_is_not_remembered(environment):
    environment(HUB_VNET_ID=None)
    with pytest.raises(SettingsError):
        settings_from_environment()
    environment()
    first = settings_from_environment()
    environment(MODE="report")

    assert settings_from_environment() is first
