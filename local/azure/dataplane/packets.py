"""What becomes of a connection: name, route, peering, firewall, peering, endpoint, and the way back."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from local.azure.azure import Azure
from local.azure.dataplane.dns import CLUSTER, resolve
from local.azure.dataplane.filtering import Flow, judge
from local.azure.dataplane.routes import ENDPOINT, Route, endpoint_addresses, next_hop, prefixes
from local.azure.dataplane.topology import connected, firewall_at, firewall_subnet, policy_of, vnet_of
from local.azure.store import Resource

BALANCER = "Microsoft.Network/loadBalancers"
DELIVERED = ("VnetLocal", "VNetPeering", "InterfaceEndpoint")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far a connection got. `stage` is where it ended: dns, route, peering, firewall, endpoint, or done."""

    reached: bool
    stage: str
    address: str | None
    detail: str
    hops: tuple[str, ...] = ()


class _EndedError(Exception):
    """The packet goes no further."""

    def __init__(self, stage: str, detail: str) -> None:
        super().__init__(detail)
        self.stage = stage


@dataclass(kw_only=True)
class _Trip:
    host: str
    port: int
    source: str
    subnet: Resource
    home: Resource
    address: str = ""
    hops: list[str] = field(default_factory=list)

    @property
    def flow(self) -> Flow:
        return Flow(source=self.source, destination=self.address, port=self.port, host=self.host)


def connect(azure: Azure, source_subnet_id: str, host: str, port: int = 443) -> Outcome:
    """Open a TLS connection from a machine in a subnet to `host:port`, a private API server.

    Not looked at: network security groups, and whether a spoke's peering allows forwarded traffic, which Azure does
    not dependably enforce. NVAs other than Azure Firewall pass nothing. Of VNet integration the API server's own
    subnet is taken to find its way back through the peering, as private endpoints do.

    Raises:
        ValueError: there is no such subnet.
    """
    subnet, home = azure.store.get(source_subnet_id), vnet_of(azure, source_subnet_id)
    if subnet is None or home is None:
        raise ValueError(f"no such subnet: {source_subnet_id}")
    source = str(ipaddress.IPv4Network(prefixes(subnet)[0])[10])
    trip = _Trip(host=host, port=port, source=source, subnet=subnet, home=home)
    stage = "done"
    try:
        _look_up(azure, trip)
        cluster = _travel(azure, trip)
        detail = f"the API server of {cluster.name} answers"
    except _EndedError as ended:
        stage, detail = ended.stage, str(ended)
    address = trip.address or None
    return Outcome(reached=stage == "done", stage=stage, address=address, detail=detail, hops=tuple(trip.hops))


def _look_up(azure: Azure, trip: _Trip) -> None:
    try:
        trip.address = str(ipaddress.IPv4Address(trip.host))
    except ValueError:
        answer = resolve(azure, trip.home.id, trip.host)
        trip.hops.append(f"dns: {answer.why}")
        if answer.address is None:
            raise _EndedError("dns", answer.why) from None
        trip.address = answer.address


def _travel(azure: Azure, trip: _Trip) -> Resource:
    route = next_hop(azure, trip.subnet, trip.address)
    trip.hops.append(f"route: {route}")
    if route is not None and route.hop in DELIVERED:
        return _deliver(azure, trip, trip.home, route)
    if route is None or not route.hop.startswith("VirtualAppliance"):
        raise _EndedError("route", f"{trip.subnet.name} sends {trip.address} to {route}")
    firewall = firewall_at(azure, route.to)
    if firewall is None:
        raise _EndedError("route", f"no firewall answers at next hop {route.to}")
    return _through_firewall(azure, trip, firewall)


def _through_firewall(azure: Azure, trip: _Trip, firewall: Resource) -> Resource:
    inside, hub = azure.store.get(firewall_subnet(firewall)), vnet_of(azure, firewall_subnet(firewall))
    if inside is None or hub is None:
        raise _EndedError("firewall", f"{firewall.name} has no subnet")
    if not connected(azure, trip.home, hub):
        raise _EndedError("peering", f"{trip.home.name} is not connected with {hub.name}, where the next hop is")
    _filter(azure, trip, firewall, hub)
    onward = next_hop(azure, inside, trip.address)
    trip.hops.append(f"firewall route: {onward}")
    if onward is None or onward.hop not in DELIVERED:
        raise _EndedError("peering", f"{hub.name} has no way to {trip.address}: {onward}")
    back = next_hop(azure, inside, trip.source)
    if not connected(azure, hub, trip.home) or back is None or back.hop not in DELIVERED:
        raise _EndedError("peering", f"{hub.name} does not reach {trip.home.name} for the way back: {back}")
    return _deliver(azure, trip, hub, onward)


def _filter(azure: Azure, trip: _Trip, firewall: Resource, hub: Resource) -> None:
    def lookup(name: str) -> str | None:
        return resolve(azure, hub.id, name).address

    policy = policy_of(azure, firewall)
    if policy is None:
        raise _EndedError("firewall", f"{firewall.name} has no policy")
    verdict = judge(azure, policy.id, trip.flow, lookup)
    trip.hops.append(f"firewall: {verdict.why}")
    if not verdict.allowed:
        raise _EndedError("firewall", verdict.why)
    if verdict.application:
        # Application rules lead to the address that the firewall itself finds for the name.
        found = lookup(trip.host)
        if found is None:
            raise _EndedError("firewall", f"{firewall.name} does not resolve {trip.host}")
        trip.address = found


def _deliver(azure: Azure, trip: _Trip, sender: Resource, route: Route) -> Resource:
    target = azure.store.get(route.to)
    if target is None:
        raise _EndedError("peering", f"{route.to} does not exist")
    if not connected(azure, target, sender):
        raise _EndedError("peering", f"{target.name} does not reach {sender.name} for the way back")
    cluster = _listening(azure, target, trip.address)
    if cluster is None:
        raise _EndedError("endpoint", f"no API server answers at {trip.address} in {target.name}")
    trip.hops.append(f"endpoint: {cluster.name} at {trip.address}")
    _greet(trip, cluster)
    return cluster


def _greet(trip: _Trip, cluster: Resource) -> None:
    if cluster.properties["powerState"]["code"] != "Running":
        raise _EndedError("endpoint", f"{cluster.name} is stopped")
    if trip.port != 443:
        raise _EndedError("endpoint", f"{cluster.name} does not listen on port {trip.port}")
    names = {str(cluster.properties.get(key) or "").lower() for key in ("privateFQDN", "fqdn")}
    if trip.host != trip.address and trip.host.lower() not in names:
        raise _EndedError("endpoint", f"the certificate of {cluster.name} is not for {trip.host}")


def _listening(azure: Azure, vnet: Resource, address: str) -> Resource | None:
    """The cluster whose private endpoint or internal load balancer has the address in this VNet."""
    groups = {entry.key.split("/providers/")[0] for entry in _entries(azure, vnet, address)}
    for cluster in azure.store.of_type(CLUSTER):
        group = f"/subscriptions/{cluster.subscription}/resourcegroups/{cluster.properties['nodeResourceGroup']}"
        if group.lower() in groups:
            return cluster
    return None


def _entries(azure: Azure, vnet: Resource, address: str) -> list[Resource]:
    found = [
        endpoint
        for endpoint in azure.store.of_type(ENDPOINT)
        if endpoint.properties["subnet"]["id"].lower().startswith(vnet.key + "/")
        and address in endpoint_addresses(azure, endpoint)
    ]
    for balancer in azure.store.of_type(BALANCER):
        for frontend in balancer.properties["frontendIPConfigurations"]:
            properties = frontend["properties"]
            subnet = str((properties.get("subnet") or {}).get("id", "")).lower()
            if subnet.startswith(vnet.key + "/") and properties.get("privateIPAddress") == address:
                found.append(balancer)
    return found
