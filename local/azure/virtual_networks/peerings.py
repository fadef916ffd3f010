"""Rules of VNet peerings. State and sync level are not kept but read off the two sides."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import invalid
from local.azure.http import ArmRequest
from local.azure.network import checks, writes
from local.azure.operations import Operation
from local.azure.rbac import Principal
from local.azure.store import Resource
from local.azure.virtual_networks.common import (
    PEERING,
    VNET,
    busy,
    children,
    find_vnet,
    hold,
    refuse_busy,
    space_of,
)

PEER = "Microsoft.Network/virtualNetworks/peer/action"
MAX_PEERINGS = 500
KINDS: checks.Kinds = {
    "remoteVirtualNetwork": dict,
    "allowVirtualNetworkAccess": bool,
    "allowForwardedTraffic": bool,
    "allowGatewayTransit": bool,
    "useRemoteGateways": bool,
    "doNotVerifyRemoteGateways": bool,
    "peerCompleteVnets": bool,
    "remoteAddressSpace": dict,
    "localSubnetNames": list,
    "remoteSubnetNames": list,
}
DEFAULTS = {
    "allowVirtualNetworkAccess": True,
    "allowForwardedTraffic": False,
    "allowGatewayTransit": False,
    "useRemoteGateways": False,
    "doNotVerifyRemoteGateways": False,
    "peerCompleteVnets": True,
}
READ_ONLY = (
    "provisioningState",
    "peeringState",
    "peeringSyncLevel",
    "remoteVirtualNetworkAddressSpace",
    "remoteAddressSpace",
    "remoteVirtualNetworkEncryption",
    "resourceGuid",
)


def put_peering(
    azure: Azure, vnet_id: str, name: str, body: dict[str, Any], request: ArmRequest
) -> tuple[Resource, Operation, bool]:
    """Create or replace a peering; with `syncRemoteAddressSpace=true` also take over the other side's space."""
    vnet = find_vnet(azure, vnet_id, writing=PEERING)
    peering_id = f"{vnet.id}/virtualNetworkPeerings/{name}"
    existing = azure.store.get(peering_id)
    checks.check_name(name)
    wanted = clean(body)
    remote_id = wanted["remoteVirtualNetwork"]["id"]
    check_peer(azure, peering_id, remote_id, request.principal)
    refuse_busy(azure, vnet)
    remote = check(azure, vnet, peering_id, remote_id, existing)
    sync = request.query.get("syncRemoteAddressSpace", "").lower() == "true"
    peering = store_peering(azure, vnet, name, wanted, remote, sync=sync)
    operation = writes.begin(
        azure,
        peering,
        "PutVirtualNetworkPeeringOperation",
        azure.latencies.peering,
        location=vnet.body["location"],
        api_version=request.api_version,
        finish=lambda: meet(azure, peering),
    )
    hold(azure, vnet.id, operation)
    return peering, operation, existing is None


def meet(azure: Azure, peering: Resource) -> None:
    """Let both sides remember that they were connected once, so that losing one shows as Disconnected."""
    other = other_side(azure, peering)
    if other:
        peering.hidden["met"] = other.hidden["met"] = True


def clean(body: dict[str, Any]) -> dict[str, Any]:
    """The peering's properties as they are kept."""
    checks.expect(body.get("properties", {}), KINDS, "properties")
    properties = checks.without(body.get("properties", {}), READ_ONLY)
    remote = checks.reference(properties, "remoteVirtualNetwork")
    if remote is None:
        raise checks.unreadable("Required property 'remoteVirtualNetwork' not found in JSON. Path 'properties'.")
    return {**DEFAULTS, **properties, "remoteVirtualNetwork": {"id": remote}}


def check_peer(azure: Azure, peering_id: str, remote_id: str, principal: Principal) -> None:
    """Raise 403 unless the caller may peer with the remote VNet."""
    azure.access.check_linked(principal, f"{PEERING}/write", peering_id, linked_action=PEER, linked=remote_id)


def check(azure: Azure, vnet: Resource, peering_id: str, remote_id: str, existing: Resource | None) -> Resource:
    """The remote VNet; 400 when it is missing, busy, peered already under another name, or overlaps."""
    remote = azure.store.get(remote_id)
    if remote is None or remote.type != VNET:
        raise checks.bad_reference(remote_id, peering_id)
    if existing and existing.properties["remoteVirtualNetwork"]["id"].lower() != remote.key:
        message = f"Cannot change the remote virtual network of the existing peering {peering_id}."
        raise invalid("ChangingRemoteVirtualNetworkNotAllowed", message)
    others = [peer for peer in children(vnet, "peerings").values() if peer.key != peering_id.lower()]
    _refuse_second(vnet, remote, peering_id, others)
    _refuse_overlap(azure, vnet, remote, peering_id, others)
    if existing is None and len(others) >= MAX_PEERINGS:
        message = f"Virtual network {vnet.id} has the maximum of {MAX_PEERINGS} peerings."
        raise invalid("PeeringLimitExceeded", message)
    running = busy(azure, remote.id)
    if running:
        message = (
            f"Cannot proceed with operation because resource {remote.id} used by resource {peering_id} is not in "
            f"Succeeded state. Resource is in Updating state and the last operation that updated/is updating the "
            f"resource is {running.name}."
        )
        raise invalid("ReferencedResourceNotProvisioned", message)
    return remote


def _refuse_second(vnet: Resource, remote: Resource, peering_id: str, others: list[Resource]) -> None:
    for other in others:
        if other.properties["remoteVirtualNetwork"]["id"].lower() == remote.key:
            message = (
                f"Peering {peering_id} cannot reference remote virtual network {remote.id} because parent virtual "
                f"network {vnet.id} already has a peering referencing the same remote virtual network: {other.id}."
            )
            raise invalid("AnotherPeeringAlreadyReferencesRemoteVnet", message)


def _refuse_overlap(azure: Azure, vnet: Resource, remote: Resource, peering_id: str, others: list[Resource]) -> None:
    clashes = overlaps(vnet, remote)
    if clashes:
        message = (
            f"Cannot create or update peering {peering_id}. Virtual networks {vnet.id} and {remote.id} cannot be "
            f"peered because their address spaces overlap. Overlapping address prefixes: {', '.join(clashes)}"
        )
        raise invalid("VnetAddressSpacesOverlap", message)
    for other in others:
        peer = azure.store.get(other.properties["remoteVirtualNetwork"]["id"])
        if peer and overlaps(peer, remote):
            message = (
                f"Cannot create or update peering {peering_id} because remote virtual network address space of "
                f"{remote.id} overlaps with the address space of already peered virtual network {peer.id}."
            )
            raise invalid("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet", message)


def overlaps(one: Resource, other: Resource) -> list[str]:
    """The prefixes of one VNet that overlap with the other's."""
    theirs = space_of(other)
    return [str(mine) for mine in space_of(one) if any(mine.overlaps(prefix) for prefix in theirs)]


def store_peering(
    azure: Azure, vnet: Resource, name: str, wanted: dict[str, Any], remote: Resource, *, sync: bool
) -> Resource:
    """Keep the peering as Updating. The peered prefixes are the remote's at creation, or at the last sync."""
    peering = azure.store.get(f"{vnet.id}/virtualNetworkPeerings/{name}")
    if peering is None:
        peering = Resource(id=f"{vnet.id}/virtualNetworkPeerings/{name}", type=PEERING, body={})
        azure.store.put(peering)
        children(vnet, "peerings")[name.lower()] = peering
        sync = True
    current = [str(prefix) for prefix in space_of(remote)]
    peered = current if sync else peering.properties["remoteAddressSpace"]["addressPrefixes"]
    peering.body["properties"] = {
        **wanted,
        "remoteAddressSpace": {"addressPrefixes": peered},
        "provisioningState": "Updating",
    }
    peering.touch()
    return peering


def delete_peering(azure: Azure, peering: Resource, request: ArmRequest) -> Operation:
    """Start deleting one side; the other becomes Disconnected."""
    vnet = find_vnet(azure, peering.id.rsplit("/", 2)[0])
    refuse_busy(azure, vnet)

    def finish() -> None:
        children(vnet, "peerings").pop(peering.name.lower(), None)

    operation = writes.begin_delete(
        azure,
        peering,
        "DeleteVirtualNetworkPeeringOperation",
        azure.latencies.peering,
        location=vnet.body["location"],
        api_version=request.api_version,
        finish=finish,
    )
    hold(azure, vnet.id, operation)
    return operation


def other_side(azure: Azure, peering: Resource) -> Resource | None:
    """The peering of the remote VNet that points back, or None."""
    remote = azure.store.get(peering.properties["remoteVirtualNetwork"]["id"])
    mine = peering.key.rsplit("/", 2)[0]
    if remote is None:
        return None
    found = (
        other
        for other in children(remote, "peerings").values()
        if other.properties["remoteVirtualNetwork"]["id"].lower() == mine
    )
    return next(found, None)


def state_of(azure: Azure, peering: Resource) -> str:
    """`Initiated` until the other side exists, `Connected` while both do, `Disconnected` when it went away."""
    if other_side(azure, peering):
        return "Connected"
    return "Disconnected" if peering.hidden.get("met") else "Initiated"


def sync_level(azure: Azure, peering: Resource) -> str:
    """Whether both sides have peered the prefixes the VNets have now."""
    vnet = azure.store.get(peering.id.rsplit("/", 2)[0])
    remote = azure.store.get(peering.properties["remoteVirtualNetwork"]["id"])
    other = other_side(azure, peering)
    local_synced = remote is None or _peered(peering) == {str(prefix) for prefix in space_of(remote)}
    remote_synced = (
        other is not None and vnet is not None and _peered(other) == {str(prefix) for prefix in space_of(vnet)}
    )
    if local_synced:
        return "FullyInSync" if remote_synced else "RemoteNotInSync"
    return "LocalNotInSync" if remote_synced else "LocalAndRemoteNotInSync"


def _peered(peering: Resource) -> set[str]:
    return set(peering.properties["remoteAddressSpace"]["addressPrefixes"])
