"""Applying a plan: independent things side by side, dependent ones in order, every outcome told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import groupby

from shared.apply.outcome import Outcome, Result, refusal
from shared.apply.writer import NetworkWriter
from shared.clock import Clock
from shared.errors import NotReady, PermanentError, ResourceGone, TemporaryError
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.plan.action import Action, ActionKind, Plan
from shared.plan.api_rules import row_state
from shared.plan.names import short_hash
from shared.retry import try_again
from shared.storage.locks import Locks
from shared.storage.registry import Registry, RegistryRow
from shared.telling import tell

log = logging.getLogger(__name__)
Write = Callable[[Action], Awaitable[bool]]

_NO_TABLE = "its route table could not be made"
_IN_A_VNET = frozenset({ActionKind.PUT_ROUTE_TABLE, ActionKind.PUT_ROUTE, ActionKind.ATTACH_ROUTE_TABLE})


class Executor:
    """Carries out guarded plans."""

    def __init__(self, writer: NetworkWriter, registry: Registry, locks: Locks, clock: Clock) -> None:
        self._registry = registry
        self._locks = locks
        self._clock = clock
        self._writes: dict[ActionKind, Write] = {
            ActionKind.PUT_LINK: writer.put_link,
            ActionKind.DELETE_LINK: writer.delete_link,
            ActionKind.PUT_ROUTE_TABLE: self._alone(writer.put_route_table, _region),
            ActionKind.PUT_ROUTE: writer.put_route,
            ActionKind.ATTACH_ROUTE_TABLE: self._alone(writer.attach_route_table, _vnet),
            ActionKind.REGISTER_API_SERVER: self._register,
            ActionKind.FORGET_API_SERVER: self._forget,
        }

    async def apply(self, plan: Plan) -> tuple[Outcome, ...]:
        """Apply every action of a plan; a failed one never stops those that do not depend on it."""
        lanes = await asyncio.gather(*(self._lane(actions) for actions in lanes_of(plan.actions)))
        return tuple(outcome for lane in lanes for outcome in lane)

    async def _lane(self, actions: Sequence[Action]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        missing: set[ResourceId] = set()
        for action in actions:
            needed = _table_needed(action)
            if needed in missing:
                outcomes.append(Outcome(action=action, result=Result.SKIPPED, seconds=0.0, message=_NO_TABLE))
                _tell(outcomes[-1])
                continue
            outcomes.append(await self._one(action))
            if action.kind is ActionKind.PUT_ROUTE_TABLE and outcomes[-1].result not in (Result.DONE, Result.ALREADY):
                missing.add(action.resource)
        return outcomes

    async def _one(self, action: Action) -> Outcome:
        started = self._clock.now()
        write = self._writes[action.kind]

        def outcome(result: Result, message: str = "") -> Outcome:
            seconds = (self._clock.now() - started).total_seconds()
            return Outcome(action=action, result=result, seconds=seconds, message=message)

        try:
            wrote = await try_again(lambda: write(action), clock=self._clock)
        except (TemporaryError, NotReady) as error:
            ended = outcome(Result.LATER, str(error))
        except ResourceGone as error:
            ended = outcome(Result.GONE, str(error))
        except PermanentError as error:
            finding = refusal(action, code=error.code, message=error.message, fix=error.fix)
            seconds = (self._clock.now() - started).total_seconds()
            ended = Outcome(action=action, result=Result.REFUSED, seconds=seconds, message=str(error), finding=finding)
        else:
            ended = outcome(Result.DONE if wrote else Result.ALREADY)
        _tell(ended)
        return ended

    def _alone(self, write: Write, ground: Callable[[Action], str]) -> Write:
        async def write_alone(action: Action) -> bool:
            async with self._locks.hold(ground(action)) as lock:
                if lock is None:
                    raise TemporaryError("Another instance is writing here.", resource=str(action.resource))
                return await write(action)

        return write_alone

    async def _register(self, action: Action) -> bool:
        after = action.after or {}
        known = await self._registry.get(action.resource)
        since = known.api_server.stopped_at if known else None
        api_server = ApiServer(
            cluster=action.resource,
            address=IPv4Address(after["address"]) if after.get("address") else None,
            zone=ResourceId.parse(after["zone"]) if after.get("zone") else None,
            subnets=tuple(ResourceId.parse(subnet) for subnet in after.get("subnets", ())),
            outbound_type=str(after.get("outboundType", "")),
            stopped_at=(since or self._clock.now()) if after.get("stopped") else None,
        )
        if known and api_server.says_the_same(known.api_server):
            return False
        _require_planned_from(known, action)
        if not await self._registry.put(api_server, over=known):
            raise _overtaken(action)
        return True

    async def _forget(self, action: Action) -> bool:
        known = await self._registry.get(action.resource)
        if known is None:
            return False
        _require_planned_from(known, action)
        if not await self._registry.remove(known):
            raise _overtaken(action)
        return True


def _require_planned_from(known: RegistryRow | None, action: Action) -> None:
    """Raise NotReady unless the row is still the one that the plan was made from.

    A worker that was slow must not write what it saw over what another has seen since.
    """
    before = row_state(known.api_server) if known else None
    if replace(action, before=before).facts != action.facts:
        raise _overtaken(action)


def _overtaken(action: Action) -> NotReady:
    return NotReady("Another worker has registered something else meanwhile.", resource=str(action.resource))


def _vnet(action: Action) -> str:
    """One subnet write at a time per VNet: Azure refuses, cancels or mixes up parallel ones."""
    return f"vnet-{short_hash(action.resource.parent, 40)}"


def _region(action: Action) -> str:
    """One new route table at a time per subscription and region: two workers would each make their own."""
    location = (action.after or {})["location"]
    return f"route-table-{action.resource.subscription_id}-{location}".lower()


def _table_needed(action: Action) -> ResourceId | None:
    """The route table that an action attaches, or writes a route of."""
    match action.kind:
        case ActionKind.ATTACH_ROUTE_TABLE:
            return ResourceId.parse((action.after or {})["routeTable"])
        case ActionKind.PUT_ROUTE:
            return action.resource.parent
    return None


def lanes_of(actions: Sequence[Action]) -> list[list[Action]]:
    """Split a plan into lanes that may run side by side, each in the plan's order.

    A lane for every link and registry row, and one for all route tables and subnets of a subscription, whose
    actions build on each other.
    """

    def lane(action: Action) -> str:
        if action.kind in _IN_A_VNET:
            return f"network {action.resource.subscription_id.lower()}"
        return f"{action.kind} {action.resource.key}"

    ordered = sorted(actions, key=lambda action: (lane(action), action.sort_key))
    return [list(group) for _, group in groupby(ordered, key=lane)]


def _tell(outcome: Outcome) -> None:
    level = logging.INFO if outcome.finding is None else logging.WARNING
    tell(
        log,
        "action ended",
        level=level,
        kind=str(outcome.action.kind),
        resource=str(outcome.action.resource),
        result=str(outcome.result),
        seconds=round(outcome.seconds, 3),
        reason=outcome.message or outcome.action.reason,
    )
