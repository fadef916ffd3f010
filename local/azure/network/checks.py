"""Checks of request bodies, in the order and the words of Resource Manager and the network resource provider."""

from __future__ import annotations

import copy
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, invalid, precondition_failed
from local.azure.http import ArmRequest
from local.azure.store import Resource

Kinds = Mapping[str, type | tuple[type, ...]]
NAME = re.compile(r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?$")
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def body_of(request: ArmRequest) -> dict[str, Any]:
    """The request body as an object with an object `properties` (a copy), nulls dropped; else 400."""
    if not isinstance(request.body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
    body: dict[str, Any] = without_nulls(copy.deepcopy(request.body))
    expect(body, {"location": str, "tags": dict, "properties": dict, "sku": dict, "zones": list, "identity": dict}, "")
    if any(not isinstance(value, str) for value in body.get("tags", {}).values()):
        raise ArmError(400, "InvalidRequestContent", "The tags of a resource must be strings.")
    body.setdefault("properties", {})
    return body


def without_nulls(value: Any) -> Any:
    """The JSON value without null members: Azure reads a null as not set."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def expect(properties: Mapping[str, Any], kinds: Kinds, path: str) -> None:
    """Raise 400 InvalidRequestFormat for a known property of the wrong kind. Unknown properties pass."""
    for name, kind in kinds.items():
        value = properties.get(name)
        wrong_bool = isinstance(value, bool) and kind is int
        if value is not None and (not isinstance(value, kind) or wrong_bool):
            where = f"{path}.{name}" if path else name
            raise unreadable(f"Error converting value to the type of property '{where}'. Path '{where}'.")


def expect_items(items: Iterable[Any], path: str) -> None:
    """Raise 400 unless every item of a list is an object with object `properties`, and a name that is valid."""
    seen: set[str] = set()
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("properties", {}), dict):
            raise unreadable(f"Error converting value to an object. Path '{path}'.")
        name = item.get("name")
        if not isinstance(name, str):
            raise unreadable(f"Required property 'name' not found in JSON. Path '{path}'.")
        check_name(name)
        if name.lower() in seen:
            raise invalid("DuplicateResourceName", f"Resource name {name} is used more than once in '{path}'.")
        seen.add(name.lower())


def unreadable(detail: str) -> ArmError:
    """400 of the network resource provider for JSON that does not fit its contract."""
    details = [{"code": "InvalidJson", "message": detail}]
    return ArmError(400, "InvalidRequestFormat", "Cannot parse the request.", details=details)


def check_name(name: str) -> None:
    """Raise 400 for a name that network resources may not have (1-80 word characters, dots and hyphens)."""
    if not NAME.match(name):
        message = (
            f"Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word "
            "character, and it must end with a word character or with '_'. The name may contain word characters or "
            "'.', '-', '_'."
        )
        raise invalid("InvalidResourceName", message)


def check_location(body: Mapping[str, Any], existing: Resource | None) -> None:
    """Raise 400 for a missing location and 409 for one that differs from the existing resource's."""
    location = body.get("location")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if existing and normal_location(existing.body["location"]) != normal_location(location):
        message = (
            f"The resource '{existing.name}' already exists in location '{existing.body['location']}' in resource "
            f"group '{existing.resource_group}'. A resource with the same name cannot be created in location "
            f"'{location}'. Please select a new resource name."
        )
        raise ArmError(409, "InvalidResourceLocation", message)


def normal_location(location: str) -> str:
    """A region as Azure compares it: `West Europe` is `westeurope`."""
    return location.replace(" ", "").lower()


def check_etag(request: ArmRequest, resource_id: str, existing: Resource | None) -> None:
    """Raise 412 for an If-Match that is not the resource's etag, in the recorded body."""
    sent = request.if_match
    if sent is None or (sent == "*" and existing):
        return
    current = existing.etag if existing else ""
    if _bare(sent) != _bare(current):
        shown = sent if sent.startswith("W/") else f'W/"{_bare(sent)}"'
        raise precondition_failed(existing.id if existing else resource_id, shown, current)


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def reference(properties: Mapping[str, Any], name: str, path: str = "properties") -> str | None:
    """The id in a `{"id": ...}` property, None when it is not set; else 400 for what is no reference."""
    value = properties.get(name)
    if value is None:
        return None
    where = f"{path}.{name}"
    target = value.get("id") if isinstance(value, dict) else None
    if not isinstance(target, str) or not target:
        details = [{"code": "MissingJsonReferenceId", "message": f"Value for reference id is missing. Path {where}."}]
        raise ArmError(400, "InvalidRequestFormat", "Cannot parse the request.", details=details)
    if not target.lower().startswith(("/subscriptions/", "/providers/")):
        message = (
            f"Property id '{target}' at path '{where}.id' is invalid. Expect fully qualified resource Id that start "
            "with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'."
        )
        raise ArmError(400, "LinkedInvalidPropertyId", message)
    return target


def referenced(azure: Azure, target: str, referrer: str) -> Resource:
    """The resource a body refers to, or 400 InvalidResourceReference."""
    found = azure.store.get(target)
    if found is None:
        raise bad_reference(target, referrer)
    return found


def bad_reference(target: str, referrer: str) -> ArmError:
    """400 for a reference to nothing, or to something in another region; Azure has one message for both."""
    message = (
        f"Resource {target} referenced by resource {referrer} was not found. Please make sure that the referenced "
        "resource exists, and that both resources are in the same region."
    )
    return invalid("InvalidResourceReference", message)


def network(text: Any, code: str, message: str) -> IPNetwork:
    """A CIDR prefix without host bits, or 400 with this code and message."""
    try:
        return ipaddress.ip_network(str(text), strict=True)
    except ValueError as error:
        raise invalid(code, message) from error


def within(inner: IPNetwork, outer: IPNetwork) -> bool:
    """Whether a network lies in another of the same family."""
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def without(properties: Mapping[str, Any], read_only: Iterable[str]) -> dict[str, Any]:
    """The properties without those that only the service sets: Azure ignores them in a request."""
    refused = set(read_only)
    return {name: value for name, value in properties.items() if name not in refused}
