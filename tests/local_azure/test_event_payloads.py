"""Events look like those of a real subscription topic."""

from __future__ import annotations

import json
import re

import pytest

from local.azure.azure import Activity
from local.azure.clock import EPOCH
from local.azure.event_grid.payloads import companions_of, event_for
from local.azure.rbac import AKS, APP, OPERATOR, Principal

SUB = "11111111-0000-4000-8000-000000000001"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-spoke-1"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks-1"


def activity(
    resource_id: str = CLUSTER,
    operation: str = "Microsoft.ContainerService/managedClusters/write",
    *,
    kind: str = "Write",
    outcome: str = "Success",
    principal: Principal = OPERATOR,
    created: bool = False,
) -> Activity:
    return Activity(
        kind=kind,
        outcome=outcome,
        resource_id=resource_id,
        operation_name=operation,
        principal=principal,
        correlation_id="c0ffee00-0000-4000-8000-000000000000",
        at=EPOCH,
        http={"method": "PUT", "url": f"https://management.azure.com{resource_id}"},
        created=created,
    )


@pytest.mark.parametrize("kind", ["Write", "Delete", "Action"])
@pytest.mark.parametrize(
    ("outcome", "status"), [("Success", "Succeeded"), ("Failure", "Failed"), ("Cancel", "Canceled")]
)
def test_every_kind_and_outcome_has_its_event_type(kind: str, outcome: str, status: str) -> None:
    event = event_for(activity(kind=kind, outcome=outcome), seed=1)
    assert event["eventType"] == f"Microsoft.Resources.Resource{kind}{outcome}"
    assert event["data"]["status"] == status


def test_envelope_is_that_of_the_event_grid_schema() -> None:
    event = event_for(activity(), seed=1)
    assert set(event) == {
        "topic",
        "subject",
        "eventType",
        "eventTime",
        "id",
        "data",
        "dataVersion",
        "metadataVersion",
    }
    assert event["topic"] == f"/subscriptions/{SUB}"
    assert (event["dataVersion"], event["metadataVersion"]) == ("2", "1")
    assert re.fullmatch(r"2026-01-05T08:00:00\.\d{7}Z", event["eventTime"])
    assert event["data"]["correlationId"] == "c0ffee00-0000-4000-8000-000000000000"
    assert event["data"]["resourceUri"] == event["subject"]
    assert "resourceGroup" not in event["data"]


def test_same_activity_and_seed_give_the_same_event() -> None:
    assert event_for(activity(), seed=7) == event_for(activity(), seed=7)
    assert event_for(activity(), seed=7)["id"] != event_for(activity(), seed=8)["id"]


def test_casing_varies_from_event_to_event_but_never_the_meaning() -> None:
    pool = f"{CLUSTER}/agentPools/np1"
    operation = "Microsoft.ContainerService/managedClusters/agentPools/write"
    events = [event_for(activity(pool, operation), seed=seed) for seed in range(60)]
    subjects = {event["subject"] for event in events}
    assert {subject.lower() for subject in subjects} == {pool.lower()}
    assert any("/resourcegroups/" in subject for subject in subjects)
    assert any("/resourceGroups/" in subject for subject in subjects)
    assert any("microsoft.containerservice/managedclusters" in subject for subject in subjects)
    assert any("/agentpools/" in subject for subject in subjects)
    names = {event["data"]["operationName"] for event in events}
    assert len(names) >= 3
    assert {name.lower() for name in names} == {operation.lower()}


def test_authorization_is_sometimes_a_string_of_json() -> None:
    found = [event_for(activity(), seed=seed)["data"]["authorization"] for seed in range(60)]
    texts = [value for value in found if isinstance(value, str)]
    assert 0 < len(texts) < 30
    assert json.loads(texts[0])["action"] == "Microsoft.ContainerService/managedClusters/write"


def test_http_request_is_there_for_updates_and_missing_for_creations() -> None:
    assert event_for(activity(), seed=1)["data"]["httpRequest"]["method"] == "PUT"
    assert "httpRequest" not in event_for(activity(created=True), seed=1)["data"]


def test_claims_of_a_person_are_personal_data() -> None:
    claims = event_for(activity(), seed=1)["data"]["claims"]
    assert {"name", "ipaddr", "appid"} <= set(claims)
    assert claims["http://schemas.microsoft.com/identity/claims/objectidentifier"] == OPERATOR.object_id
    assert all(isinstance(value, str) for value in claims.values())


def test_claims_of_the_app_let_its_echoes_be_recognised() -> None:
    claims = event_for(activity(principal=APP), seed=1)["data"]["claims"]
    assert claims["appid"] == APP.app_id
    assert "name" not in claims


def test_write_of_a_person_comes_with_the_write_of_its_deployment() -> None:
    noise = companions_of(activity(), seed=1)
    first = noise[0]
    assert first["data"]["operationName"].lower() == "microsoft.resources/deployments/write"
    assert first["data"]["correlationId"] == "c0ffee00-0000-4000-8000-000000000000"
    assert "/providers/Microsoft.Resources/deployments/" in first["subject"]


def test_write_of_aks_or_the_app_comes_alone() -> None:
    assert companions_of(activity(principal=AKS), seed=1) == []
    assert companions_of(activity(principal=APP), seed=1) == []
