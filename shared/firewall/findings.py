"""What a sync tells people: edits by hand, a hold, hidden rules, limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Network
from typing import Any

from shared.errors import PermanentError, ResourceGone, UnsafePlan
from shared.firewall.decision import Flow
from shared.firewall.desired import API_SERVER_PORT
from shared.firewall.evaluate import CompiledPolicy
from shared.firewall.group_body import (
    Difference,
    difference,
    rule_changes,
    same_body,
    unknown_changes,
    without_unknown_fields,
)
from shared.firewall.hold import Hold, OwnGroup
from shared.firewall.limits import LimitUsage, limit_usage
from shared.firewall.policy import FirewallPolicy
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.plan.finding import Code, Finding, Severity
from shared.plan.names import rule_name

Wire = Mapping[str, Any]
_MOST_NAMED = 10


def refused(error: PermanentError | ResourceGone | UnsafePlan, group: ResourceId) -> Finding:
    """The finding for an error that trying again will not mend."""
    resource = ResourceId.parse(error.resource) if error.resource else group
    code = Code.CHANGE_FAILED if isinstance(error, ResourceGone) else Code(error.code)
    return Finding(code=code, severity=Severity.ERROR, resource=resource, message=error.message, fix=error.fix)


def edited_by_hand(
    group: ResourceId, live: Wire | None, intended: tuple[Wire | None, Wire] | None, *, repaired: bool
) -> Finding | None:
    """What somebody else changed in our group since our last write; None when nobody did.

    `intended` is what the group held before that write and what the write was to make of it: a write that never
    reached Azure leaves the former, and is no edit. Fields that the app does not know are `fields_added`'s business.
    """
    if intended is None:
        return None
    before, after, found = (without_unknown_fields(body) if body else None for body in (*intended, live))
    if after is None or same_body(found, after) or same_body(found, before):
        return None
    what = "the whole group was deleted" if found is None else _edit(after, found)
    outcome = "The app puts it right." if repaired else "It is left as it is."
    return Finding(
        code=Code.FIREWALL_GROUP_EDITED,
        severity=Severity.WARNING,
        resource=group,
        message=f"Our rule collection group was changed by somebody else: {what}. {outcome}",
        fix="Keep rules of your own in another group: this one is rewritten from the registry.",
        repaired=repaired,
    )


def _edit(intended: Wire, live: Wire) -> str:
    found = difference(intended, live)
    others = replace(found, changed=())
    told = [] if others.empty else [str(others)]
    if found.changed:
        told.append(f"changed {_some(list(rule_changes(intended, live, found.changed)))}")
    return "; ".join(told) or str(found)


def fields_added(group: ResourceId, live: Wire | None, intended: tuple[Wire | None, Wire] | None) -> Finding | None:
    """What somebody else wrote into fields of our rules that the app does not know; None when nobody did.

    The app keeps such fields, whatever they mean; but they may narrow what a rule allows.
    """
    told = list(unknown_changes(intended[1], live)) if intended and live else []
    if not told:
        return None
    return Finding(
        code=Code.FIREWALL_GROUP_EDITED,
        severity=Severity.WARNING,
        resource=group,
        message=f"Rules of ours were changed by somebody else in fields that the app does not know: {_some(told)}. "
        "They are left as they are.",
        fix="Take these fields out of the rules if they close what should be open.",
    )


def too_many_removals(group: ResourceId, removed: int, cap: int) -> Finding:
    """More rules would go than one sync may remove; none of them goes, whatever else is written."""
    return Finding(
        code=Code.PLAN_TOO_LARGE,
        severity=Severity.ERROR,
        resource=group,
        message=f"The sync would remove {removed} rules, MAX_DELETIONS_PER_RUN allows {cap}; none was removed.",
        fix="Check that these clusters are really gone, then raise MAX_DELETIONS_PER_RUN for a while.",
    )


def not_taken(group: ResourceId, since: datetime, cause: str) -> Finding:
    """Azure has been busy for so long that somebody should look."""
    return Finding(
        code=Code.CHANGE_FAILED,
        severity=Severity.ERROR,
        resource=group,
        message=f"The firewall has not been brought in line since {since:%Y-%m-%d %H:%M} UTC. {cause}",
        fix="Look at the policy and its firewalls in the portal; the app goes on trying.",
    )


def rules_differ(group: ResourceId, found: Difference, *, why_not: str) -> Finding:
    """Our group is not what it should be; `why_not` says why the next sync leaves it so, empty when it does not."""
    kinds = (("missing", found.added), ("stale", found.removed), ("changed", found.changed), ("unset", found.settings))
    told = "; ".join(f"{word}: {_some(names)}" for word, names in kinds if names)
    return Finding(
        code=Code.FIREWALL_RULES_DIFFER,
        severity=Severity.WARNING,
        resource=group,
        message=f"Our rules in the firewall are not those that the registry asks for. {told[:1].upper()}{told[1:]}.",
        fix=why_not or "Nothing to do: a sync of the firewall was asked for.",
        repaired=not why_not,
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def held(group: ResourceId, hold: Hold, pending: Difference, kind: OwnGroup = OwnGroup.API) -> Finding:
    """Says since when and why the firewall is held, and what the hold keeps from being written."""
    release = "" if kind is OwnGroup.API else f"with group {kind} "
    return Finding(
        code=Code.FIREWALL_HOLD,
        severity=Severity.WARNING,
        resource=group,
        message=(
            f"Held at {hold.digest[:12]} since {hold.since:%Y-%m-%d %H:%M} UTC by {hold.by or 'somebody'} "
            f"({hold.reason or 'no reason given'}). Not written: {pending}."
        ),
        fix=f"POST /api/firewall/release {release}ends the hold; the next sync then writes again.",
    )


def shadowed(
    compiled: CompiledPolicy,
    api_servers: Iterable[ApiServer],
    sources: Sequence[IPv4Network],
    group: ResourceId,
) -> list[Finding]:
    """API servers whose allow rule an earlier deny rule hides from at least one source address."""
    found = []
    for api_server in api_servers:
        finding = _hidden(compiled, api_server, sources, group)
        if finding:
            found.append(finding)
    return found


def _hidden(
    compiled: CompiledPolicy, api_server: ApiServer, sources: Sequence[IPv4Network], group: ResourceId
) -> Finding | None:
    if api_server.address is None:
        return None
    for source in sources:
        flow = Flow(source=source, destination=api_server.address, port=int(API_SERVER_PORT))
        rule = compiled.hiding_rule(flow, group.name)
        if rule is not None:
            return Finding(
                code=Code.FIREWALL_RULE_SHADOWED,
                severity=Severity.ERROR,
                resource=group.child("rules", rule_name(api_server.cluster)),
                cluster=api_server.cluster,
                message=(
                    f"{rule} is tried before our rule and denies {source} the way to {api_server.cluster.name} "
                    f"({api_server.address}:{API_SERVER_PORT})."
                ),
                fix="Narrow that deny rule, or give our rule collection group a smaller priority number than its own; "
                "a deny in the parent policy always comes first and must be changed there.",
            )
    return None


def policy_limits(policy: FirewallPolicy, bodies: Mapping[str, Wire]) -> list[Finding]:
    """The limits of the firewall policy that are 80 % used or more."""
    resource = ResourceId.parse(policy.id)
    return [_limit(usage, resource) for usage in limit_usage(policy, bodies) if usage.near]


def _limit(usage: LimitUsage, policy: ResourceId) -> Finding:
    return Finding(
        code=Code.LIMIT_NEAR,
        severity=Severity.ERROR if usage.exceeded else Severity.WARNING,
        resource=policy,
        message=f"{usage.used:,} of {usage.limit:,} {usage.name} are used.",
        fix=usage.advice,
    )
