"""Says what has been done: one Event for each change of state, one log line for each delivery, the metrics."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from tradewind.decide.step import Need

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.apply.events import EventWriter
    from tradewind.decide.step import Step
    from tradewind.model.placement import Placement

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

QUIET_REASONS = frozenset(
    {"Pending", "FleetSettling", "Starting", "Delivering", "Running", "ClusterUnseen", "Replacing"}
)
"""Passing states that have no event of their own: Placed, Moved and the ends do."""
WARNINGS = frozenset({"OldCopyMayRun", "Unschedulable", "MovesExhausted", "AdoptionPending", "Failed", "DrainBlocked"})


class Counts(Protocol):
    """Where deliveries are counted."""

    def placed(self, seconds: float) -> None:
        """Count a placement, with the time since the workload was created."""

    def moved(self, seconds: float) -> None:
        """Count a move, with the time since its cluster was declared lost."""


class Report:
    """Tells people and machines what the executor has done."""

    def __init__(self, events: EventWriter, counts: Counts, *, wall: Callable[[], float]) -> None:
        self._events = events
        self._counts = counts
        self._wall = wall

    def recorded(self, step: Step, raw: Manifest, *, before: Manifest) -> None:
        """Say one event for a change of state; `before` is the status that was replaced."""
        situation = step.situation
        if situation is None:
            return
        reason = situation.reason
        if step.deliver and step.record.epoch != before.get("epoch"):
            reason = "Moved" if step.moves else "Placed"
        elif reason in QUIET_REASONS or any(c.get("reason") == reason for c in before.get("conditions") or ()):
            return
        warning = situation.stalled or reason in WARNINGS
        self._events.say(
            raw, reason=reason, note=situation.message, action="Decide", at_s=self._wall(), warning=warning
        )

    def delivered(self, step: Step, placement: Placement) -> None:
        """Log and count a new copy that its member has accepted."""
        now_s = self._wall()
        log.info(
            "%s workload=%s cluster=%s offer=%s epoch=%s usd=%.2f",
            "moved" if placement.epoch in {move.epoch for move in step.record.moves} else "placed",
            step.view.key,
            placement.cluster,
            placement.offer,
            placement.epoch,
            placement.usd_total,
        )
        if step.wish is not None and step.wish.need is Need.FLEE:
            self._counts.moved(now_s - step.wish.detected_s)
        elif placement.epoch == 1 and step.view.workload is not None:
            self._counts.placed(now_s - step.view.workload.created_s)
