"""The planner: the three rules over one world, and what must hold between the networks."""

from __future__ import annotations

from collections.abc import Iterable

from shared.model.world import World
from shared.plan.action import Action, Plan, Waiting, make_plan
from shared.plan.api_rules import plan_api_rules
from shared.plan.finding import Finding
from shared.plan.networks import plan_networks
from shared.plan.route_tables import plan_route_tables
from shared.plan.zone_links import plan_zone_links
from shared.settings import Settings

Item = Action | Finding | Waiting


def plan(world: World, settings: Settings) -> Plan:
    """Decide what is to be done. The same world and settings give the same plan, with the same digest."""
    return collect(
        [
            *plan_zone_links(world, settings),
            *plan_route_tables(world, settings),
            *plan_api_rules(world, settings),
            *plan_networks(world, settings),
        ]
    )


def collect(items: Iterable[Item]) -> Plan:
    """Sort what the rules said into one plan."""
    actions: list[Action] = []
    findings: list[Finding] = []
    waiting: list[Waiting] = []
    for item in items:
        match item:
            case Action():
                actions.append(item)
            case Finding():
                findings.append(item)
            case Waiting():
                waiting.append(item)
    return make_plan(actions, findings, waiting)
