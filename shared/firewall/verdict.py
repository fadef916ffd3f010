"""Turns the pieces of a walk through the rules into a decision that people can read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.firewall.addresses import AddressSet, union
from shared.firewall.decision import Decision, Part, PartVerdict, RuleRef, Verdict
from shared.firewall.policy import RuleAction
from shared.firewall.rules import CompiledRule

_VERDICTS: dict[RuleAction, PartVerdict] = {
    "Allow": "allowed",
    "Dnat": "allowed",
    "Deny": "denied",
    "Unknown": "ambiguous",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Sources that a rule surely decides; without a rule the default deny does."""

    sources: AddressSet
    rule: CompiledRule | None
    action: RuleAction

    @property
    def ref(self) -> RuleRef | None:
        """The deciding rule's name, None for the default deny."""
        return self.rule.ref if self.rule else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """Sources that a rule might decide before the rule that surely does."""

    sources: AddressSet
    rule: CompiledRule

    def overturns(self, piece: Piece) -> bool:
        """Says whether some of the piece's sources would fare differently if the rule did match.

        After a DNAT rule only a deny rule makes a difference: the translated flow is allowed anyway.
        """
        action = self.rule.ref.action
        same = {"Dnat", "Allow"} if piece.action == "Dnat" else {piece.action}
        return action not in same and bool(self.sources & piece.sources)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Slice:
    sources: AddressSet
    verdict: PartVerdict
    piece: Piece

    def as_part(self) -> Part:
        return Part(sources=self.sources.networks(), verdict=self.verdict, rule=self.piece.ref)


def decide(pieces: Sequence[Piece], doubts: Sequence[Doubt], assumptions: Iterable[str]) -> Decision:
    """Puts pieces and doubts together.

    Args:
        pieces: disjoint, together the whole source, in the order in which they were decided.
        doubts: in the order in which the firewall tries their rules.
        assumptions: what has to hold for any decision on this policy.

    Returns:
        The decision. A doubt changes the verdict of a piece only if its rule would do something else.
    """
    slices = [each for piece in pieces for each in _slices(piece, doubts)]
    verdict = _combined({each.verdict for each in slices})
    wanted = "denied" if verdict == "partly" else verdict
    first = next(each for each in slices if each.verdict == wanted)
    denied = union(each.sources for each in slices if each.verdict == "denied")
    return Decision(
        verdict=verdict,
        rule=first.piece.ref,
        reason=_reason(first, slices, doubts),
        unknowns=tuple(dict.fromkeys(doubt.rule.ref for doubt in doubts)),
        assumptions=tuple(dict.fromkeys([*assumptions, *_notes(pieces), *_agreeing(pieces, doubts)])),
        denied_sources=denied.networks(),
        parts=tuple(each.as_part() for each in slices),
    )


def _slices(piece: Piece, doubts: Sequence[Doubt]) -> list[_Slice]:
    verdict = _VERDICTS[piece.action]
    unsure = union(doubt.sources & piece.sources for doubt in doubts if doubt.overturns(piece))
    cut = [(piece.sources - unsure, verdict), (unsure, "ambiguous" if unsure else verdict)]
    return [_Slice(sources=sources, verdict=each, piece=piece) for sources, each in cut if sources]


def _combined(verdicts: set[PartVerdict]) -> Verdict:
    if "ambiguous" in verdicts:
        return "ambiguous"
    return "partly" if len(verdicts) > 1 else next(iter(verdicts))


def _notes(pieces: Sequence[Piece]) -> list[str]:
    return [f"{piece.ref}: {note}" for piece in pieces if piece.rule for note in piece.rule.body.notes]


def _agreeing(pieces: Sequence[Piece], doubts: Sequence[Doubt]) -> list[str]:
    harmless = [doubt for doubt in doubts if not any(doubt.overturns(piece) for piece in pieces)]
    return [f"{doubt.rule.ref} might match first, to the same effect{_why(doubt)}" for doubt in harmless]


def _why(doubt: Doubt) -> str:
    doubts = doubt.rule.doubts
    return f" ({'; '.join(doubts)})" if doubts else " (it decides by the server name)"


def _reason(first: _Slice, slices: Sequence[_Slice], doubts: Sequence[Doubt]) -> str:
    if first.verdict == "ambiguous":
        return _ambiguous(first.piece, doubts)
    by = f"by {first.piece.ref}" if first.piece.rule else "by default: no rule matches"
    others = {each.piece.ref for each in slices if each.verdict == first.verdict} - {first.piece.ref}
    more = f" and {len(others)} more" if others else ""
    if all(each.verdict == first.verdict for each in slices):
        return f"{first.verdict} {by}{more}"
    where = ", ".join(str(each) for each in first.sources.networks())
    return f"allowed in part; {where} denied {by}{more}"


def _ambiguous(piece: Piece, doubts: Sequence[Doubt]) -> str:
    known = str(piece.ref) if piece.rule else "the default deny"
    doubt = next((each for each in doubts if each.overturns(piece)), None)
    if doubt is None:
        return f"{known} matches, but what it does is not known"
    return f"{doubt.rule.ref} might match before {known}{_why(doubt)}"
