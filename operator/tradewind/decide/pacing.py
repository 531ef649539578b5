"""Who leaves first, where more must move than may: the fleet's budget, and what each target lets through.

Work bound for a target that is slow waits for it, and holds up nobody who goes elsewhere.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradewind.decide import ledger
from tradewind.decide.step import Need, Step
from tradewind.model.placement import CopyState, Situation
from tradewind.model.units import SECONDS_PER_HOUR
from tradewind.model.workload import DeadlineMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tradewind.decide.sight import Sight
    from tradewind.model.workload import Key, Workload
    from tradewind.outage.inflow import Pace

RATE_LIMITED = "MoveRateLimited"
TOLD_AFTER_S = 120.0
"""Work that waits for less is not told: a write for each of thousands would hold up those that go.

A thousand go within half a minute, or two where the hub and the targets are slow: that is when each write counts.
"""
MINUTE_S = 60.0


def usd_lost_per_minute(step: Step, sight: Sight) -> float:
    """Say what each minute costs in which the work does not run where it is; 0 for work that runs until it leaves.

    It is the sum of three, for a minute:
    - the price of its machines there (`usdPerHour` of its placements on the cluster that it leaves). They stand still,
      and nobody pays more for machines than their work is worth to them, so this is the least that the work is worth;
    - what its user says that an hour of delay costs beyond the machines (`prices.usdPerDelayHour`);
    - what its user says that an hour too late costs (`deadline.usdPerHourLate`), once it can't be in time any more.

    The second and third are the delay term of the placement's price, so moving and placing go by the same money.
    """
    view, wish = step.view, step.wish
    workload, policy = view.workload, view.policy
    if workload is None or policy is None or wish is None or wish.need is not Need.FLEE:
        return 0.0
    machines = sum(place.usd_per_hour for place in view.record.placements if place.cluster == wish.leaves)
    usd_per_hour = machines + policy.usd_per_delay_hour + _usd_per_hour_late(step, workload, sight)
    return usd_per_hour * MINUTE_S / SECONDS_PER_HOUR


def paced(
    bound_for: Iterable[tuple[Step, Sequence[str]]],
    sight: Sight,
    *,
    fleet: Pace,
    targets: Mapping[str, Pace],
    goes: Callable[[Step], bool] = lambda _: True,
) -> dict[Key, Step]:
    """Hold back the moves that neither the fleet nor their targets let through now.

    Each step comes with the clusters that it brings work to. The order is by priority, then by USD lost per minute,
    then by age. `goes` is asked of those whose turn it is: one that does not want to go after all takes nobody's turn.

    Returns:
        Steps for those that wait, in place of those that would move them.
    """
    held: dict[Key, Step] = {}
    left = {name: pace.moves for name, pace in targets.items()}
    moves, waiting = fleet.moves, Counter[str]()
    for step, bound in sorted(bound_for, key=lambda each: _urgency(each[0], sight)):
        full = next((name for name in bound if left.get(name, 1) <= 0), None)
        if full is None and moves > 0:
            if not goes(step):
                continue
            moves -= 1
            for name in bound:
                if name in left:
                    left[name] -= 1
            continue
        limit = fleet if full is None else targets[full]
        # Whoever waits for a target is not before those who wait for the fleet's budget, and the other way round.
        waiting[full or ""] += 1
        held[step.view.key] = _waits(step, sight, limit=limit, target=full or "", place=waiting[full or ""])
    return held


def targets_of(step: Step) -> tuple[str, ...]:
    """Name the clusters that a move brings work to."""
    before = {(place.cluster, place.epoch) for place in step.view.record.placements}
    return tuple(p.cluster for p in step.record.placements if (p.cluster, p.epoch) not in before)


def moves_onto(steps: Sequence[Step]) -> Counter[str]:
    """Count the moves of a round by the cluster that they bring work to."""
    return Counter(name for step in steps if step.moves for name in targets_of(step))


def _urgency(step: Step, sight: Sight) -> tuple[int, float, float, str]:
    workload = step.view.workload
    if workload is None:
        return (0, 0.0, 0.0, str(step.view.key))
    return (-workload.priority, -usd_lost_per_minute(step, sight), workload.created_s, str(workload.key))


def _usd_per_hour_late(step: Step, workload: Workload, sight: Sight) -> float:
    deadline, now_s = workload.deadline, sight.snapshot.now_s
    if deadline is None or deadline.mode is not DeadlineMode.PREFER:
        return 0.0
    left = 1.0 - ledger.done(step.view.record, workload, sight)
    late = now_s + left * (workload.expected_runtime_s or 0.0) >= deadline.time_s
    return deadline.usd_per_hour_late if late else 0.0


def _waits(step: Step, sight: Sight, *, limit: Pace, target: str, place: int) -> Step:
    """Keep it where it is, and look again soon; say why, if that takes long enough to be worth a write.

    Its turn is given in whole minutes, so that it is written once and not in every round.
    """
    view, wish = step.view, step.wish
    wait_s = place * MINUTE_S / limit.per_minute if limit.per_minute > 0 else MINUTE_S
    held = Step(view, view.record, retry_s=0.0)
    if wait_s < TOLD_AFTER_S or wish is None:
        return held
    turn_s = -(-(sight.snapshot.now_s + wait_s) // MINUTE_S) * MINUTE_S
    onto = f" onto {target}" if target else ""
    slowed = f", and it is given less while {limit.slowed}" if limit.slowed else ""
    message = (
        f"Leaves {wish.leaves} by about {datetime.fromtimestamp(turn_s, UTC):%H:%M} UTC: "
        f"{limit.limit} limits how many move{onto}{slowed}."
    )
    runs = wish.need is not Need.FLEE and any(p.state is CopyState.RUNNING for p in view.record.placements)
    phase = "Running" if wish.need is not Need.FLEE else "Waiting"
    return Step(view, view.record, Situation(phase, RATE_LIMITED, message, placed=True, ready=runs), retry_s=0.0)
