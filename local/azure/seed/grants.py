"""What `az aks create` does beside creating a cluster: it lets the cluster's identity join the network it was given."""

from __future__ import annotations

import uuid
from typing import Any

from local.azure.authorization.models import ASSIGNMENT, DEFINITION, NETWORK_CONTRIBUTOR


def identity_of(cluster: dict[str, Any]) -> str:
    """The object id of the managed identity in a cluster's body."""
    identity = cluster["identity"]
    assigned = [item["principalId"] for item in identity.get("userAssignedIdentities", {}).values()]
    return str([*assigned, identity.get("principalId")][0])


def grant_name(scope: str, principal: str) -> str:
    """A name for the assignment, the same each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope} {principal}".lower()))


def network_contributor(scope: str, principal: str) -> tuple[str, dict[str, Any]]:
    """Path and body of the PUT that makes a principal Network Contributor at a scope."""
    role = f"/subscriptions/{scope.split('/')[2]}/providers/{DEFINITION}/{NETWORK_CONTRIBUTOR}"
    properties = {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}
    path = f"{scope}/providers/{ASSIGNMENT}/{grant_name(scope, principal)}"
    return path, {"properties": properties}
