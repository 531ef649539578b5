"""Says what has been done: one Event for each change of state, one log line for each delivery, the metrics.

A move has one Event, `Moved`, when it is decided; one log line, when its copy is accepted; and its time in each phase
is counted when the record of it is written, so that no operator counts it twice.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from tradewind.decide.step import Need
from tradewind.state.record import record_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.apply.events import EventWriter
    from tradewind.decide.step import Step
    from tradewind.model.placement import Move, Placement, Record

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

QUIET_REASONS = frozenset(
    {"Pending", "FleetSettling", "Starting", "Delivering", "Running", "ClusterUnseen", "Replacing"}
)
"""Passing states that have no event of their own: Placed, Moved and the ends do."""
WARNINGS = frozenset(
    {
        "OldCopyMayRun",
        "Unschedulable",
        "MovesExhausted",
        "AdoptionPending",
        "Failed",
        "DrainBlocked",
        "CheckpointUnreadable",
    }
)


class Counts(Protocol):
    """Where deliveries are counted."""

    def placed(self, seconds: float) -> None:
        """Count a placement, with the time since the workload was created."""

    def moved(self, seconds: float) -> None:
        """Count a move, with the time since its cluster was declared lost."""

    def passed(self, phase: str, seconds: float) -> None:
        """Count a phase of a move that is over: decided, delivered or running."""


class Report:
    """Tells people and machines what the executor has done."""

    def __init__(self, events: EventWriter, counts: Counts, *, wall: Callable[[], float]) -> None:
        self._events = events
        self._counts = counts
        self._wall = wall

    def recorded(self, step: Step, raw: Manifest, *, before: Manifest) -> None:
        """Say one event for a change of state; `before` is the status that was replaced."""
        self._count(step.record, record_from(before))
        situation = step.situation
        if situation is None:
            return
        reason = situation.reason
        if step.deliver and step.record.epoch != before.get("epoch"):
            reason = "Moved" if _move_to(step.record.epoch, step.record) else "Placed"
        elif reason in QUIET_REASONS or any(c.get("reason") == reason for c in before.get("conditions") or ()):
            return
        warning = situation.stalled or reason in WARNINGS
        self._events.say(
            raw, reason=reason, note=situation.message, action="Decide", at_s=self._wall(), warning=warning
        )

    def delivered(self, step: Step, placement: Placement) -> None:
        """Log and count a new copy that its member has accepted."""
        now_s, move = self._wall(), _move_to(placement.epoch, step.record)
        log.info(
            "%s workload=%s%s cluster=%s offer=%s epoch=%s usd=%.2f",
            "moved" if move else "placed",
            step.view.key,
            _story(move) if move else "",
            placement.cluster,
            placement.offer,
            placement.epoch,
            placement.usd_total,
        )
        if step.wish is not None and step.wish.need is Need.FLEE:
            self._counts.moved(now_s - step.wish.detected_s)
        elif placement.epoch == 1 and step.view.workload is not None:
            self._counts.placed(now_s - step.view.workload.created_s)

    def _count(self, after: Record, before: Record) -> None:
        """Count the phases that the record of a move holds now, and did not hold before."""
        known = {(move.from_cluster, move.epoch): move.phases_s() for move in before.moves}
        for move in after.moves:
            passed = known.get((move.from_cluster, move.epoch), {})
            for phase, seconds in move.phases_s().items():
                if phase not in passed:
                    self._counts.passed(phase, seconds)


def _move_to(epoch: int, record: Record) -> Move | None:
    return next((move for move in record.moves if move.epoch == epoch), None)


def _story(move: Move) -> str:
    """Say where it comes from, why, and what has to be done again."""
    lost = f" lost_s={move.lost_s:.0f} lost_usd={move.lost_usd:.2f}" if move.lost_s else ""
    return f" from={move.from_cluster} reason={move.reason}{lost}"
