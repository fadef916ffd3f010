"""How writes of Microsoft.Network start, end and are answered (recorded: 201/200/202, operation headers, etags)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, invalid, resource_not_found
from local.azure.http import ArmRequest, ArmResponse
from local.azure.operations import Operation, Style, status_path
from local.azure.paging import page
from local.azure.store import Resource

API_VERSION = "2025-05-01"
PAGE = 100
Body = Callable[[Azure, Resource], dict[str, Any]]


def begin(
    azure: Azure,
    resource: Resource,
    name: str,
    duration: float,
    *,
    location: str,
    api_version: str = API_VERSION,
    style: Style = Style.NETWORK,
    finish: Callable[[], None] | None = None,
    fail: Callable[[ArmError], None] | None = None,
) -> Operation:
    """Start an operation on a resource. Its `provisioningState` ends as Succeeded or Failed, with a new etag."""

    def done() -> None:
        if finish:
            finish()
        settle(resource, "Succeeded")

    def failed(error: ArmError) -> None:
        settle(resource, "Failed")
        if fail:
            fail(error)

    return azure.operations.begin(
        target=resource.id,
        name=name,
        style=style,
        duration=duration,
        finish=done,
        fail=failed,
        location=location,
        api_version=api_version or API_VERSION,
    )


def begin_delete(
    azure: Azure,
    resource: Resource,
    name: str,
    duration: float,
    *,
    location: str,
    api_version: str,
    style: Style = Style.NETWORK,
    finish: Callable[[], None] | None = None,
    fail: Callable[[ArmError], None] | None = None,
) -> Operation:
    """Start a deletion: the resource stays readable as Deleting until the operation ends."""
    settle(resource, "Deleting")

    def gone() -> None:
        if finish:
            finish()
        azure.store.remove_tree(resource.id)

    return begin(
        azure,
        resource,
        name,
        duration,
        location=location,
        api_version=api_version,
        style=style,
        finish=gone,
        fail=fail,
    )


def settle(resource: Resource, state: str) -> None:
    """Set `provisioningState`, which changes the etag."""
    resource.properties["provisioningState"] = state
    resource.touch()


def guid(*parts: str) -> str:
    """A resource guid that stays the same for the same names, so that runs can be compared."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts).lower()))


def in_progress(azure: Azure, operation: Operation) -> ArmError:
    """409 for a write while another operation holds the resource; the message carries its status URI."""
    message = (
        "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: "
        f"{azure.base_url}{status_path(operation)}."
    )
    return ArmError(409, "AnotherOperationInProgress", message, details=[])


def parent_not_found(resource_type: str, parent: str) -> ArmError:
    """404 for writing below a parent that does not exist."""
    message = (
        f"Failed to perform 'write' on resource(s) of type '{resource_type}', because the parent resource '{parent}' "
        "could not be found."
    )
    return ArmError(404, "ParentResourceNotFound", message, headers={"x-ms-failure-cause": "gateway"})


def in_use(code: str, message: str) -> ArmError:
    """400 for deleting what something else still uses."""
    return invalid(code, message)


def get(azure: Azure, request: ArmRequest, resource_type: str) -> Resource:
    """The top-level resource of the request's path, or the gateway's 404."""
    found = azure.store.get(request.path.rstrip("/"))
    if found is None or found.type.lower() != resource_type.lower():
        raise resource_not_found(resource_type, request.path.rstrip("/").rsplit("/", 1)[-1], request.params["rg"])
    return found


def listed(
    azure: Azure, request: ArmRequest, resource_type: str, body: Body, *, indent: int | None = None
) -> ArmResponse:
    """A page of all resources of a type in the path's resource group or subscription."""
    below = request.path.lower().split("/providers/")[0]
    found = azure.store.of_type(resource_type, below=below)
    answer = page(azure, request, [body(azure, item) for item in found], size=PAGE)
    answer.indent = indent
    return answer


def read(azure: Azure, resource: Resource, body: Body) -> ArmResponse:
    """200 with the body and the ETag header."""
    return ArmResponse(status=200, body=body(azure, resource), headers={"ETag": resource.etag})


def written(azure: Azure, resource: Resource, body: Body, operation: Operation | None, *, status: int) -> ArmResponse:
    """201 or 200 with the body as it is right after the write, and the operation's headers."""
    return ArmResponse(status=status, body=body(azure, resource), operation=operation)


def top_level(resource: Resource, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The wire body of a top-level resource, in the recorded order."""
    tags = resource.body.get("tags")
    return {
        "name": resource.name,
        "id": resource.id,
        "etag": resource.etag,
        "type": resource.type,
        "location": resource.body["location"],
        **({"tags": tags} if tags else {}),
        "properties": properties,
        **more,
    }


def child(resource: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    """The wire body of a child resource, in the recorded order."""
    return {
        "name": resource.name,
        "id": resource.id,
        "etag": resource.etag,
        "properties": properties,
        "type": resource.type,
    }
