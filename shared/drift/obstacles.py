"""What stands in the way of changes that are needed: what Azure refused before, and zones that overlap."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.errors import HublinkError
from shared.model.resource_id import ResourceId
from shared.model.world import Link
from shared.observe.reader import Reader
from shared.plan.action import Action, ActionKind, Plan
from shared.plan.combined import CombinedPlan, ScopePlan
from shared.plan.drift import Obstacle, Place, place_of
from shared.plan.finding import Code
from shared.storage.refusals import Refusals
from shared.telling import tell

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A link that Azure will refuse: its VNet sees another zone of that name already."""

    action: Action
    vnet: ResourceId
    other: ResourceId


class Obstacles:
    """Finds obstacles; a read of Resource Manager for each overlap that Resource Graph shows."""

    def __init__(self, reader: Reader, refusals: Refusals) -> None:
        self._reader = reader
        self._refusals = refusals

    async def of(self, plan: Plan, links: Iterable[Link], *, everything_seen: bool) -> dict[Place, Obstacle]:
        """The obstacles to a fleet's plan; `links` are all that Resource Graph found.

        A refusal of what nobody wants any more is forgotten, unless the sweep may have missed that it is wanted.
        """
        found = await self._refusals.all()
        if everything_seen:
            wanted = {place_of(action.kind, action.resource) for action in (*plan.actions, *plan.held_back)}
            await self._refusals.keep_only(wanted)
        for overlap in overlaps(plan.actions, links):
            if await self._is_linked(overlap.other, overlap.vnet):
                found[place_of(overlap.action.kind, overlap.action.resource)] = _obstacle(overlap)
        return found

    async def _is_linked(self, zone: ResourceId, vnet: ResourceId) -> bool:
        try:
            read = await self._reader.zone(zone)
        except HublinkError as error:
            tell(log, "overlap not confirmed", level=logging.WARNING, resource=str(zone), cause=error.message)
            return False
        return read is not None and read.link_to(vnet) is not None


def being_repaired(plan: CombinedPlan, obstacles: Mapping[Place, Obstacle]) -> frozenset[ResourceId]:
    """The places where somebody was asked to mend something and nothing is known to stand in the way."""

    def is_free(place: ScopePlan) -> bool:
        return not any(place_of(action.kind, action.resource) in obstacles for action in place.plan.actions)

    return frozenset(place.scope.resource for place in plan.places if place.plan.actions and is_free(place))


def overlaps(actions: Iterable[Action], links: Iterable[Link]) -> Iterator[Overlap]:
    """The new links for which another zone of the same name has a link to the same VNet. Pure."""
    linked: dict[tuple[str, str], ResourceId] = {}
    for link in links:
        linked.setdefault((link.id.parent.name.lower(), link.vnet.key), link.id.parent)
    for action in actions:
        if action.kind is not ActionKind.PUT_LINK or action.before is not None:
            continue
        vnet = ResourceId.parse((action.after or {}).get("virtualNetwork"))
        other = linked.get((action.resource.parent.name.lower(), vnet.key))
        if other is not None and other != action.resource.parent:
            yield Overlap(action=action, vnet=vnet, other=other)


def _obstacle(overlap: Overlap) -> Obstacle:
    return Obstacle(
        code=Code.ZONE_OVERLAPPING,
        message=f"{overlap.vnet.name} is linked to another zone of that name: {overlap.other}.",
        fix="A VNet sees one zone of a name only. Remove the other zone's link, or give one cluster another zone.",
    )
