"""Rules of virtual networks, and the entry points that other providers use."""

from __future__ import annotations

import copy
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import invalid
from local.azure.http import ArmRequest
from local.azure.network import checks, writes
from local.azure.operations import Operation
from local.azure.private_dns.models import LINK
from local.azure.store import Resource
from local.azure.virtual_networks import peerings, subnets
from local.azure.virtual_networks.addresses import allocate_address, claim_address, release_address
from local.azure.virtual_networks.common import (
    PEERING,
    SUBNET,
    VNET,
    busy,
    children,
    find_child,
    find_vnet,
    hold,
    prefixes_of,
    refuse_busy,
    space_of,
)

__all__ = [
    "PEERING",
    "SUBNET",
    "VNET",
    "allocate_address",
    "busy",
    "claim_address",
    "delete_vnet",
    "find_child",
    "find_vnet",
    "hold",
    "put_vnet",
    "release_address",
]

KEEPS_SUBNETS_SINCE = "2023-09-01"
"""Before this api-version a PUT without `subnets` deletes them."""
KINDS: checks.Kinds = {
    "addressSpace": dict,
    "dhcpOptions": dict,
    "subnets": list,
    "virtualNetworkPeerings": list,
    "enableDdosProtection": bool,
    "enableVmProtection": bool,
    "ddosProtectionPlan": dict,
    "encryption": dict,
    "flowTimeoutInMinutes": int,
    "ipAllocations": list,
    "privateEndpointVNetPolicies": str,
}
READ_ONLY = ("provisioningState", "resourceGuid", "defaultPublicNatGateway", "flowLogs")
DEFAULTS = {"privateEndpointVNetPolicies": "Disabled", "enableDdosProtection": False}


def put_vnet(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, int]:
    """Create or update a VNet; answers it, the operation, and the HTTP status.

    Subnets and peerings in the body replace those there are; a body without `subnets` keeps them (api-versions
    from 2023-09-01 on). An identical PUT is answered 201 Succeeded, as recorded.
    """
    vnet_id = request.path.rstrip("/")
    existing = azure.store.get(vnet_id)
    body = checks.body_of(request)
    checks.check_name(vnet_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    checks.check_etag(request, vnet_id, existing)
    wanted = _clean(body["properties"])
    inline_subnets, inline_peerings = _inline(body["properties"], request, existing)
    if existing:
        refuse_busy(azure, existing)
    vnet = Resource(id=existing.id if existing else vnet_id, type=VNET, body={"location": body["location"]})
    vnet.body["properties"] = wanted
    vnet.hidden = dict(existing.hidden) if existing else {}
    prepared = _check_subnets(azure, vnet, inline_subnets, request)
    _check_space(azure, vnet)
    remotes = _check_peerings(azure, vnet, inline_peerings, request)
    same = existing is not None and not inline_subnets and not inline_peerings and _same(existing, body, wanted)
    kept = _store(azure, vnet, existing, body)
    changed = _store_children(azure, kept, prepared, remotes)
    operation = _begin(azure, kept, changed, request, same=same)
    return kept, operation, 201 if existing is None or same else 200


def _clean(properties: dict[str, Any]) -> dict[str, Any]:
    checks.expect(properties, KINDS, "properties")
    space = properties.get("addressSpace", {}).get("addressPrefixes")
    if not isinstance(space, list) or not space:
        raise invalid("VnetAddressSpaceNotSpecified", "The address space of the virtual network is not specified.")
    for prefix in space:
        checks.network(prefix, "InvalidAddressPrefixFormat", f"Address prefix {prefix} is not valid.")
    dns = properties.get("dhcpOptions", {}).get("dnsServers", [])
    if not isinstance(dns, list):
        raise checks.unreadable("Error converting value to a list. Path 'properties.dhcpOptions.dnsServers'.")
    inner = (*READ_ONLY, "subnets", "virtualNetworkPeerings")
    return {**DEFAULTS, **checks.without(properties, inner)}


Inline = list[dict[str, Any]] | None


def _inline(properties: dict[str, Any], request: ArmRequest, existing: Resource | None) -> tuple[Inline, Inline]:
    found: Inline = properties.get("subnets")
    if found is None and existing and request.api_version < KEEPS_SUBNETS_SINCE:
        found = []
    peers: Inline = properties.get("virtualNetworkPeerings")
    for items, path in ((found, "properties.subnets"), (peers, "properties.virtualNetworkPeerings")):
        checks.expect_items(items or [], path)
    return found, peers


def _check_subnets(
    azure: Azure, vnet: Resource, inline: Inline, request: ArmRequest
) -> dict[str, dict[str, Any]] | None:
    """The wanted subnets by name, or None to keep those there are."""
    existing = children(vnet, "subnets")
    if inline is None:
        return None
    wanted = {item["name"]: subnets.clean(item, item["name"]) for item in inline}
    names = {name.lower() for name in wanted}
    for name, subnet in existing.items():
        if name not in names:
            subnets.refuse_used(azure, subnet)
    made: list[Resource] = []
    for name, properties in wanted.items():
        subnet_id = f"{vnet.id}/subnets/{name}"
        subnets.check_joins(azure, subnet_id, properties, request.principal)
        subnets.check(azure, vnet, subnet_id, properties, made)
        made.append(Resource(id=subnet_id, type=SUBNET, body={"properties": properties}))
    return wanted


def _check_space(azure: Azure, vnet: Resource) -> None:
    for subnet in children(vnet, "subnets").values():
        for prefix in prefixes_of(subnet):
            if not any(checks.within(prefix, space) for space in space_of(vnet)):
                message = (
                    f"Subnet '{subnet.name}' is not valid because its IP address range is outside the IP address "
                    f"range of virtual network '{vnet.name}'."
                )
                raise invalid("NetcfgSubnetRangeOutsideVnet", message)
    for peering in children(vnet, "peerings").values():
        remote = azure.store.get(peering.properties["remoteVirtualNetwork"]["id"])
        if remote and peerings.overlaps(vnet, remote):
            message = f"The address space of {vnet.id} overlaps with that of its peer {remote.id}."
            raise invalid("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet", message)


Remotes = dict[str, tuple[dict[str, Any], Resource]]


def _check_peerings(azure: Azure, vnet: Resource, inline: Inline, request: ArmRequest) -> Remotes | None:
    if inline is None:
        return None
    found: Remotes = {}
    for item in inline:
        peering_id = f"{vnet.id}/virtualNetworkPeerings/{item['name']}"
        wanted = peerings.clean(item)
        remote_id = wanted["remoteVirtualNetwork"]["id"]
        peerings.check_peer(azure, peering_id, remote_id, request.principal)
        found[item["name"]] = wanted, peerings.check(azure, vnet, peering_id, remote_id, azure.store.get(peering_id))
    return found


def _same(existing: Resource, body: dict[str, Any], wanted: dict[str, Any]) -> bool:
    kept = checks.without(existing.properties, ("provisioningState", "resourceGuid"))
    settled = existing.properties["provisioningState"] == "Succeeded"
    return settled and kept == wanted and existing.body.get("tags", {}) == body.get("tags", {})


def _store(azure: Azure, vnet: Resource, existing: Resource | None, body: dict[str, Any]) -> Resource:
    kept = existing or azure.store.put(vnet)
    kept.body = {
        "location": existing.body["location"] if existing else body["location"],
        "tags": body.get("tags", {}),
        "properties": {
            "provisioningState": "Updating",
            "resourceGuid": writes.guid(vnet.id),
            **copy.deepcopy(vnet.properties),
        },
    }
    kept.touch()
    return kept


def _store_children(
    azure: Azure, vnet: Resource, wanted: dict[str, dict[str, Any]] | None, remotes: Remotes | None
) -> list[Resource]:
    changed: list[Resource] = []
    if wanted is not None:
        _drop(azure, children(vnet, "subnets"), set(wanted))
        changed += [subnets.store_subnet(azure, vnet, name, properties) for name, properties in wanted.items()]
    if remotes is not None:
        _drop(azure, children(vnet, "peerings"), set(remotes))
        changed += [
            peerings.store_peering(azure, vnet, name, properties, remote, sync=False)
            for name, (properties, remote) in remotes.items()
        ]
    return changed


def _drop(azure: Azure, kept: dict[str, Resource], wanted: set[str]) -> None:
    names = {name.lower() for name in wanted}
    for name in [name for name in kept if name not in names]:
        azure.store.remove(kept.pop(name).id)


def _begin(azure: Azure, vnet: Resource, changed: list[Resource], request: ArmRequest, *, same: bool) -> Operation:
    def finish() -> None:
        for resource in changed:
            writes.settle(resource, "Succeeded")
            if resource.type == PEERING:
                peerings.meet(azure, resource)

    operation = writes.begin(
        azure,
        vnet,
        "PutVirtualNetworkOperation",
        0.0 if same else azure.latencies.virtual_network,
        location=vnet.body["location"],
        api_version=request.api_version,
        finish=finish,
    )
    if same:
        vnet.properties["provisioningState"] = "Succeeded"
    else:
        hold(azure, vnet.id, operation)
    return operation


def delete_vnet(azure: Azure, vnet: Resource, request: ArmRequest) -> Operation:
    """Start deleting a VNet; refused while a subnet is in use. Its private DNS links go with it."""
    refuse_busy(azure, vnet)
    for subnet in children(vnet, "subnets").values():
        subnets.refuse_used(azure, subnet)

    def finish() -> None:
        for link in azure.store.of_type(LINK):
            if link.properties["virtualNetwork"]["id"].lower() == vnet.key:
                azure.store.remove(link.id)

    operation = writes.begin_delete(
        azure,
        vnet,
        "DeleteVirtualNetworkOperation",
        azure.latencies.virtual_network,
        location=vnet.body["location"],
        api_version=request.api_version,
        finish=finish,
    )
    hold(azure, vnet.id, operation)
    return operation
