"""Rules of private DNS zones, A records and virtual network links."""

from __future__ import annotations

import base64
import ipaddress
import uuid
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, resource_not_found
from local.azure.http import ArmRequest
from local.azure.operations import Operation, Style
from local.azure.rbac import Principal
from local.azure.store import Resource

ZONE = "Microsoft.Network/privateDnsZones"
LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
RECORD = "Microsoft.Network/privateDnsZones/A"
JOIN = "Microsoft.Network/virtualNetworks/join/action"
MAX_LINKS = 1000
MAX_ZONES_PER_VNET = 1000
API_VERSION = "2024-06-01"


def zone_id(subscription: str, group: str, zone: str) -> str:
    """The id of a zone. Private DNS keeps the resource group in lower case."""
    return f"/subscriptions/{subscription}/resourceGroups/{group.lower()}/providers/{ZONE}/{zone}"


def get_zone(azure: Azure, subscription: str, group: str, zone: str) -> Resource:
    """The zone, or ArmError 404."""
    found = azure.store.get(zone_id(subscription, group, zone))
    if found is None:
        raise resource_not_found(ZONE, zone, group)
    return found


def put_zone(azure: Azure, request: ArmRequest) -> Operation:
    """Create or update a zone."""
    body = request.body or {}
    _, _, subscription, _, group, *_, name = request.path.rstrip("/").split("/")
    if (body.get("location") or "").lower() != "global":
        raise ArmError(400, "LocationNotAvailableForResourceType", "Private DNS zones live in location 'global'.")
    existing = azure.store.get(zone_id(subscription, group, name))
    check_preconditions(request, existing, f"Zone {name}")
    zone = existing or _new_zone(zone_id(subscription, group, name))
    zone.body["tags"] = body.get("tags") or {}

    def finish() -> None:
        zone.properties["provisioningState"] = "Succeeded"
        zone.etag = str(uuid.uuid4())
        azure.store.put(zone)

    return _begin(azure, zone.id, "UpsertPrivateDnsZone", azure.latencies.private_dns_zone, finish)


def _new_zone(resource_id: str) -> Resource:
    name = resource_id.rsplit("/", 1)[-1]
    internal = base64.b64encode(f"ImmutableZoneIdentity;{uuid.uuid4()};0".encode()).decode()
    body = {"location": "global", "properties": {"internalId": internal, "provisioningState": "Succeeded"}}
    resource = Resource(id=resource_id, type=ZONE, body=body, etag=str(uuid.uuid4()))
    resource.body.update(name=name)
    return resource


def delete_zone(azure: Azure, zone: Resource) -> Operation:
    """Delete a zone; refused while virtual network links exist."""
    if links_of(azure, zone):
        message = f"Can not delete zone '{zone.name}' before its nested virtual network links are deleted."
        raise ArmError(409, "CannotDeleteResource", message)

    def finish() -> None:
        azure.store.remove_tree(zone.id)

    return _begin(azure, zone.id, "DeletePrivateDnsZone", azure.latencies.private_dns_zone, finish)


def links_of(azure: Azure, zone: Resource) -> list[Resource]:
    """All links of a zone."""
    return azure.store.of_type(LINK, below=zone.id)


def put_link(azure: Azure, zone: Resource, name: str, request: ArmRequest) -> Operation:
    """Create or update a virtual network link.

    Checked at once: location, target, the right to join the VNet, preconditions, limits. Checked at the end and
    reported inside the operation's status: a VNet that already sees a zone of the same name. Of names that merely
    contain each other Azure's behaviour is not confirmed, so only equal names conflict here.
    """
    body = request.body or {}
    sent = body.get("properties") or {}
    vnet = (sent.get("virtualNetwork") or {}).get("id") or ""
    if (body.get("location") or "").lower() != "global":
        raise ArmError(400, "LocationNotAvailableForResourceType", "Virtual network links live in location 'global'.")
    azure.access.check_linked(
        request.principal,
        f"{LINK}/write",
        f"{zone.id}/virtualNetworkLinks/{name}",
        linked_action=JOIN,
        linked=vnet,
    )
    if azure.store.get(vnet) is None:
        raise ArmError(400, "BadRequest", f"The virtual network '{vnet}' does not exist.")
    link_id = f"{zone.id}/virtualNetworkLinks/{name.lower()}"
    existing = azure.store.get(link_id)
    _check_link(azure, zone, existing, vnet, request)
    link = existing or Resource(id=link_id, type=LINK, body={"name": name.lower(), "location": "global"})
    properties = {
        "registrationEnabled": bool(sent.get("registrationEnabled", False)),
        "resolutionPolicy": sent.get("resolutionPolicy", "Default"),
        "virtualNetwork": {"id": vnet},
    }
    tags = body.get("tags")
    if existing is None:
        link.body["properties"] = {
            **properties,
            "provisioningState": "Creating",
            "virtualNetworkLinkState": "InProgress",
        }
        link.body.update({"tags": tags} if tags else {})
        azure.store.put(link)

    def finish() -> None:
        _refuse_overlap(azure, zone, link, vnet)
        link.body["properties"] = {
            **properties,
            "provisioningState": "Succeeded",
            "virtualNetworkLinkState": "Completed",
        }
        if tags is not None:
            link.body["tags"] = tags
        link.etag = str(uuid.uuid4())

    def fail(_error: ArmError) -> None:
        if existing is None:
            azure.store.remove(link.id)

    return _begin(azure, link.id, "UpsertVirtualNetworkLink", azure.latencies.private_dns_link, finish, fail)


def _check_link(azure: Azure, zone: Resource, existing: Resource | None, vnet: str, request: ArmRequest) -> None:
    check_preconditions(request, existing, f"Link {request.params['link']}")
    if existing and existing.properties["virtualNetwork"]["id"].lower() != vnet.lower():
        message = f"The virtual network of link '{existing.name}' cannot be changed."
        raise ArmError(400, "BadRequest", message)
    siblings = [link for link in links_of(azure, zone) if link is not existing]
    _refuse_second_link(zone, vnet, siblings)
    if existing is None and len(siblings) >= MAX_LINKS:
        raise ArmError(400, "BadRequest", f"Zone '{zone.name}' has the maximum of {MAX_LINKS} virtual network links.")


def _refuse_second_link(zone: Resource, vnet: str, siblings: list[Resource]) -> None:
    same = [link for link in siblings if link.properties["virtualNetwork"]["id"].lower() == vnet.lower()]
    if same:
        message = f"A virtual network link to '{vnet}' already exists in zone '{zone.name}': '{same[0].name}'."
        raise ArmError(409, "Conflict", message)


def _refuse_overlap(azure: Azure, zone: Resource, link: Resource, vnet: str) -> None:
    of_vnet = [
        other
        for other in azure.store.of_type(LINK)
        if other.key != link.key and other.properties["virtualNetwork"]["id"].lower() == vnet.lower()
    ]
    if len(of_vnet) >= MAX_ZONES_PER_VNET:
        message = f"The virtual network is linked to the maximum of {MAX_ZONES_PER_VNET} private DNS zones."
        raise ArmError(400, "BadRequest", message)
    for other in of_vnet:
        other_name = other.id.split("/")[8]
        if other_name.lower() == zone.name.lower():
            message = (
                "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link "
                f"virtual network with '{zone.name}' and '{other_name}' zones."
            )
            raise ArmError(400, "BadRequest", message)


def get_link(azure: Azure, zone: Resource, name: str, group: str) -> Resource:
    """The link, or ArmError 404. A link that was deleted a moment ago is still answered, as Terraform has learnt."""
    found = azure.store.get(f"{zone.id}/virtualNetworkLinks/{name}") or _ghost(azure, zone, name)
    if found is None:
        raise resource_not_found(ZONE, f"{zone.name}/virtualNetworkLinks/{name}", group)
    return found


def _ghost(azure: Azure, zone: Resource, name: str) -> Resource | None:
    link, until = zone.hidden.get("ghosts", {}).get(name.lower(), (None, 0.0))
    return link if azure.clock.seconds() < until else None


def delete_link(azure: Azure, zone: Resource, link: Resource) -> Operation:
    """Delete a link; GET still answers it until the operation ends and a little longer."""
    link.properties["provisioningState"] = "Deleting"

    def finish() -> None:
        azure.store.remove(link.id)
        until = azure.clock.seconds() + azure.latencies.private_dns_link_gone
        zone.hidden.setdefault("ghosts", {})[link.name.lower()] = (link, until)

    return _begin(azure, link.id, "DeleteVirtualNetworkLink", azure.latencies.private_dns_link, finish)


def put_record(azure: Azure, zone: Resource, name: str, body: dict[str, Any]) -> tuple[Resource, bool]:
    """Create or replace an A record set, synchronously."""
    properties = body.get("properties") or {}
    addresses = [item.get("ipv4Address", "") for item in properties.get("aRecords") or []]
    for address in addresses:
        try:
            ipaddress.IPv4Address(address)
        except ValueError as error:
            raise ArmError(400, "BadRequest", f"The IPv4 address '{address}' is not valid.") from error
    if not addresses:
        raise ArmError(400, "BadRequest", "The record set has no A records.")
    record_id = f"{zone.id}/A/{name}"
    existing = azure.store.get(record_id)
    wire = {
        "name": name,
        "properties": {
            "fqdn": f"{name}.{zone.name}." if name != "@" else f"{zone.name}.",
            "ttl": int(properties.get("ttl", 3600)),
            "aRecords": [{"ipv4Address": address} for address in addresses],
            "isAutoRegistered": False,
        },
    }
    record = Resource(id=record_id, type=RECORD, body=wire, etag=str(uuid.uuid4()))
    return azure.store.put(record), existing is None


def put_record_as(azure: Azure, zone: Resource, name: str, address: str, principal: Principal) -> Resource:
    """Write an A record as AKS does, with its activity."""
    body = {"properties": {"ttl": 300, "aRecords": [{"ipv4Address": address}]}}
    record, _ = put_record(azure, zone, name, body)
    azure.record_write(record.id, f"{RECORD}/write", principal)
    return record


def put_zone_as(azure: Azure, resource_id: str, principal: Principal) -> Resource:
    """Create a zone as a service does, at once and with its activity; an existing zone stays as it is."""
    existing = azure.store.get(resource_id)
    zone = existing or azure.store.put(_new_zone(resource_id))
    azure.record_write(zone.id, f"{ZONE}/write", principal)
    return zone


def completed_link(zone: Resource, name: str, vnet: str) -> Resource:
    """A link as it stands when it is done; not stored."""
    properties = {
        "registrationEnabled": False,
        "resolutionPolicy": "Default",
        "virtualNetwork": {"id": vnet},
        "provisioningState": "Succeeded",
        "virtualNetworkLinkState": "Completed",
    }
    body = {"name": name.lower(), "location": "global", "properties": properties}
    link_id = f"{zone.id}/virtualNetworkLinks/{name.lower()}"
    return Resource(id=link_id, type=LINK, body=body, etag=str(uuid.uuid4()))


def put_link_as(azure: Azure, zone: Resource, name: str, vnet: str, principal: Principal) -> Resource:
    """Link a VNet as a service does, at once and with its activity.

    Raises:
        ArmError: the VNet is linked to this zone under another name, or to another zone of the same name.
    """
    link = completed_link(zone, name, vnet)
    _refuse_second_link(zone, vnet, [other for other in links_of(azure, zone) if other.key != link.key])
    _refuse_overlap(azure, zone, link, vnet)
    azure.store.put(link)
    azure.record_write(link.id, f"{LINK}/write", principal)
    return link


def check_preconditions(request: ArmRequest, existing: Resource | None, what: str) -> None:
    """Raise 412 when If-None-Match or If-Match is not met."""
    # The text for If-None-Match is that of the service; the one for If-Match is not known.
    if request.if_none_match == "*" and existing:
        message = f"The {what} exists already and hence cannot be created again."
        raise ArmError(412, "PreconditionFailed", message)
    if request.if_match and (existing is None or request.if_match.strip('"') not in (existing.etag, "*")):
        raise ArmError(412, "PreconditionFailed", f"The {what} has been modified (etag mismatch).")


def _begin(azure: Azure, target: str, name: str, duration: float, finish: Any, fail: Any = None) -> Operation:
    return azure.operations.begin(
        target=target,
        name=name,
        style=Style.PRIVATE_DNS,
        duration=duration,
        finish=finish,
        fail=fail,
        api_version=API_VERSION,
    )
