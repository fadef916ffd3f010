"""Which rule of an effective Azure Firewall policy decides a flow.

The rules are compiled once; a flow is then walked through them in the firewall's own order. Sources are sets
of addresses, so a whole network gets an answer that holds for every address in it.

Not looked at: intrusion detection (Premium), the built-in infrastructure FQDNs, routing and SNAT.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address

from shared.firewall.addresses import AddressSet
from shared.firewall.decision import Decision, Flow, RuleRef
from shared.firewall.order import Phase, PlacedRule, rules_in_order, ties
from shared.firewall.policy import FirewallPolicy, IpGroup, UnknownRule
from shared.firewall.rules import CompiledRule, RuleTable, as_addresses, compile_body
from shared.firewall.selectors import Directory, Packet, name_key
from shared.firewall.verdict import Doubt, Piece, decide

_STRICTNESS = ("off", "alert", "deny")


class CompiledPolicy:
    """An effective policy that is ready to answer many flows. Made by `compile_policy`; never changes."""

    def __init__(self, *, policy_id: str, tables: Mapping[Phase, RuleTable], assumptions: tuple[str, ...]) -> None:
        self._policy_id = policy_id.casefold()
        self._tables = tables
        self._assumptions = assumptions

    def evaluate(self, flow: Flow) -> Decision:
        """Returns which rule decides the flow, for every address of its source."""
        packet = _packet(flow)
        walk = _Walk(AddressSet.covering(flow.source))
        walk.through(self._tables[Phase.NAT], packet)
        translated = [part for piece in walk.pieces for part in self._translated(piece, packet, walk)]
        walk.pieces = translated
        walk.through(self._tables[Phase.NETWORK], packet)
        walk.through(self._tables[Phase.APPLICATION], packet)
        if walk.left:
            walk.pieces.append(Piece(sources=walk.left, rule=None, action="Deny"))
        return decide(walk.pieces, walk.doubts, self._assumptions)

    def hiding_rule(self, flow: Flow, own_group_name: str) -> RuleRef | None:
        """Returns the first rule that surely denies what our own group would allow later.

        Args:
            flow: a flow that our group has a rule for.
            own_group_name: the name of our rule collection group in this policy, not in its parent.

        Returns:
            The deny rule that is tried before ours and takes at least one source address from it; None when
            there is none, or when our group does not allow the flow at all.
        """
        packet = _packet(flow)
        table = self._tables[Phase.NETWORK]
        sources = AddressSet.covering(flow.source)
        walk = _Walk(sources)
        walk.through(table, packet)
        found = table.candidates(packet.destination, sources)
        ours = [each for each in found if self._allows(each, own_group_name)]
        denies = [(piece, piece.rule) for piece in walk.pieces if piece.rule and piece.action == "Deny"]
        for piece, rule in denies:
            later = [each for each in ours if each.order > rule.order]
            if any(any(each.match(packet, piece.sources)) for each in later):
                return rule.ref
        return None

    def _allows(self, rule: CompiledRule, group: str) -> bool:
        ref = rule.ref
        ours = ref.policy_id.casefold() == self._policy_id and ref.group.casefold() == group.casefold()
        return ours and ref.action == "Allow"

    def _translated(self, piece: Piece, packet: Packet, walk: "_Walk") -> list[Piece]:
        """Lets the network rules deny a flow that a DNAT rule translated.

        A DNAT rule brings an implicit allow for the translated flow, which a deny network rule overrides;
        application rules are not applied to it (learn: firewall/rule-processing).
        """
        target = piece.rule.body.translation if piece.rule else None
        if target is None or target.address is None or target.port is None:
            return [Piece(sources=piece.sources, rule=piece.rule, action="Unknown")]
        after = Packet(destination=target.address, port=target.port, protocol=packet.protocol, fqdn=packet.fqdn)
        inner = _Walk(piece.sources)
        inner.through(self._tables[Phase.NETWORK], after)
        walk.doubts += inner.doubts
        stopped = [each for each in inner.pieces if each.action != "Allow"]
        passed = piece.sources
        for each in stopped:
            passed -= each.sources
        return [*stopped, Piece(sources=passed, rule=piece.rule, action=piece.action)] if passed else stopped


class _Walk:
    """Takes sources through the rules until each is decided."""

    def __init__(self, sources: AddressSet) -> None:
        self.left = sources
        self.pieces: list[Piece] = []
        self.doubts: list[Doubt] = []

    def through(self, table: RuleTable, packet: Packet) -> None:
        if not self.left:
            return
        for rule in table.candidates(packet.destination, self.left):
            sure, unsure = rule.match(packet, self.left)
            if unsure:
                self.doubts.append(Doubt(sources=unsure, rule=rule))
            if sure:
                self.pieces.append(Piece(sources=sure, rule=rule, action=rule.ref.action))
                self.left -= sure
                if not self.left:
                    return


def compile_policy(
    policy: FirewallPolicy,
    ip_groups: Mapping[str, IpGroup],
    *,
    fqdns: Mapping[str, Iterable[IPv4Address]] | None = None,
    firewall_addresses: Iterable[IPv4Address] | None = None,
) -> CompiledPolicy:
    """Reads every term of the effective policy once.

    Args:
        policy: the policy with its parents.
        ip_groups: IP groups by resource id; a group that is not here is unknown.
        fqdns: addresses of FQDNs in network rules as the firewall resolves them; ignored without DNS proxy, as
            the firewall then has no dependable answer (learn: firewall/dns-settings).
        firewall_addresses: the firewall's private and public addresses, which DNAT rules apply to. Without
            them a single address in a DNAT rule is taken to be one of them.

    Returns:
        The policy, ready to answer flows.
    """
    proxy = any(each.dns_proxy_enabled for each in policy.lineage())
    directory = Directory(ip_groups, fqdns if proxy else None)
    own = None if firewall_addresses is None else as_addresses(firewall_addresses)
    placed = rules_in_order(policy)
    tables = {phase: _table([each for each in placed if each.phase is phase], directory, own) for phase in Phase}
    assumptions = (*_threat_intelligence(policy), *ties(placed))
    return CompiledPolicy(policy_id=policy.id, tables=tables, assumptions=assumptions)


def evaluate(policy: FirewallPolicy, flow: Flow, ip_groups: Mapping[str, IpGroup]) -> Decision:
    """Returns which rule of the policy decides one flow; for many flows use `compile_policy`."""
    return compile_policy(policy, ip_groups).evaluate(flow)


def hiding_rule(
    policy: FirewallPolicy, flow: Flow, own_group_name: str, ip_groups: Mapping[str, IpGroup]
) -> RuleRef | None:
    """Returns the earlier deny rule that hides our allow rule, as `CompiledPolicy.hiding_rule`."""
    return compile_policy(policy, ip_groups).hiding_rule(flow, own_group_name)


def _table(placed: list[PlacedRule], directory: Directory, own: AddressSet | None) -> RuleTable:
    return RuleTable([_compiled(order, each, directory, own) for order, each in enumerate(placed)])


def _compiled(order: int, placed: PlacedRule, directory: Directory, own: AddressSet | None) -> CompiledRule:
    body = compile_body(placed.rule, directory, own)
    fields = () if isinstance(placed.rule, UnknownRule) else placed.rule.unknown_fields
    strange = tuple(f"field {field} is not understood" for field in fields)
    return CompiledRule(
        order=order,
        ref=placed.ref,
        body=body,
        certain=not (placed.doubts or strange),
        doubts=tuple(dict.fromkeys((*body.doubts, *placed.doubts, *strange))),
    )


def _packet(flow: Flow) -> Packet:
    return Packet(
        destination=int(flow.destination),
        port=flow.port,
        protocol=flow.protocol.casefold(),
        fqdn=None if flow.fqdn is None else name_key(flow.fqdn),
    )


def _threat_intelligence(policy: FirewallPolicy) -> tuple[str, ...]:
    """A parent's mode holds in the child too, which may only be stricter (learn: firewall-manager/policy-overview)."""
    modes = [each.threat_intel_mode.casefold() for each in policy.lineage() if each.threat_intel_mode]
    if not modes or any(mode not in _STRICTNESS for mode in modes):
        return ("the threat intelligence mode is not known; it is assumed to drop nothing",)
    if "deny" in modes:
        return ("threat intelligence is in mode Deny; neither end of the flow is assumed to be on its list",)
    return ()
