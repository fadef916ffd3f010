"""Short ways to write a policy in a test."""

from ipaddress import ip_address, ip_network

from shared.firewall.decision import Flow
from shared.firewall.policy import (
    ApplicationProtocol,
    ApplicationRule,
    FirewallPolicy,
    NatRule,
    NetworkRule,
    RuleCollection,
    RuleCollectionGroup,
)

MONITORING = "10.50.0.0/24"
API = "10.20.1.4"
FIREWALL = "10.0.1.4"
HTTPS = (ApplicationProtocol(type="Https", port=443),)


def network(name="allow-api", source=MONITORING, to=API, **fields):
    known = {
        "protocols": ("TCP",),
        "source_addresses": (source,),
        "destination_addresses": (to,),
        "destination_ports": ("443",),
    }
    return NetworkRule(name=name, **known | fields)


def application(name="app", source="*", fqdns=(), **fields):
    known = {"protocols": HTTPS, "source_addresses": (source,), "target_fqdns": tuple(fqdns)}
    return ApplicationRule(name=name, **known | fields)


def nat(name="nat", source="*", to=FIREWALL, **fields):
    known = {
        "protocols": ("TCP",),
        "source_addresses": (source,),
        "destination_addresses": (to,),
        "destination_ports": ("443",),
        "translated_address": API,
        "translated_port": "443",
    }
    return NatRule(name=name, **known | fields)


def collection(*rules, action="Allow", priority=1000, name=None):
    return RuleCollection(name=name or f"{action}-{priority}", priority=priority, action=action, rules=rules)


def group(*collections, name="ours", priority=400):
    return RuleCollectionGroup(name=name, id=f"/groups/{name}", priority=priority, collections=collections)


def policy(*groups, name="hub", base=None, mode="Alert", **fields):
    return FirewallPolicy(id=f"/subscriptions/s/{name}", base=base, groups=groups, threat_intel_mode=mode, **fields)


def flow(source=MONITORING, to=API, **fields):
    where = ip_network(source) if "/" in source else ip_address(source)
    return Flow(source=where, destination=ip_address(to), port=fields.pop("port", 443), **fields)
