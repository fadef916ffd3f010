"""What somebody may do to a network in which everything was as it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.azure.seed.bodies import link_body, network_rule, peering_body, rule_group_body
from local.azure.seed.contoso import FIREWALL_IP, HUB_VNET, MONITORING, POLICY, policy_body
from local.azure.seed.fleet import GROUP_BY_HAND
from tests.reachability.estate import Estate

Breakage = Callable[[Estate], None]
HUB_TO_MONITORING = f"{HUB_VNET}/virtualNetworkPeerings/hub-to-{MONITORING.vnet}"
MONITORING_TO_HUB = f"{MONITORING.vnet_id}/virtualNetworkPeerings/{MONITORING.vnet}-to-hub"
NOBODY = "10.0.9.9"
FAR_AWAY = "192.168.77.7"


def hub_to_spoke(estate: Estate) -> str:
    return f"{HUB_VNET}/virtualNetworkPeerings/hub-to-{estate.spoke_vnet.rsplit('/', 1)[-1]}"


def spoke_to_hub(estate: Estate) -> str:
    return f"{estate.spoke_vnet}/virtualNetworkPeerings/{estate.spoke_vnet.rsplit('/', 1)[-1]}-to-hub"


def remove(path: Callable[[Estate], str]) -> Breakage:
    return lambda estate: estate.delete(path(estate))


def unlink(name: str) -> Breakage:
    return lambda estate: estate.delete(f"{estate.zone}/virtualNetworkLinks/{name}")


def unfinished_link(name: str) -> Breakage:
    def do(estate: Estate) -> None:
        link = estate.azure.store.get(f"{estate.zone}/virtualNetworkLinks/{name}")
        assert link is not None
        link.properties["virtualNetworkLinkState"] = "InProgress"
        link.properties["provisioningState"] = "Updating"

    return do


def dns_servers(vnet: str, *servers: str) -> Breakage:
    return lambda estate: estate.change(vnet, dhcpOptions={"dnsServers": list(servers)})


def resolver(estate: Estate) -> None:
    """A subnet for the inbound endpoint of a DNS Private Resolver in the hub."""
    delegation = {"name": "resolver", "properties": {"serviceName": "Microsoft.Network/dnsResolvers"}}
    subnet = {"addressPrefix": "10.0.5.0/28", "delegations": [delegation]}
    estate.put(f"{HUB_VNET}/subnets/dns-in", {"properties": subnet})


def policy(**properties: Any) -> Breakage:
    return lambda estate: estate.change(POLICY, **properties)


def proxy(*, on: bool, servers: tuple[str, ...] = ()) -> Breakage:
    return policy(dnsSettings={"enableProxy": on, "servers": list(servers)})


def record(*addresses: str) -> Breakage:
    def do(estate: Estate) -> None:
        label = estate.host.split(".", 1)[0]
        found = estate.azure.store.get(f"{estate.zone}/A/{label}")
        assert found is not None
        given = [estate.address if address == "own" else address for address in addresses]
        found.properties["aRecords"] = [{"ipv4Address": address} for address in given]

    return do


def no_record(estate: Estate) -> None:
    estate.azure.store.remove(f"{estate.zone}/A/{estate.host.split('.', 1)[0]}")


def no_zone(estate: Estate) -> None:
    estate.azure.store.remove_tree(estate.zone)


def other_zone(vnet: str, *, labels: int = 1, address: str | None = None, label: str | None = None) -> Breakage:
    """A zone of the hub team that covers the name, linked to a VNet, with a record only if an address is given."""

    def do(estate: Estate) -> None:
        group = "/subscriptions/c0170500-0000-4000-8000-000000000010/resourceGroups/rg-spoke-10"
        name = estate.host.split(".", labels)[labels]
        zone = f"{group}/providers/Microsoft.Network/privateDnsZones/{name}"
        estate.put(zone, {"location": "global"})
        if labels == 1:
            estate.azure.store.remove(f"{estate.zone}/virtualNetworkLinks/monitoring-by-hand")
            estate.azure.store.remove(f"{estate.zone}/virtualNetworkLinks/hub-by-hand")
        estate.put(f"{zone}/virtualNetworkLinks/other", link_body(vnet))
        if address:
            given = estate.address if address == "own" else address
            body = {"properties": {"ttl": 300, "aRecords": [{"ipv4Address": given}]}}
            estate.put(f"{zone}/A/{label or estate.host.removesuffix(f'.{name}')}", body)

    return do


def table_of(estate: Estate, subnet: str) -> str:
    return str(estate.call.get(subnet)["properties"]["routeTable"]["id"])


def route(prefix: str, hop: str, address: str | None = None, *, name: str = "extra") -> Breakage:
    def do(estate: Estate) -> None:
        at = prefix if prefix != "api" else f"{estate.address}/32"
        properties: dict[str, Any] = {"addressPrefix": at, "nextHopType": hop}
        if hop == "VirtualApplianceEcmp":
            properties["nextHop"] = {"nextHopIpAddresses": [FIREWALL_IP, NOBODY]}
        elif address:
            properties["nextHopIpAddress"] = address
        estate.put(f"{table_of(estate, estate.source)}/routes/{name}", {"properties": properties})

    return do


def default_route(hop: str, address: str | None = None) -> Breakage:
    return route("0.0.0.0/0", hop, address, name="default")


def no_default_route(estate: Estate) -> None:
    estate.delete(f"{table_of(estate, estate.source)}/routes/default")


def no_route_table(estate: Estate) -> None:
    now = estate.call.get(estate.source)["properties"]
    estate.put(estate.source, {"properties": {"addressPrefix": now["addressPrefix"]}})


def gateway_routes(estate: Estate) -> None:
    """The monitoring VNet uses the hub's gateway, and its route table takes the gateway's routes."""
    peering = estate.azure.store.get(MONITORING_TO_HUB)
    assert peering is not None
    peering.properties["useRemoteGateways"] = True
    estate.change(table_of(estate, estate.source), disableBgpRoutePropagation=False)


def peering(path: Callable[[Estate], str], **properties: Any) -> Breakage:
    def do(estate: Estate) -> None:
        found = estate.azure.store.get(path(estate))
        if found is not None:
            found.properties.update(properties)

    return do


def at(path: str) -> Callable[[Estate], str]:
    return lambda estate: path


def direct_peering(estate: Estate) -> None:
    estate.put(f"{MONITORING.vnet_id}/virtualNetworkPeerings/to-spoke", peering_body(estate.spoke_vnet))
    estate.put(f"{estate.spoke_vnet}/virtualNetworkPeerings/to-monitoring", peering_body(MONITORING.vnet_id))


def firewall_subnet_route(hop: str, address: str | None = None, *, to: str | None = None) -> Breakage:
    """A route table on the firewall's own subnet, with its way to the Internet and a route to the API server."""

    def do(estate: Estate) -> None:
        table = f"{HUB_VNET.split('/providers/')[0]}/providers/Microsoft.Network/routeTables/rt-firewall"
        extra = {"addressPrefix": to or f"{estate.address}/32", "nextHopType": hop}
        if address:
            extra["nextHopIpAddress"] = address
        routes = [
            {"name": "internet", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}},
            {"name": "extra", "properties": extra},
        ]
        estate.put(table, {"location": "westeurope", "properties": {"routes": routes}})
        subnet = f"{HUB_VNET}/subnets/AzureFirewallSubnet"
        estate.put(subnet, {"properties": {"addressPrefix": "10.0.1.0/24", "routeTable": {"id": table}}})

    return do


def rules(name: str, priority: int, action: str, *made: dict[str, Any], at: str = POLICY) -> Breakage:
    def do(estate: Estate) -> None:
        body = rule_group_body(priority, *(_filled(rule, estate) for rule in made), name=name, action=action)
        estate.put(f"{at}/ruleCollectionGroups/rcg-{name}", body)

    return do


def _filled(rule: dict[str, Any], estate: Estate) -> dict[str, Any]:
    return {
        key: [text.replace("API", estate.address).replace("HOST", estate.host) for text in value]
        if isinstance(value, list) and all(isinstance(item, str) for item in value)
        else value
        for key, value in rule.items()
    }


def api_rule(sources: list[str], *, name: str = "made") -> dict[str, Any]:
    return network_rule(name, sources, ["API"], ["443"])


def application_rule(sources: list[str], fqdns: list[str]) -> dict[str, Any]:
    return {
        "ruleType": "ApplicationRule",
        "name": "by-name",
        "protocols": [{"protocolType": "Https", "port": 443}],
        "sourceAddresses": sources,
        "targetFqdns": fqdns,
    }


def fqdn_rule(sources: list[str], fqdns: list[str]) -> dict[str, Any]:
    return {**network_rule("by-fqdn", sources, [], ["443"]), "destinationFqdns": fqdns}


def no_allow_rules(estate: Estate) -> None:
    estate.delete(GROUP_BY_HAND)


def only_by(*made: dict[str, Any]) -> Breakage:
    """Nothing but these rules allows."""

    def do(estate: Estate) -> None:
        if estate.azure.store.get(GROUP_BY_HAND):
            no_allow_rules(estate)
        rules("made", 310, "Allow", *made)(estate)

    return do


def parent_denies(estate: Estate) -> None:
    parent = POLICY.replace("fp-hub", "fp-parent")
    estate.put(parent, policy_body())
    rules("central", 60000, "Deny", api_rule(["*"], name="deny-api"), at=parent)(estate)
    estate.change(POLICY, basePolicy={"id": parent})


def ip_group(name: str, addresses: list[str]) -> Breakage:
    """Only the sources in an IP group are allowed."""

    def do(estate: Estate) -> None:
        group = f"{POLICY.split('/firewallPolicies/')[0]}/ipGroups/{name}"
        estate.put(group, {"location": "westeurope", "properties": {"ipAddresses": addresses}})
        only_by({**api_rule([]), "sourceIpGroups": [group]})(estate)

    return do


def stop(estate: Estate) -> None:
    estate.post(f"{estate.cluster}/stop")


def stop_and_start(estate: Estate) -> None:
    """The address may move, and the record with it; the firewall's rule does not."""
    stop(estate)
    estate.post(f"{estate.cluster}/start")


def no_endpoint(estate: Estate) -> None:
    group = estate.zone.split("/providers/")[0]
    estate.azure.store.remove(f"{group}/providers/Microsoft.Network/privateEndpoints/kube-apiserver")


def cluster(**properties: Any) -> Breakage:
    def do(estate: Estate) -> None:
        found = estate.azure.store.get(estate.cluster)
        assert found is not None
        found.properties.update(properties)

    return do


def security_group(path: Callable[[Estate], str], *rules: dict[str, Any], policies: str | None = None) -> Breakage:
    """A security group on a subnet."""

    def do(estate: Estate) -> None:
        subnet = path(estate)
        group = f"{subnet.split('/providers/')[0]}/providers/Microsoft.Network/networkSecurityGroups/nsg"
        estate.put(group, {"location": "westeurope", "properties": {"securityRules": list(rules)}})
        more = {"privateEndpointNetworkPolicies": policies} if policies else {}
        estate.change(subnet, networkSecurityGroup={"id": group}, **more)

    return do


def security_rule(direction: str, access: str, *, priority: int = 100, **properties: Any) -> dict[str, Any]:
    facts = {
        "priority": priority,
        "direction": direction,
        "access": access,
        "protocol": "Tcp",
        "sourcePortRange": "*",
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
        **properties,
    }
    return {"name": f"{access}-{direction}-{priority}".lower(), "properties": facts}


def node_subnet(estate: Estate) -> str:
    return f"{estate.spoke_vnet}/subnets/aks-nodes"


def both(*breakages: Breakage) -> Breakage:
    def do(estate: Estate) -> None:
        for breakage in breakages:
            breakage(estate)

    return do


def nothing(estate: Estate) -> None:
    del estate
