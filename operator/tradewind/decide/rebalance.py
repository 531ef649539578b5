"""Moving running work for money: when it is compared with other places, and what is worth a move.

Why it never flaps back: the target's room is kept from the moment of the decision, so that nothing is decided twice;
a move is only made for a saving that covers the transfer and the restart and is greater than both thresholds; and the
next comparison comes after the cooldown, and after the new copy's first checkpoint. Only prices that change bring it
back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from tradewind.decide import checkpoints
from tradewind.model.policy import Mode
from tradewind.outage.moves import HOUR_S, MAX_MOVES_KEPT

if TYPE_CHECKING:
    from tradewind.model.decision import Decision
    from tradewind.model.placement import Placement, Record
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.workload import Workload

CHEAPER = "CheaperElsewhere"


def compares(workload: Workload) -> bool:
    """Whether it can move for money at all.

    A Job goes on from its checkpoints; where these are not known, nobody knows when it may leave without loss.
    Work that is spread over clusters is left alone: its places were chosen together.
    """
    alone = workload.spread.clusters <= 1
    return alone and (checkpoints.serves(workload) or checkpoints.interval_s(workload) is not None)


def may_move(
    workload: Workload, record: Record, placement: Placement, *, policy: EffectivePolicy, now_s: float
) -> bool:
    """Whether it may leave now for a cheaper place, if there is one."""
    if policy.mode is Mode.RECOMMEND:
        return True  # nothing moves, and what would be done is shown at any time
    free_s = free_from_s(record, placement, policy=policy, now_s=now_s)
    first_s = checkpoints.first_from_s(workload, placement, from_s=placement.running_since_s)
    at_checkpoint = checkpoints.next_s(workload, placement, now_s=now_s) is None
    return free_s is not None and max(free_s, first_s) <= now_s and at_checkpoint


def compared_at_s(
    workload: Workload, record: Record, placement: Placement, *, policy: EffectivePolicy, every_s: float, now_s: float
) -> float | None:
    """Find when it is to be compared next, in seconds since the Unix epoch; None where it never moves.

    Every workload has its own moments, so that a fleet is not compared all at once.
    """
    free_s = free_from_s(record, placement, policy=policy, now_s=now_s)
    if free_s is None or every_s <= 0:
        return None
    offset_s = crc32(workload.uid.encode()) % 1000 / 1000 * every_s
    after_s = max(now_s, free_s)
    turn_s = offset_s + ((after_s - offset_s) // every_s + 1) * every_s
    return checkpoints.looked_at_s(workload, checkpoints.first_from_s(workload, placement, from_s=turn_s))


def saving_usd(decision: Decision, policy: EffectivePolicy) -> float | None:
    """Say what the place that was chosen saves; None where staying is right, or can't be compared."""
    compared = decision.compared()
    if compared is None:
        return None
    saved_usd = compared.stays_usd - compared.moves_usd
    least_usd = max(policy.min_saving_usd, compared.stays_usd * policy.min_saving_percent / 100)
    return saved_usd if saved_usd > 0 and saved_usd >= least_usd else None


def free_from_s(record: Record, placement: Placement, *, policy: EffectivePolicy, now_s: float) -> float | None:
    """From when on cooldown and moves within the hour let it move; None where no move is allowed at all."""
    most = min(policy.max_moves_per_hour, MAX_MOVES_KEPT)
    if most <= 0:
        return None
    moved_s = [move.decided_s for move in record.moves]
    recent = sorted((time_s for time_s in moved_s if now_s - time_s < HOUR_S), reverse=True)
    free_s = max([placement.running_since_s, *moved_s]) + policy.cooldown_s
    return max(free_s, recent[most - 1] + HOUR_S) if len(recent) >= most else free_s
