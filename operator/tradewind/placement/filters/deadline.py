"""The work is done in time, where it requires that."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tradewind.model.plan import Refusal, Wake
from tradewind.model.units import SECONDS_PER_HOUR, format_duration

if TYPE_CHECKING:
    from tradewind.placement.table import Mask
    from tradewind.placement.terms import CostContext

DEADLINE_MISSED = "DeadlineMissed"


class InTime:
    """Waiting for nodes, moving data, running and what interruptions are expected to waste end before the deadline.

    A deadline that is preferred is priced instead, in the term `delay`.
    """

    NAME: ClassVar[str] = "deadline"
    REASONS: ClassVar[tuple[str, ...]] = (DEADLINE_MISSED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.PRICE  # a link or a rate; where only the wait for nodes is too long, capacity

    def mask(self, context: CostContext, /) -> Mask | None:
        """Compare all hours to the end with those to the deadline."""
        require_h = context.asks.require_h
        if not (require_h != np.inf).any():
            return None
        mask: Mask = context.hours <= require_h
        return mask

    def refusals(self, context: CostContext, index: int, row: int, /) -> tuple[Refusal, ...]:
        """Say by how much it is late, where the time goes, and what would help."""
        require_h, hours = float(context.asks.require_h[index, 0]), float(context.hours[index, row])
        if hours <= require_h:
            return ()
        run_h, transfer_h, loss_h = (
            float(column[index, row]) for column in (context.run_h, context.transfer_h, context.loss_h)
        )
        spans = {
            "queue": hours - run_h - transfer_h - loss_h,
            "transfer": transfer_h,
            "run": run_h,
            "expected loss": loss_h,
        }
        parts = " + ".join(f"{name} {_span(span_h)}" for name, span_h in spans.items() if span_h > _SHOWN_H)
        if require_h <= 0:
            message = f"the deadline passed {_span(-require_h)} ago: set spec.deadline.time to a later one"
        else:
            message = (
                f"done {_span(hours - require_h)} after the deadline, which is {_span(require_h)} away ({parts}); "
                f"{_cure(spans)}"
            )
        wakes_on = Wake.CAPACITY if hours - spans["queue"] <= require_h else self.WAKES_ON
        return (Refusal(DEADLINE_MISSED, message, wakes_on),)


_SHOWN_H = 1.0 / SECONDS_PER_HOUR


def _cure(spans: dict[str, float]) -> str:
    cures = {
        "queue": "nodes that are there already, a later deadline, or mode Prefer would help",
        "transfer": "a replica of the data nearer by, a later deadline, or mode Prefer would help",
        "run": "a faster accelerator, a later deadline, or mode Prefer would help",
        "expected loss": "checkpoints, another market, a later deadline, or mode Prefer would help",
    }
    return cures[max(spans, key=lambda name: spans[name])]


def _span(hours: float) -> str:
    return format_duration(hours * SECONDS_PER_HOUR)
