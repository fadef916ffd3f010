"""Rules of resource groups."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, resource_group_not_found
from local.azure.operations import Operation, Style
from local.azure.store import Resource

TYPE = "Microsoft.Resources/resourceGroups"


def group_id(subscription: str, name: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{name}"


def put_group(
    azure: Azure,
    subscription: str,
    name: str,
    *,
    location: str,
    tags: dict[str, str] | None = None,
    managed_by: str | None = None,
) -> tuple[Resource, bool]:
    """Create or update a resource group; answers it and whether it is new. The region cannot change (409)."""
    existing = azure.store.get(group_id(subscription, name))
    if existing and existing.body["location"].lower() != location.lower():
        message = (
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{existing.body['location']}'."
        )
        raise ArmError(409, "InvalidResourceGroupLocation", message)
    resource_id = existing.id if existing else group_id(subscription, name)
    body: dict[str, Any] = {
        "id": resource_id,
        "name": resource_id.rsplit("/", 1)[-1],
        "type": TYPE,
        "location": location,
    }
    if tags:
        body["tags"] = tags
    managed_by = managed_by or (existing.body.get("managedBy") if existing else None)
    if managed_by:
        body["managedBy"] = managed_by
    body["properties"] = {"provisioningState": "Succeeded"}
    return azure.store.put(Resource(id=resource_id, type=TYPE, body=body)), existing is None


def delete_group(azure: Azure, subscription: str, name: str, *, api_version: str) -> Operation:
    """Start deleting a resource group with all it holds; clusters take their node resource groups with them."""
    # AKS needs resource groups to make its own.
    from local.azure.managed_clusters.node_group import remove_with_cluster  # noqa: PLC0415

    group = azure.store.get(group_id(subscription, name))
    if group is None:
        raise resource_group_not_found(name)
    group.properties["provisioningState"] = "Deleting"

    def finish() -> None:
        remove_with_cluster(azure, group.id)
        azure.store.remove_tree(group.id)

    return azure.operations.begin(
        target=group.id,
        name="DeleteResourceGroup",
        style=Style.RESOURCE_GROUP,
        duration=azure.latencies.resource_group_delete,
        finish=finish,
        location=group.body["location"],
        api_version=api_version,
    )
