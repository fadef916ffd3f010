"""The firewall at the time of a sweep: do our groups hold what they should, and does the policy let them work?

Only looks. The sync that every sweep asks for puts right what can be put right.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared.errors import PermanentError, ResourceGone, TemporaryError, UnsafePlan
from shared.firewall.findings import edited_by_hand, fields_added, held, refused, rules_differ
from shared.firewall.group_body import has_unknown_fields
from shared.firewall.group_writer import Target
from shared.firewall.inspection import Fleet, Inspector
from shared.firewall.targets import Prefixes, Targets
from shared.plan.finding import Code, Finding, Severity
from shared.settings import Mode, Rule, Settings
from shared.storage.firewall_history import FirewallHistory
from shared.storage.firewall_state import FirewallState, Setback


@dataclass(frozen=True, kw_only=True)
class FirewallLook:
    """What is wrong in the firewall, in words what could not be looked at, and whether syncs write missing rules."""

    findings: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] = ()
    rules_are_written: bool = False


class FirewallCheck:
    """Compares our live groups with the wanted ones and judges the effective policy; a handful of reads."""

    def __init__(
        self,
        *,
        targets: Targets,
        inspector: Inspector,
        state: FirewallState,
        history: FirewallHistory,
        settings: Settings,
    ) -> None:
        self._targets = targets
        self._inspector = inspector
        self._state = state
        self._history = history
        self._settings = settings

    async def check(self, prefixes: Prefixes, fleet: Fleet) -> FirewallLook:
        """Look; `prefixes` are those of all subnets of the fleet."""
        try:
            snapshot = await self._targets.read(prefixes)
            found = list(await self._inspector.inspect(snapshot, changed=True, fleet=fleet))
        except (PermanentError, ResourceGone, UnsafePlan) as error:
            return FirewallLook(findings=(refused(error, self._targets.api_group),))
        except TemporaryError as error:
            # A policy that is being updated or throttled must not keep links and routes from being repaired.
            return FirewallLook(gaps=(f"the firewall policy could not be read: {error.message}",))
        policy = self._settings.firewall_policy_id
        setback, hold = await self._state.setback(policy), await self._state.hold(policy)
        for target in snapshot.targets:
            found += [finding async for finding in self._look_at(target, setback)]
        enforced = self._settings.mode_of(Rule.API_RULES) is Mode.ENFORCE
        writes = enforced and hold is None and not (setback and setback.why_not)
        return FirewallLook(findings=tuple(found), rules_are_written=writes)

    async def _look_at(self, target: Target, setback: Setback | None) -> AsyncIterator[Finding]:
        hold = await self._state.hold(self._settings.firewall_policy_id, target.kind)
        if hold:
            yield held(target.group, hold, target.difference, target.kind)
            return
        intended = await self._history.intended(target.group) if _may_be_edited(target) else None
        added = fields_added(target.group, target.live, intended)
        if added:
            yield added
        if target.difference.empty:
            return
        if setback and setback.why_not:
            yield _set_back(setback, target)
        why_not = self._why_not_repaired(target, setback)
        edited = edited_by_hand(target.group, target.live, intended, repaired=not why_not)
        yield edited or rules_differ(target.group, target.difference, why_not=why_not)

    def _why_not_repaired(self, target: Target, setback: Setback | None) -> str:
        """Why the sync that follows leaves the group as it is; empty when it does not."""
        if self._settings.mode_of(Rule.API_RULES) is Mode.REPORT:
            return "The mode is report: set MODE_API_RULES (or MODE) to enforce."
        if len(target.difference.removed) > self._settings.max_deletions_per_run:
            return (
                "More rules would go than MAX_DELETIONS_PER_RUN allows: check that these clusters are really gone, "
                "then raise it for a while."
            )
        return setback.why_not if setback else ""


def _may_be_edited(target: Target) -> bool:
    return not target.difference.empty or has_unknown_fields(target.live)


def _set_back(setback: Setback, target: Target) -> Finding:
    """What keeps syncs from getting through, with its own code."""
    return Finding(
        code=next((code for code in Code if code == setback.code), Code.CHANGE_FAILED),
        severity=Severity.ERROR,
        resource=target.group,
        message=setback.message,
        fix=setback.fix,
    )
