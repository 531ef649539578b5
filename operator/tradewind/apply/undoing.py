"""What is left of a step where a member refuses what it promises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.model.placement import CopyState, Record, Situation
from tradewind.model.plan import Wake

if TYPE_CHECKING:
    from tradewind.decide.step import Step
    from tradewind.model.placement import Placement
    from tradewind.model.plan import Refusal


def undone(step: Step, refusal: Refusal, *, epoch: int) -> Step:
    """Take a promise back: the places that it had before, if it has any still, are all that is recorded.

    An epoch that was never written down has never been used, and is not used up.
    """
    record = replace(step.undone or Record(), epoch=epoch)
    stalled = refusal.wakes_on is Wake.CONFIG
    placed = bool(record.placements)
    situation = Situation("Pending", refusal.reason, refusal.message, placed=placed, stalled=stalled)
    return replace(step, record=record, situation=situation)


def without(step: Step, refused: Placement, refusal: Refusal) -> Step:
    """Take back the promise of one copy; where that was all that was new, things are as before."""
    left = tuple(place for place in step.record.placements if place != refused)
    if step.undone is not None and not any(place.state is CopyState.DELIVERING for place in left):
        return undone(step, refusal, epoch=step.record.epoch)
    situation = Situation("Pending", refusal.reason, refusal.message, placed=bool(left))
    return replace(step, record=replace(step.record, placements=left), situation=situation)
