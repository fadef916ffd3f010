"""Firewall policies, IP groups and flows in a universe of sixteen addresses, for Hypothesis."""

from ipaddress import IPv4Address, IPv4Network

from hypothesis import strategies as st

from shared.firewall.decision import Flow
from shared.firewall.policy import (
    ApplicationProtocol,
    ApplicationRule,
    FirewallPolicy,
    IpGroup,
    NatRule,
    NetworkRule,
    RuleCollection,
    RuleCollectionGroup,
    UnknownRule,
)

UNIVERSE = IPv4Network("10.0.0.0/28")
ADDRESSES = tuple(UNIVERSE)
FIREWALL = ADDRESSES[14]
PORTS = (442, 443, 444)
GROUPS_ROOT = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Network/ipGroups/"
KNOWN, EMPTY, MISSING = (GROUPS_ROOT + name for name in ("Known", "Empty", "Missing"))
FQDNS = ("api.hub.example", "hub.example", "other.example")

addresses = st.sampled_from(ADDRESSES)
subnets = st.sampled_from([each for length in (28, 29, 30, 31) for each in UNIVERSE.subnets(new_prefix=length)])
WILDCARDS = ("*", "*", "0.0.0.0/0", str(UNIVERSE))
RANGES = tuple(f"{first}-{last}" for first in ADDRESSES for last in ADDRESSES if first <= last)

known_terms = st.one_of(st.sampled_from(WILDCARDS), st.sampled_from(RANGES), addresses.map(str), subnets.map(str))
terms_or_tag = st.integers(0, 9).flatmap(lambda at: known_terms if at else st.just("AzureCloud"))
group_terms = st.sampled_from([KNOWN, KNOWN.upper(), EMPTY, MISSING])
ip_groups = st.lists(known_terms, min_size=1, max_size=3).map(
    lambda terms: {
        KNOWN.lower(): IpGroup(id=KNOWN, addresses=tuple(terms)),
        EMPTY: IpGroup(id=EMPTY, addresses=()),
    }
)


def tuples(terms, *, smallest=0, largest=2):
    return st.lists(terms, min_size=smallest, max_size=largest).map(tuple)


ports = st.sampled_from([("*",), ("443",), ("442", "444"), ("443-444",), ("1-442", "443"), ("*",), ("*",)])
protocols = st.sampled_from([("TCP",), ("tcp", "UDP"), ("Any",), ("Any",), ("ICMP",), ("any", "TCP")])
names = st.integers(0, 999).map("rule-{}".format)


@st.composite
def sides(draw):
    """Addresses and IP groups of one side; seldom nothing at all."""
    kind = draw(st.integers(0, 9))
    if kind < 7:
        return draw(tuples(terms_or_tag, smallest=1)), ()
    if kind < 9:
        return (), (draw(group_terms),)
    return draw(tuples(terms_or_tag)), draw(tuples(group_terms, largest=1))


@st.composite
def network_rules(draw):
    source_addresses, source_ip_groups = draw(sides())
    destination_addresses, destination_ip_groups = draw(sides())
    return NetworkRule(
        name=draw(names),
        protocols=draw(protocols),
        source_addresses=source_addresses,
        source_ip_groups=source_ip_groups,
        destination_addresses=destination_addresses,
        destination_ip_groups=destination_ip_groups,
        destination_ports=draw(ports),
    )


known_network_rules = st.builds(
    NetworkRule,
    name=names,
    protocols=protocols,
    source_addresses=tuples(known_terms, smallest=1),
    destination_addresses=tuples(known_terms, smallest=1),
    destination_ip_groups=tuples(st.just(KNOWN), largest=1),
    destination_ports=ports,
)
application_rules = st.builds(
    ApplicationRule,
    name=names,
    protocols=tuples(
        st.builds(ApplicationProtocol, type=st.sampled_from(["Https", "Http"]), port=st.sampled_from(PORTS)),
        smallest=1,
    ),
    source_addresses=tuples(terms_or_tag, smallest=1),
    target_fqdns=tuples(st.sampled_from(["*", "*.hub.example", "HUB.example", "api.hub.example"])),
    fqdn_tags=tuples(st.just("AzureKubernetesService"), largest=1),
)
nat_rules = st.builds(
    NatRule,
    name=names,
    protocols=protocols,
    source_addresses=tuples(terms_or_tag, smallest=1),
    destination_addresses=st.sampled_from([FIREWALL, FIREWALL, *ADDRESSES[12:]]).map(lambda each: (str(each),)),
    destination_ports=ports,
    translated_address=addresses.map(str),
    translated_port=st.sampled_from(["442", "443"]),
)
unknown_rules = st.builds(UnknownRule, name=names, why=st.just("its type is not known"))


@st.composite
def filter_rules(draw):
    """Mostly network rules: they are what usually decides."""
    kind = draw(st.integers(0, 9))
    if kind < 7:
        return draw(network_rules())
    return draw(application_rules if kind < 9 else unknown_rules)


@st.composite
def collections(draw, rules=known_network_rules, actions=("Allow", "Deny")):
    return RuleCollection(
        name=f"collection-{draw(st.integers(0, 99))}",
        priority=draw(st.integers(100, 110)),
        action=draw(st.sampled_from(actions)),
        rules=tuple(draw(st.lists(rules, min_size=1, max_size=3))),
    )


known_collections = collections()
filter_collections = collections(filter_rules())


@st.composite
def any_collections(draw):
    dnat = draw(st.integers(0, 4)) == 0
    return draw(collections(nat_rules, ("Dnat",)) if dnat else filter_collections)


@st.composite
def policies(draw, of_collections=None):
    """Policies with up to two ancestors; priorities are unique within a policy and within a group."""
    of_collections = any_collections() if of_collections is None else of_collections
    policy = None
    for name in ("/p/grandparent", "/p/parent", "/p/child")[draw(st.integers(0, 2)) :]:
        groups = tuple(draw(_group(of_collections, at)) for at in range(draw(st.integers(1, 2))))
        policy = FirewallPolicy(id=name, base=policy, groups=groups, threat_intel_mode="Alert")
    return policy


@st.composite
def _group(draw, of_collections, at):
    found = draw(st.lists(of_collections, max_size=2, unique_by=lambda each: each.priority))
    priority = draw(st.integers(100, 103)) * 10 + at
    return RuleCollectionGroup(name=f"group-{at}", id=f"group-{at}", priority=priority, collections=tuple(found))


flows = st.builds(
    Flow,
    source=st.one_of(st.just(UNIVERSE), subnets, addresses),
    destination=st.sampled_from([*ADDRESSES, *[FIREWALL] * 6]),
    port=st.sampled_from(PORTS),
    protocol=st.sampled_from(["TCP", "TCP", "tcp", "UDP", "ICMP"]),
    fqdn=st.one_of(st.none(), st.sampled_from(FQDNS)),
)


def each_source(flow):
    """The single addresses of a flow's source."""
    return [flow.source] if isinstance(flow.source, IPv4Address) else list(flow.source)
