"""When running work can leave at the least loss: just after a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.model.kind import WorkloadType

if TYPE_CHECKING:
    from tradewind.model.placement import Placement
    from tradewind.model.workload import Workload

GRACE_S = 60.0
"""For this long after a checkpoint, or for half an interval if that is less, a copy counts as being at it."""
TOGETHER_S = 10.0
"""Looks that time alone brings are made at multiples of this, where that is early enough."""
DEPLOYMENT = "apps/v1/Deployment"


def serves(workload: Workload) -> bool:
    """Whether it has no end of its own, and nothing to lose by being started anew: it is a Deployment."""
    return DEPLOYMENT in workload.kinds if workload.kinds else workload.type is WorkloadType.INFERENCE


def interval_s(workload: Workload) -> float | None:
    """How often it writes a checkpoint; None where nobody has said, or where it needs none."""
    return None if workload.checkpoint is None or serves(workload) else workload.checkpoint.interval_s or None


def next_s(workload: Workload, placement: Placement, *, now_s: float) -> float | None:
    """Find the next checkpoint of a copy, counted from when it ran.

    Returns:
        Seconds since the Unix epoch; None where it loses nothing by leaving now: it does not run, is just after a
        checkpoint, or nothing is known of its checkpoints.
    """
    every_s = interval_s(workload)
    if every_s is None or not placement.running_since_s or now_s < placement.running_since_s:
        return None
    passed, since_s = divmod(now_s - placement.running_since_s, every_s)
    if passed and since_s <= min(GRACE_S, every_s / 2):
        return None
    return placement.running_since_s + (passed + 1) * every_s


def looked_at_s(workload: Workload, at_s: float) -> float:
    """Move a look at work a little later, so that others which are due at about that time are looked at together.

    Each round has a price of its own, whatever it decides on: a fleet at rest must not have one for each checkpoint.
    """
    every_s = interval_s(workload)
    together_s = -(-at_s // TOGETHER_S) * TOGETHER_S
    latest_s = at_s + (TOGETHER_S if every_s is None else min(GRACE_S, every_s / 2) / 2)
    return together_s if together_s <= latest_s else at_s


def first_from_s(workload: Workload, placement: Placement, *, from_s: float) -> float:
    """Find the first checkpoint of a copy at or after a time; that time itself where checkpoints don't matter."""
    every_s = interval_s(workload)
    if every_s is None:
        return from_s
    count = max(1.0, -((placement.running_since_s - from_s) // every_s))
    return placement.running_since_s + count * every_s
