"""What the world looked like: every change of every resource, so that Resource Graph can be behind.

A change is noticed when the store hears of it, when an operation on the resource ends, or when an activity names it.
With a resource its parents and whatever it refers to are looked at again, because VNets show their subnets, peerings
show both sides and route tables their subnets. Like the real service, the journal also looks at everything from time
to time, should a change have gone unnoticed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local.azure.azure import Activity, Azure
from local.azure.faults import Fault
from local.azure.operations import Operation
from local.azure.resource_graph.query import table_of
from local.azure.resource_graph.render import render
from local.azure.resource_graph.rows import Row, row_of, type_of
from local.azure.store import Resource

FULL_SCAN = 3600.0
KEEP = 32
ALWAYS = float("-inf")


@dataclass
class History:
    """The versions of one row: since when (simulated seconds), and what; None for a resource that was deleted."""

    times: list[float] = field(default_factory=list)
    rows: list[Row | None] = field(default_factory=list)

    def at(self, moment: float) -> Row | None:
        """The row as it was at a moment."""
        found = bisect_right(self.times, moment)
        return self.rows[found - 1] if found else None

    def add(self, moment: float, row: Row | None) -> bool:
        """Write a version down, unless nothing changed; answers whether something did."""
        last = self.rows[-1] if self.rows else None
        if last == row:
            return False
        self.times.append(moment)
        self.rows.append(row)
        return True

    def forget(self, before: float) -> None:
        """Drop versions that nobody can ask for any more."""
        keep = max(bisect_right(self.times, before) - 1, 0)
        del self.times[:keep], self.rows[:keep]


class Journal:
    """All rows over time, by type."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._histories: dict[str, dict[str, History]] = {}
        self._types: dict[str, str] = {}
        self._dirty: dict[str, None] = {}
        self._scheduled = False
        self._scanned = 0.0
        self._epoch = 0
        self._changes: list[float] = []
        self._stale: dict[str, float] = {}
        azure.store.on_change.append(self.mark)
        azure.listeners.append(self._on_activity)
        azure.operations.on_end.append(self._on_operation)
        azure.faults.on_add.append(self._on_fault)
        azure.on_reset.append(self.reset)
        azure.on_seeded.append(self.catch_up)

    def mark(self, resource_id: str) -> None:
        """Look at a resource again when the current step is over."""
        self._dirty[resource_id.lower()] = None
        if not self._scheduled:
            self._scheduled = True
            self._azure.clock.call_later(0.0, self.flush)

    def _on_activity(self, activity: Activity) -> None:
        self.mark(activity.resource_id)

    def _on_operation(self, operation: Operation) -> None:
        self.mark(operation.target)

    def _on_fault(self, fault: Fault) -> None:
        if fault.kind == "stale":
            self.flush()
            self._stale[fault.fault_id] = self._azure.clock.seconds()

    def moment(self) -> float:
        """The moment, in simulated seconds, that an answer given now shows."""
        self.flush()
        stale = self._azure.faults.take("stale", "POST", "/providers/Microsoft.ResourceGraph/resources")
        if stale and stale.fault_id in self._stale:
            return self._stale[stale.fault_id]
        return self._azure.clock.seconds() - self._azure.latencies.resource_graph_lag

    def version(self, moment: float) -> tuple[int, int]:
        """A number for the world at a moment: the same as long as no row is another."""
        self._scan_if_due()
        return self._epoch, bisect_right(self._changes, moment)

    def rows(self, types: tuple[str, ...], moment: float) -> Iterator[Row]:
        """All rows of these types (in lower case) as they were at a moment."""
        for name in types:
            for history in self._histories.get(name, {}).values():
                row = history.at(moment)
                if row is not None:
                    yield row

    def flush(self) -> None:
        """Write down what changed."""
        self._scheduled = False
        dirty, self._dirty = self._dirty, {}
        for key in self._affected(dirty):
            self._look_at(key, self._azure.clock.seconds())

    def catch_up(self) -> None:
        """Take the present as what has always been, as after seeding a world."""
        self.flush()
        for histories in self._histories.values():
            for history in histories.values():
                history.times, history.rows = [ALWAYS], history.rows[-1:]
        self._new_epoch()

    def _new_epoch(self) -> None:
        self._epoch += 1
        self._changes.clear()

    def reset(self) -> None:
        """Forget everything."""
        self._histories.clear()
        self._types.clear()
        self._dirty.clear()
        self._stale.clear()
        self._scheduled, self._scanned = False, self._azure.clock.seconds()
        self._new_epoch()

    def _affected(self, dirty: dict[str, None]) -> dict[str, None]:
        found: dict[str, None] = {}
        for key in dirty:
            for item in (key, *self._references(key)):
                found[item] = None
                found.update(dict.fromkeys(_parents(item)))
        return found

    def _references(self, key: str) -> Iterator[str]:
        resource = self._azure.store.get(key)
        if resource:
            yield from _ids_in(resource.body.get("properties"))
        history = self._histories.get(self._types.get(key, ""), {}).get(key)
        if history and history.rows[-1]:
            yield from _ids_in(history.rows[-1]["properties"])

    def _look_at(self, key: str, now: float) -> None:
        resource = self._azure.store.get(key)
        if resource:
            self._write(key, resource, now)
        elif key in self._types:
            self._histories[self._types.pop(key)][key].add(now, None)
            self._changes.append(now)

    def _write(self, key: str, resource: Resource, now: float) -> None:
        name = type_of(resource.type)
        if table_of(name) is None:
            return
        self._types[key] = name
        history = self._histories.setdefault(name, {}).setdefault(key, History())
        if history.add(now, row_of(resource.id, name, render(self._azure, resource))):
            self._changes.append(now)
        if len(history.times) > KEEP:
            lag = max(self._azure.latencies.resource_graph_lag, FULL_SCAN)
            history.forget(min([now - lag, *self._stale.values()]))

    def _scan_if_due(self) -> None:
        now = self._azure.clock.seconds()
        if now - self._scanned < FULL_SCAN:
            return
        self._scanned = now
        for resource in self._azure.store:
            self._write(resource.key, resource, now)


def _parents(key: str) -> Iterator[str]:
    parts = key.split("/")
    for end in range(len(parts) - 2, 8, -2):
        yield "/".join(parts[:end])


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        target = value.get("id")
        if isinstance(target, str) and target.startswith("/subscriptions/"):
            yield target.lower()
        for item in value.values():
            yield from _ids_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _ids_in(item)
