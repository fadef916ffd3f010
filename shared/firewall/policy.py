"""An Azure Firewall policy as values: groups, collections, rules and IP groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

RuleAction = Literal["Allow", "Deny", "Dnat", "Unknown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class IpGroup:
    """An IP group.

    Attributes:
        id: its resource id, compared without regard to case.
        addresses: addresses, CIDR blocks and ranges; empty makes rules skip it; None when they could not be read.
    """

    id: str
    addresses: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkRule:
    """A rule on addresses, ports and IP protocols. The terms of one side are alternatives.

    Attributes:
        name: the rule's name, unique in its collection.
        protocols: `TCP`, `UDP`, `ICMP`, `Any`.
        source_addresses: `*`, address, CIDR block, range or service tag.
        source_ip_groups: resource ids of IP groups.
        destination_addresses: as the source addresses.
        destination_ip_groups: resource ids of IP groups.
        destination_fqdns: names the firewall resolves itself; they need its DNS proxy.
        destination_ports: `*`, `443`, `8000-9000`.
        unknown_fields: fields of the wire body that this model does not know and that were not empty.
    """

    name: str
    protocols: tuple[str, ...] = ()
    source_addresses: tuple[str, ...] = ()
    source_ip_groups: tuple[str, ...] = ()
    destination_addresses: tuple[str, ...] = ()
    destination_ip_groups: tuple[str, ...] = ()
    destination_fqdns: tuple[str, ...] = ()
    destination_ports: tuple[str, ...] = ()
    unknown_fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationProtocol:
    """A protocol and port of an application rule: `Http`, `Https` or `Mssql`; port None when it was not given."""

    type: str
    port: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationRule:
    """A rule on the name a client asks for (TLS server name or HTTP host). Its targets are alternatives."""

    name: str
    protocols: tuple[ApplicationProtocol, ...] = ()
    source_addresses: tuple[str, ...] = ()
    source_ip_groups: tuple[str, ...] = ()
    destination_addresses: tuple[str, ...] = ()
    target_fqdns: tuple[str, ...] = ()
    target_urls: tuple[str, ...] = ()
    fqdn_tags: tuple[str, ...] = ()
    web_categories: tuple[str, ...] = ()
    unknown_fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NatRule:
    """A rule that translates a destination which is one of the firewall's own addresses."""

    name: str
    protocols: tuple[str, ...] = ()
    source_addresses: tuple[str, ...] = ()
    source_ip_groups: tuple[str, ...] = ()
    destination_addresses: tuple[str, ...] = ()
    destination_ports: tuple[str, ...] = ()
    translated_address: str | None = None
    translated_fqdn: str | None = None
    translated_port: str | None = None
    unknown_fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownRule:
    """A rule that could not be understood or read. It is kept because it might match any flow.

    Attributes:
        name: the rule's name, or a stand-in in brackets.
        why: what is not known, in words.
    """

    name: str
    why: str


Rule = NetworkRule | ApplicationRule | NatRule | UnknownRule


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleCollection:
    """Rules with one action. A lower priority number goes first; None means the place is not known."""

    name: str
    priority: int | None
    action: RuleAction
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleCollectionGroup:
    """Rule collections with one priority, 100 (first) to 65000; None means the place is not known."""

    name: str
    id: str
    priority: int | None
    collections: tuple[RuleCollection, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FirewallPolicy:
    """A firewall policy with everything it inherits.

    Attributes:
        id: its resource id, compared without regard to case.
        base: the parent policy, None when there is none.
        groups: its own rule collection groups, in any order.
        threat_intel_mode: `Off`, `Alert` or `Deny`; None when it was not given.
        dns_proxy_enabled: whether the firewall answers DNS, without which it cannot match FQDNs in network rules.
        dns_servers: the servers the firewall asks; empty means Azure's.
        snat_private_ranges: destinations for which network rules keep the client's address: addresses, CIDR blocks
            and `IANAPrivateRanges`; None when they were not given, which means the latter.
        learns_private_ranges: whether the firewall adds to these what a route server tells it.
    """

    id: str
    base: "FirewallPolicy | None" = None
    groups: tuple[RuleCollectionGroup, ...] = ()
    threat_intel_mode: str | None = None
    dns_proxy_enabled: bool = False
    dns_servers: tuple[str, ...] = ()
    snat_private_ranges: tuple[str, ...] | None = None
    learns_private_ranges: bool = False

    def lineage(self) -> Iterator["FirewallPolicy"]:
        """Yields the policies whose rules apply, in the order they apply: the oldest ancestor first."""
        if self.base is not None:
            yield from self.base.lineage()
        yield self


def unread_group(*, name: str, group_id: str, why: str) -> RuleCollectionGroup:
    """Returns the stand-in for a group that exists but could not be read: one rule that might do anything."""
    rule = UnknownRule(name="(unknown)", why=why)
    collection = RuleCollection(name="(unknown)", priority=None, action="Unknown", rules=(rule,))
    return RuleCollectionGroup(name=name, id=group_id, priority=None, collections=(collection,))
