"""Subscription events as Azure sends them: read with all their noise, and refused when they are not ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared import events
from shared.errors import IrrelevantEvent
from shared.events import ResourceEvent, event_filters, is_looked_after, read_event, require_ours
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from tests.builders import (
    BYO_ZONE_ID,
    CLUSTER_ID,
    HUB_ID,
    MONITORING_ID,
    OUR_TABLE_ID,
    POLICY_ID,
    SPOKE_ID,
    STRANGE_SUBSCRIPTION,
    ZONE_ID,
    settings,
)

FIXTURES = Path(__file__).parent / "fixtures"
INFRA_TABLE = Path(__file__).parents[2] / "infra" / "event_subscriptions.json"
TENANT = "44444444-4444-4444-8444-444444444444"
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)

FILES = {
    "zone_write": ({"link_dns_zone"}, ScopeKind.ZONE, ZONE_ID),
    "link_delete": ({"link_dns_zone"}, ScopeKind.ZONE, ZONE_ID),
    "cluster_write": ({"allow_api_server", "attach_route_table"}, ScopeKind.CLUSTER, CLUSTER_ID),
    "cluster_start": ({"allow_api_server"}, ScopeKind.CLUSTER, CLUSTER_ID),
    "cluster_stop": ({"allow_api_server"}, ScopeKind.CLUSTER, CLUSTER_ID),
    "record_write": ({"allow_api_server"}, ScopeKind.ZONE, ZONE_ID),
    "vnet_write": ({"attach_route_table"}, ScopeKind.VIRTUAL_NETWORK, SPOKE_ID),
    "subnet_write": ({"attach_route_table"}, ScopeKind.VIRTUAL_NETWORK, SPOKE_ID),
    "peering_write": ({"attach_route_table"}, ScopeKind.VIRTUAL_NETWORK, SPOKE_ID),
    "route_table_write": ({"attach_route_table"}, ScopeKind.ROUTE_TABLE, OUR_TABLE_ID),
    "route_write": ({"attach_route_table"}, ScopeKind.ROUTE_TABLE, OUR_TABLE_ID),
    "route_delete": ({"attach_route_table"}, ScopeKind.ROUTE_TABLE, OUR_TABLE_ID),
    "node_pool_write": ({"attach_route_table"}, ScopeKind.CLUSTER, CLUSTER_ID),
    "cluster_delete": ({"retire_cluster"}, ScopeKind.CLUSTER, CLUSTER_ID),
    "firewall_policy_write": ({"allow_api_server"}, ScopeKind.FIREWALL_POLICY, POLICY_ID),
    "rule_collection_group_write": ({"allow_api_server"}, ScopeKind.FIREWALL_POLICY, POLICY_ID),
    "rule_collection_group_delete": ({"allow_api_server"}, ScopeKind.FIREWALL_POLICY, POLICY_ID),
}


def wire(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return found


def read(event: dict[str, Any], function: str, **changes: Any) -> ResourceEvent:
    arguments = {
        "event_id": event["id"],
        "event_type": event["eventType"],
        "subject": event["subject"],
        "data": event["data"],
        "time": WHEN,
        "function": function,
    }
    return read_event(**{**arguments, **changes})


@pytest.mark.parametrize("name", list(FILES))
def test_event_leads_to_its_scope_for_the_functions_that_want_it(name):
    functions, kind, resource = FILES[name]

    for function in event_filters():
        if function in functions:
            assert read(wire(name), function).scope == Scope(kind=kind, resource=resource)
        else:
            with pytest.raises(IrrelevantEvent):
                read(wire(name), function)


def test_every_operation_has_an_event():
    wanted = {operation for wanted in event_filters().values() for operation in wanted.operations}

    assert {path.stem for path in FIXTURES.glob("*.json")} == set(FILES)
    assert {wire(name)["data"]["operationName"].lower() for name in FILES} == wanted


def test_event_is_reduced_to_what_is_used():
    event = wire("cluster_start")

    assert read(event, "allow_api_server") == ResourceEvent(
        event_id=event["id"],
        event_type="microsoft.resources.resourceactionsuccess",
        operation="microsoft.containerservice/managedclusters/start/action",
        resource=CLUSTER_ID,
        tenant_id=TENANT,
        correlation_id=event["data"]["correlationId"],
        time=WHEN,
    )


@pytest.mark.parametrize("kind", ["ResourceWriteFailure", "ResourceWriteCancel", "ResourceActionSuccess"])
def test_event_type_that_was_not_asked_for_is_refused(kind):
    with pytest.raises(IrrelevantEvent, match="event type not wanted"):
        read(wire("zone_write"), "link_dns_zone", event_type=f"Microsoft.Resources.{kind}")


@pytest.mark.parametrize(
    "operation",
    ["Microsoft.Resources/deployments/write", "Microsoft.Network/privateDnsZones/delete", "", None, 7, "x" * 9999],
)
def test_operation_that_was_not_asked_for_is_refused(operation):
    event = wire("zone_write")
    event["data"]["operationName"] = operation

    with pytest.raises(IrrelevantEvent, match="operation not wanted"):
        read(event, "link_dns_zone")


@pytest.mark.parametrize("data", [None, "text", [], 7])
def test_data_that_is_no_object_is_refused(data):
    with pytest.raises(IrrelevantEvent, match="event without data"):
        read(wire("zone_write"), "link_dns_zone", data=data)


def test_event_without_a_subject_uses_the_resource_uri():
    assert read(wire("zone_write"), "link_dns_zone", subject="").resource == ZONE_ID


@pytest.mark.parametrize("uri", [None, "", "zone", {"id": str(ZONE_ID)}])
def test_event_that_points_nowhere_is_refused(uri):
    event = wire("zone_write")
    event["data"]["resourceUri"] = uri

    with pytest.raises(IrrelevantEvent, match="subject is no resource id"):
        read(event, "link_dns_zone", subject="")


@pytest.mark.parametrize("subject", ["vnet", f"{ZONE_ID}/../../secret", f"{ZONE_ID}\n", "x" * 1_000_000])
def test_subject_that_is_no_resource_id_is_refused(subject):
    with pytest.raises(IrrelevantEvent, match="subject is no resource id"):
        read(wire("zone_write"), "link_dns_zone", subject=subject)


def test_resource_that_nobody_looks_at_has_no_scope():
    event = read(
        wire("zone_write"), "link_dns_zone", subject=str(SPOKE_ID.group.resource("Microsoft.Compute/disks", "d"))
    )

    with pytest.raises(IrrelevantEvent, match="nobody looks at"):
        _ = event.scope


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "ä", "x" * 65, "", None, 7])
def test_correlation_id_that_is_no_header_value_is_dropped(text):
    event = wire("zone_write")
    event["data"]["correlationId"] = text

    assert read(event, "link_dns_zone").correlation_id == ""


def test_event_id_of_any_length_is_cut():
    assert len(read(wire("zone_write"), "link_dns_zone", event_id="x" * 10_000).event_id) == 2048


def test_event_of_another_tenant_is_refused():
    event = read(wire("zone_write"), "link_dns_zone")

    require_ours(event, settings(tenant_id=TENANT.upper()))
    require_ours(event, settings())
    with pytest.raises(IrrelevantEvent, match="another tenant"):
        require_ours(event, settings(tenant_id=STRANGE_SUBSCRIPTION))


def test_event_of_a_subscription_that_is_not_looked_after_is_refused():
    event = read(wire("zone_write"), "link_dns_zone")

    require_ours(event, settings(spoke_subscription_ids="*"))
    with pytest.raises(IrrelevantEvent, match="not looked after"):
        require_ours(event, settings(spoke_subscription_ids=STRANGE_SUBSCRIPTION))


@pytest.mark.parametrize(
    ("resource", "answer"),
    [
        (SPOKE_ID, True),
        (HUB_ID, True),
        (MONITORING_ID, True),
        (BYO_ZONE_ID, True),
        (ResourceId.parse(str(BYO_ZONE_ID).upper()), True),
        (HUB_ID.group.resource(HUB_ID.type, "vnet-other"), False),
        (BYO_ZONE_ID.group.resource(BYO_ZONE_ID.type, "privatelink.northeurope.azmk8s.io"), False),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else str(value),
)
def test_places_named_in_the_settings_are_looked_after_wherever_they_are(resource, answer):
    scope = Scope(kind=ScopeKind.VIRTUAL_NETWORK, resource=resource)

    assert is_looked_after(scope, settings(trusted_zone_ids=str(BYO_ZONE_ID))) is answer


def test_table_of_the_functions_is_the_one_that_infra_deploys():
    shipped = Path(events.__file__).with_name("event_subscriptions.json")

    assert shipped.is_symlink()
    assert shipped.resolve() == INFRA_TABLE.resolve()


def test_no_subscription_needs_more_filter_values_than_event_grid_takes():
    """Event Grid takes 25 values over all advanced filters of a subscription."""
    for function, entry in json.loads(INFRA_TABLE.read_text()).items():
        assert set(entry) == {"eventTypes", "operationNames"}, function
        assert len(entry["eventTypes"]) + len(entry["operationNames"]) <= 25, function
