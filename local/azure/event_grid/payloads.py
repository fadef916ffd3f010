"""Subscription events in the Event Grid schema, with the noise that real ones carry.

Shapes follow the documented schema of `Microsoft.Resources.Subscriptions` topics: `dataVersion` 2, seven fractional
digits, `httpRequest` only for updates, deletes and actions. Casing is noisy because it is noisy in Azure: the same
resource arrives with `resourcegroups` and `resourceGroups`, AKS ids also with a lower-case provider, node pools as
`agentpools`. Everything drawn at random comes from a seed, so the same activity gives the same event.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from datetime import datetime
from typing import Any

from local.azure.azure import Activity
from local.azure.event_grid.people import claims_of, ip_address_of, role_of
from local.azure.rbac import OPERATOR, TENANT_ID

_STATUS = {"Success": "Succeeded", "Failure": "Failed", "Cancel": "Canceled"}
_GROUP = re.compile(r"/resourceGroups/", re.IGNORECASE)
_AKS = re.compile(r"/providers/Microsoft\.ContainerService/managedClusters", re.IGNORECASE)
_POOLS = re.compile(r"/agentPools(?=/|$)", re.IGNORECASE)


def event_type(kind: str, outcome: str) -> str:
    """The event type of what was done, e.g. `Microsoft.Resources.ResourceWriteSuccess`."""
    return f"Microsoft.Resources.Resource{kind}{outcome}"


def event_for(activity: Activity, *, seed: int | str) -> dict[str, Any]:
    """The event of one activity, in the Event Grid schema."""
    rng = random.Random(f"{seed}|{activity.resource_id}|{activity.operation_name}|{activity.at.isoformat()}")
    subject = _noisy_id(activity.resource_id, rng)
    operation = _noisy_operation(activity.operation_name, rng)
    subscription = subscription_of(activity.resource_id)
    return {
        "topic": f"/subscriptions/{subscription}",
        "subject": subject,
        "eventType": event_type(activity.kind, activity.outcome),
        "eventTime": event_time(activity.at, rng.randrange(10)),
        "id": _uuid(rng),
        "data": {
            "authorization": _sometimes_text(_authorization(activity, subject, subscription, rng), rng),
            "claims": claims_of(activity.principal, issued=activity.at),
            "correlationId": activity.correlation_id or _uuid(rng),
            **_http_request(activity, rng),
            "resourceProvider": activity.operation_name.split("/", 1)[0],
            "resourceUri": subject,
            "operationName": operation,
            "status": _STATUS.get(activity.outcome, activity.outcome),
            "subscriptionId": subscription,
            "tenantId": TENANT_ID,
        },
        "dataVersion": "2",
        "metadataVersion": "1",
    }


def companions_of(activity: Activity, *, seed: int | str) -> list[dict[str, Any]]:
    """The events that come along with an activity although nobody asked for them.

    A write by a person comes out of a deployment, which raises a write of its own first, with the same correlation
    id; now and then a policy tags the resource group or adds a diagnostic setting.
    """
    group = _group_of(activity.resource_id)
    if activity.kind != "Write" or activity.principal != OPERATOR or not group:
        return []
    rng = random.Random(f"noise|{seed}|{activity.resource_id}|{activity.at.isoformat()}")
    names = [(f"{group}/providers/Microsoft.Resources/deployments/main-{rng.randrange(10**6)}", "deployments")]
    if rng.random() < 0.3:
        names.append((f"{group}/providers/Microsoft.Resources/tags/default", "tags"))
    noise = [_noise(activity, resource, f"Microsoft.Resources/{kind}/write") for resource, kind in names]
    if rng.random() < 0.2:
        setting = f"{activity.resource_id}/providers/Microsoft.Insights/diagnosticSettings/to-log-analytics"
        noise.append(_noise(activity, setting, "Microsoft.Insights/diagnosticSettings/write"))
    return [event_for(item, seed=seed) for item in noise]


def subscription_of(resource_id: str) -> str:
    """The subscription id inside a resource id; empty for an id without one."""
    parts = resource_id.split("/")
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""


def event_time(at: datetime, last_digit: int) -> str:
    """A time as Event Grid writes it: UTC, seven fractional digits, `Z`."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}{last_digit}Z"


def _noise(activity: Activity, resource_id: str, operation: str) -> Activity:
    return Activity(
        kind="Write",
        outcome="Success",
        resource_id=resource_id,
        operation_name=operation,
        principal=activity.principal,
        correlation_id=activity.correlation_id,
        at=activity.at,
        created=True,
    )


def _group_of(resource_id: str) -> str:
    parts = resource_id.split("/")
    return "/".join(parts[:5]) if len(parts) > 4 and parts[3].lower() == "resourcegroups" else ""


def _noisy_id(resource_id: str, rng: random.Random) -> str:
    if rng.random() < 0.35:
        resource_id = _GROUP.sub("/resourcegroups/", resource_id)
    if rng.random() < 0.35:
        resource_id = _AKS.sub("/providers/microsoft.containerservice/managedclusters", resource_id)
    if rng.random() < 0.5:
        resource_id = _POOLS.sub("/agentpools", resource_id)
    return resource_id


def _noisy_operation(operation: str, rng: random.Random) -> str:
    operation = _POOLS.sub("/agentpools", operation) if rng.random() < 0.5 else operation
    draw = rng.random()
    if draw < 0.1:
        return operation.upper()
    return operation.replace("resourceGroups", "resourcegroups") if draw < 0.5 else operation


def _authorization(activity: Activity, scope: str, subscription: str, rng: random.Random) -> dict[str, Any]:
    role = role_of(activity.principal)
    assigned = f"/subscriptions/{subscription}"
    evidence = {
        "role": role,
        "roleAssignmentScope": assigned,
        "roleAssignmentId": _uuid(rng).replace("-", ""),
        "roleDefinitionId": _uuid(rng).replace("-", ""),
        "principalId": activity.principal.object_id.replace("-", ""),
        "principalType": "User" if activity.principal == OPERATOR else "ServicePrincipal",
    }
    return {"scope": scope, "action": activity.operation_name, "evidence": evidence}


def _http_request(activity: Activity, rng: random.Random) -> dict[str, Any]:
    if activity.http is None or activity.created:
        return {}
    request = {
        "clientRequestId": _uuid(rng),
        "clientIpAddress": ip_address_of(activity.principal),
        "method": activity.http.get("method", ""),
        "url": activity.http.get("url", ""),
    }
    return {"httpRequest": request}


def _sometimes_text(value: dict[str, Any], rng: random.Random) -> dict[str, Any] | str:
    # The REST specification types these objects as strings; both have been seen.
    return json.dumps(value) if rng.random() < 0.15 else value


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
