"""The question and the answer of an evaluation: a flow, and which rule decides it."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from shared.firewall.policy import RuleAction

Verdict = Literal["allowed", "denied", "partly", "ambiguous"]
PartVerdict = Literal["allowed", "denied", "ambiguous"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """A flow that asks to pass the firewall.

    Attributes:
        source: one address or a whole network, of which every address is asked for.
        destination: the address the packets carry.
        port: the destination port; not looked at for ICMP.
        protocol: `TCP`, `UDP` or `ICMP`.
        fqdn: the server name in the TLS handshake, where it is known; only application rules look at it.
    """

    source: IPv4Address | IPv4Network
    destination: IPv4Address
    port: int
    protocol: str = "TCP"
    fqdn: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleRef:
    """Names one rule well enough to find it in the portal or in the firewall's logs."""

    policy_id: str
    group: str
    collection: str
    rule: str
    action: RuleAction

    def __str__(self) -> str:
        policy = self.policy_id.rpartition("/")[2]
        return f"{policy}/{self.group}/{self.collection}/{self.rule} ({self.action})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a flow's source that one rule decides; no rule means the firewall's default deny."""

    sources: tuple[IPv4Network, ...]
    verdict: PartVerdict
    rule: RuleRef | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Which rule decides a flow.

    Attributes:
        verdict: `allowed` or `denied` when that holds for every source address, `partly` when some are
            denied, `ambiguous` when an unknown could change the answer for at least one of them.
        rule: the rule behind the verdict: the first that allows, the first that denies (also for `partly`),
            or, for `ambiguous`, the first that decides as far as is known. None is the default deny.
        reason: one sentence for people.
        unknowns: the rules that might match before the deciding rule, in the order the firewall tries them.
        assumptions: what has to hold for the verdict, in words.
        denied_sources: the source addresses that are certainly denied, as few networks as possible.
        parts: the source cut into parts by deciding rule, together the whole source.
    """

    verdict: Verdict
    rule: RuleRef | None
    reason: str
    unknowns: tuple[RuleRef, ...] = ()
    assumptions: tuple[str, ...] = ()
    denied_sources: tuple[IPv4Network, ...] = ()
    parts: tuple[Part, ...] = ()
