"""Contoso: the hub-and-spoke network of the story, built by the operator's calls."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.azure.authorization.models import make_assignment
from local.azure.azure import Azure
from local.azure.rbac import APP, TENANT_ID, Role, RoleAssignment
from local.azure.seed.bodies import LOCATION, network_rule, peering_body, rule_group_body, subnet_body, vnet_body
from local.azure.seed.calls import Caller, in_silence, no_waiting

FIREWALL_IP = "10.0.1.4"
ROLE = Path(__file__).parents[3] / "infra" / "role_definition.json"
APP_ROLE = "a1100000-0000-4000-8000-00000000401e"
"""The name of the app's custom role."""
NODE_SUBNET = "aks-nodes"


def subscription(number: int) -> str:
    """The subscription of spoke 1, 2, 3, ...; 0 is the hub's."""
    return f"c0170500-0000-4000-8000-{number:012d}"


def group_id(number: int, name: str) -> str:
    """The id of a resource group in the subscription of the hub (0) or of a spoke."""
    return f"/subscriptions/{subscription(number)}/resourceGroups/{name}"


@dataclass(frozen=True, kw_only=True)
class Spoke:
    """A spoke: its number, its names, and the CIDR 10.<number>.0.0/16."""

    number: int
    group: str
    vnet: str

    @property
    def vnet_id(self) -> str:
        """The id of the VNet."""
        return f"{group_id(self.number, self.group)}/providers/Microsoft.Network/virtualNetworks/{self.vnet}"

    @property
    def node_prefix(self) -> str:
        """The prefix of the node subnet."""
        return f"10.{self.number}.4.0/22"


SPOKES = (
    Spoke(number=1, group="rg-spoke-1", vnet="vnet-spoke-1"),
    Spoke(number=2, group="rg-monitoring", vnet="vnet-monitoring"),
    Spoke(number=3, group="rg-spoke-3", vnet="vnet-spoke-3"),
)
MONITORING = SPOKES[1]
HUB_VNET = f"{group_id(0, 'rg-hub')}/providers/Microsoft.Network/virtualNetworks/vnet-hub"
_FIREWALL_GROUP = f"{group_id(0, 'rg-firewall')}/providers/Microsoft.Network"
FIREWALL = f"{_FIREWALL_GROUP}/azureFirewalls/fw-hub"
POLICY = f"{_FIREWALL_GROUP}/firewallPolicies/fp-hub"
PLATFORM_GROUP = f"{POLICY}/ruleCollectionGroups/rcg-platform"


def contoso(azure: Azure, options: dict[str, Any]) -> dict[str, Any]:
    """Build the network.

    Options:
        dns: `azure` (default) or `firewall`: what the spokes' VNets use.
        dns_proxy: whether the firewall answers DNS (default true).
        with_subnets: whether spokes 1 and 3 have their node subnets already (default false).
    """
    refuse_unknown(options, {"dns", "dns_proxy", "with_subnets"})
    azure.subscriptions.update(subscription(number) for number in range(4))
    call = Caller(azure)
    with in_silence(azure), no_waiting(azure):
        _build_hub(call, proxy=options.get("dns_proxy", True))
        dns = [FIREWALL_IP] if options.get("dns") == "firewall" else []
        for spoke in SPOKES:
            build_spoke(call, spoke, dns=dns, with_subnet=bool(options.get("with_subnets")))
    spokes = [f"/subscriptions/{subscription(spoke.number)}" for spoke in SPOKES]
    grant_app(azure, [*spokes, HUB_VNET, MONITORING.vnet_id, group_id(0, "rg-firewall")])
    return description(SPOKES)


def refuse_unknown(options: dict[str, Any], known: set[str]) -> None:
    """Raise ValueError for options that a seed does not have."""
    unknown = set(options) - known
    if unknown:
        raise ValueError(f"unknown options: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")


def _build_hub(call: Caller, *, proxy: bool) -> None:
    for name in ("rg-hub", "rg-firewall"):
        call.put(group_id(0, name), {"location": LOCATION})
    subnets = {"AzureFirewallSubnet": "10.0.1.0/24", "GatewaySubnet": "10.0.2.0/27"}
    call.put(HUB_VNET, vnet_body("10.0.0.0/16", subnets))
    call.put(POLICY, policy_body(proxy=proxy))
    call.put(PLATFORM_GROUP, platform_rules())
    call.put(FIREWALL, firewall_body(f"{HUB_VNET}/subnets/AzureFirewallSubnet", POLICY))


def policy_body(*, proxy: bool = True, base: str | None = None) -> dict[str, Any]:
    """A firewall policy."""
    properties: dict[str, Any] = {
        "sku": {"tier": "Standard"},
        "threatIntelMode": "Alert",
        "dnsSettings": {"servers": [], "enableProxy": proxy},
    }
    if base:
        properties["basePolicy"] = {"id": base}
    return {"location": LOCATION, "properties": properties}


def firewall_body(subnet: str, policy: str) -> dict[str, Any]:
    """A firewall in a subnet, with a policy."""
    address = f"{_FIREWALL_GROUP}/publicIPAddresses/pip-fw-hub"
    configuration = {"name": "hub", "properties": {"subnet": {"id": subnet}, "publicIPAddress": {"id": address}}}
    properties = {
        "sku": {"name": "AZFW_VNet", "tier": "Standard"},
        "ipConfigurations": [configuration],
        "firewallPolicy": {"id": policy},
    }
    return {"location": LOCATION, "properties": properties}


def platform_rules() -> dict[str, Any]:
    """Somebody else's rule collection group: time servers, and what AKS nodes need of the Internet."""
    body = rule_group_body(
        200, network_rule("time", ["10.0.0.0/8"], ["203.0.113.123"], ["123"]), name="platform-network"
    )
    body["properties"]["ruleCollections"].append(
        {
            "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
            "name": "platform-application",
            "priority": 2000,
            "action": {"type": "Allow"},
            "rules": [
                {
                    "ruleType": "ApplicationRule",
                    "name": "aks-egress",
                    "sourceAddresses": ["10.0.0.0/8"],
                    "protocols": [{"protocolType": "Https", "port": 443}],
                    "fqdnTags": ["AzureKubernetesService"],
                }
            ],
        }
    )
    return body


def build_spoke(call: Caller, spoke: Spoke, *, dns: list[str], with_subnet: bool) -> None:
    """A spoke's group and VNet, peered both ways with the hub and with nothing else."""
    call.put(group_id(spoke.number, spoke.group), {"location": LOCATION})
    subnets = {"vm": f"10.{spoke.number}.0.0/24", NODE_SUBNET: spoke.node_prefix} if spoke == MONITORING else {}
    call.put(spoke.vnet_id, vnet_body(f"10.{spoke.number}.0.0/16", subnets, dns=dns))
    if with_subnet and spoke != MONITORING:
        call.put(f"{spoke.vnet_id}/subnets/{NODE_SUBNET}", subnet_body(spoke.node_prefix))
    peer(call, spoke.vnet_id, spoke.vnet)


def peer(call: Caller, vnet_id: str, name: str) -> None:
    """Peer a spoke with the hub. Only the spoke's side takes forwarded traffic: it comes from other spokes."""
    call.put(f"{HUB_VNET}/virtualNetworkPeerings/hub-to-{name}", peering_body(vnet_id))
    call.put(f"{vnet_id}/virtualNetworkPeerings/{name}-to-hub", peering_body(HUB_VNET, forwarded=True))


def grant_app(azure: Azure, scopes: list[str]) -> None:
    """Give the app its role, as `infra/role_definition.json` has it, at these scopes."""
    role = json.loads(ROLE.read_text())
    azure.access.custom_roles[APP_ROLE] = Role(
        title=role["roleName"], actions=tuple(role["actions"]), not_actions=tuple(role.get("notActions", ()))
    )
    for scope in scopes:
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope} {APP_ROLE}"))
        azure.store.put(make_assignment(scope, name, APP_ROLE, APP.object_id))
        azure.access.assignments.append(
            RoleAssignment(
                principal_id=APP.object_id,
                scope=scope,
                actions=tuple(role["actions"]),
                not_actions=tuple(role.get("notActions", ())),
                name=name,
            )
        )


def description(spokes: tuple[Spoke, ...]) -> dict[str, Any]:
    """All ids, and the app settings that go with them."""
    settings = {
        "TENANT_ID": TENANT_ID,
        "HUB_VNET_ID": HUB_VNET,
        "MONITORING_VNET_IDS": MONITORING.vnet_id,
        "FIREWALL_POLICY_ID": POLICY,
        "SPOKE_SUBSCRIPTION_IDS": ",".join(subscription(spoke.number) for spoke in spokes),
        "AKS_SUBNET_NAME_PATTERN": "^aks-",
    }
    return {
        "subscriptions": {"hub": subscription(0), **{item.vnet: subscription(item.number) for item in spokes}},
        "hub_vnet": HUB_VNET,
        "firewall": FIREWALL,
        "firewall_policy": POLICY,
        "firewall_private_ip": FIREWALL_IP,
        "platform_group": PLATFORM_GROUP,
        "spokes": {
            item.vnet: {
                "number": item.number,
                "group": group_id(item.number, item.group),
                "vnet": item.vnet_id,
                "node_subnet": f"{item.vnet_id}/subnets/{NODE_SUBNET}",
                "node_prefix": item.node_prefix,
            }
            for item in spokes
        },
        "monitoring_vnet": MONITORING.vnet_id,
        "vm_subnet": f"{MONITORING.vnet_id}/subnets/vm",
        "settings": settings,
    }
