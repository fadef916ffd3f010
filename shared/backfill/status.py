"""How far a run is, worked out from what its places and the firewall told. Pure.

Nothing but what happened is stored, so a run that loses a worker, or all of them, never says something wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.storage.runs import FirewallServed, Phase, Place, PlaceState, Run

Data = dict[str, Any]
_NOT_TOLD = "Done, but the worker ended before it could say so; a fresh look found nothing left to do."


class Status(StrEnum):
    """How far a run is; all from PLANNED on are its end.

    PLANNED: a dry run, see its plan. SUCCEEDED: all done, and the firewall in line. INCOMPLETE: ended, but something
    was refused, given up or lost. REFUSED: nothing was done at all, see `problem`.
    """

    ACCEPTED = "accepted"
    PLANNING = "planning"
    RUNNING = "running"
    PLANNED = "planned"
    SUCCEEDED = "succeeded"
    INCOMPLETE = "incomplete"
    REFUSED = "refused"


class FirewallState(StrEnum):
    """How far the firewall is, as far as the run is concerned."""

    NOT_ASKED = "notAsked"
    PENDING = "pending"
    IN_LINE = "inLine"
    REPORTED = "reported"
    HELD = "held"
    REFUSED = "refused"


_NOT_IN_LINE = {"reported": FirewallState.REPORTED, "held": FirewallState.HELD, "refused": FirewallState.REFUSED}


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Everything that is known of a run. `synced_up_to` is when the last sync of the firewall read the registry."""

    run: Run
    places: Sequence[Place] = ()
    served: FirewallServed = field(default_factory=FirewallServed)
    synced_up_to: datetime | None = None
    planned: Sequence[Data] = ()

    @property
    def wanted_sync(self) -> datetime | None:
        """The latest moment that the firewall must be in line with; None when nobody asked."""
        asked = [place.told["syncRequestedAt"] for place in self.places if place.told.get("syncRequestedAt")]
        moments = [datetime.fromisoformat(text) for text in asked]
        return max([*moments, *([self.run.sync_requested_at] if self.run.sync_requested_at else [])], default=None)

    @property
    def places_ended(self) -> bool:
        """Whether every place has come to its end."""
        return all(place.state in (PlaceState.ENDED, PlaceState.LOST) for place in self.places)

    @property
    def firewall(self) -> FirewallState:
        """How far the firewall is."""
        wanted = self.wanted_sync
        if wanted is None:
            return FirewallState.NOT_ASKED
        served = self.served.up_to is not None and self.served.up_to >= wanted
        if served and self.served.result in _NOT_IN_LINE:
            return _NOT_IN_LINE[self.served.result]
        synced = self.synced_up_to is not None and self.synced_up_to >= wanted
        return FirewallState.IN_LINE if served or synced else FirewallState.PENDING

    @property
    def status(self) -> Status:
        """How far the run is."""
        match self.run.phase:
            case Phase.ACCEPTED:
                return Status.ACCEPTED
            case Phase.PLANNING:
                return Status.PLANNING
            case Phase.PLANNED:
                return Status.PLANNED
            case Phase.REFUSED:
                return Status.REFUSED
            case Phase.WORKING:
                return self._working()

    def _working(self) -> Status:
        if not self.places_ended or self.firewall is FirewallState.PENDING:
            return Status.RUNNING
        clean = self.firewall in (FirewallState.IN_LINE, FirewallState.NOT_ASKED)
        return Status.SUCCEEDED if clean and not self.refused and not self.not_approved else Status.INCOMPLETE

    @property
    def refused(self) -> list[Data]:
        """What was refused, given up or lost, and why."""
        told = [finding for place in self.places for finding in place.told.get("findings", [])]
        found = [finding for finding in told if finding["severity"] == "error"]
        found += [_lost(place) for place in self.places if place.state is PlaceState.LOST]
        found += [self.served.problem] if self.firewall is FirewallState.REFUSED and self.served.problem else []
        return list({(item["code"], item["resource"].lower(), item["message"]): item for item in found}.values())

    @property
    def not_approved(self) -> list[Data]:
        """What would be done now but was not in the approved plan."""
        return [action for place in self.places for action in place.told.get("notApproved", [])]

    @property
    def actions(self) -> list[Data]:
        """Every planned or done action with its outcome: `pending` until its place has ended."""
        told = [outcome for place in self.places for outcome in place.told.get("actions", [])]
        done = {_key(outcome["action"]) for outcome in told}
        kept_out = {_key(action) for action in self.not_approved}
        open_places = [place for place in self.places if place.state in (PlaceState.QUEUED, PlaceState.WAITING)]
        working = self.run.phase is not Phase.WORKING or open_places
        result, message = ("pending", "") if working else ("already", _NOT_TOLD)
        rest = [
            {"action": action, "result": result, "seconds": 0.0, "message": message, "code": None}
            for action in self.planned
            if _key(action) not in done and _key(action) not in kept_out
        ]
        return _once([*told, *rest])

    def as_data(self) -> Data:
        """The run as JSON data."""
        run = self.run
        states = Counter(place.state for place in self.places)
        return {
            "id": run.run_id,
            "status": str(self.status),
            "request": run.request,
            "createdAt": run.created_at.isoformat(),
            "endedAt": run.ended_at.isoformat() if run.ended_at else None,
            "digest": run.digest or None,
            "approved": run.approved,
            "summary": run.summary,
            "progress": {
                "places": len(self.places),
                "ended": states[PlaceState.ENDED],
                "waiting": states[PlaceState.WAITING],
                "queued": states[PlaceState.QUEUED],
                "lost": states[PlaceState.LOST],
                "actions": dict(sorted(Counter(item["result"] for item in self.actions).items())),
            },
            "actions": self.actions,
            "refused": self.refused,
            "notApproved": self.not_approved,
            "waiting": [
                entry
                for place in self.places
                if place.state is PlaceState.WAITING
                for entry in place.told.get("waiting", [])
            ],
            "firewall": {"state": str(self.firewall), "problem": self.served.problem},
            "problem": run.problem,
        }


def _once(outcomes: Sequence[Data]) -> list[Data]:
    """One outcome for each action: places share actions, and messages may come twice. What was done stays done."""
    latest: dict[tuple[str, str], Data] = {}
    for outcome in outcomes:
        key = _key(outcome["action"])
        if outcome["result"] != "already" or key not in latest:
            latest[key] = outcome
    return list(latest.values())


def _key(action: Data) -> tuple[str, str]:
    return (str(action["kind"]), str(action["resource"]).lower())


def _lost(place: Place) -> Data:
    return {
        "code": "CHANGE_FAILED",
        "severity": "error",
        "resource": str(place.scope.resource),
        "cluster": None,
        "message": "Its message was sent several times and nobody ever told how it ended.",
        "fix": "Look into the poison queue and the log of `reconcile`, then run the backfill again.",
        "repaired": False,
    }
