"""One round of decisions, from a snapshot to steps. Pure: the same snapshot gives the same steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide.lifecycle import review
from tradewind.decide.sight import Sight
from tradewind.decide.step import Step
from tradewind.model.placement import Move, Placement, Situation
from tradewind.model.plan import Ask
from tradewind.model.policy import Mode
from tradewind.outage.moves import MAX_MOVES_KEPT
from tradewind.placement.engine import plan as place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.plan import Decision
    from tradewind.model.snapshot import Snapshot

NO_PRIORITY = -(2**40)
"""Below that of any PriorityClass."""


def decide(snapshot: Snapshot, *, move_tokens: int) -> list[Step]:
    """Decide on every workload of the snapshot.

    Args:
        snapshot: the picture.
        move_tokens: how many moves out of lost clusters the fleet's budget allows in this round.

    Returns:
        One step per view. A step with neither writes nor actions is returned too: it says that all is well.
    """
    sight = Sight(snapshot, {cluster.name: cluster for cluster in snapshot.fleet})
    # 1. What does each workload need?
    steps = [review(view, sight) for view in snapshot.views]
    # 2. All that want a place are placed together, under shared capacity.
    wishing = [step for step in steps if step.wish is not None]
    asks = [_ask(step) for step in wishing]
    decisions = place(asks, fleet=snapshot.fleet, conditions=snapshot.conditions) if asks else []
    resolved = [
        _resolve(step, ask, decision, now_s=snapshot.now_s)
        for step, ask, decision in zip(wishing, asks, decisions, strict=True)
    ]
    # 3. Those that flee a lost cluster share a budget: highest priority first, then the oldest.
    fleeing = sorted((step for step in resolved if _moves(step)), key=_urgency)
    late = {step.view.key: step for step in fleeing[move_tokens:]}
    outcome = {step.view.key: step for step in resolved}
    held = {key: _held_by_budget(step) for key, step in late.items()}
    return [held.get(step.view.key) or outcome.get(step.view.key, step) for step in steps]


def moves_in(steps: Sequence[Step]) -> int:
    """How many of the steps move work out of a lost cluster."""
    return sum(1 for step in steps if _moves(step))


def _moves(step: Step) -> bool:
    return step.wish is not None and bool(step.wish.leaves) and step.deliver is not None


def _ask(step: Step) -> Ask:
    if step.view.workload is None or step.view.policy is None:
        raise ValueError(f"{step.view.key} is not understood, and can't want a place")
    workload, policy = step.view.workload, step.view.policy
    if policy.mode is Mode.RECOMMEND:
        # A place that is only shown takes no room from work that is really placed.
        workload = replace(workload, priority=NO_PRIORITY)
    return Ask(workload, policy, step.view.vetoes)


def _urgency(step: Step) -> tuple[int, float, str]:
    workload = step.view.workload
    return (-workload.priority, workload.created_s, str(workload.key)) if workload else (0, 0.0, "")


def _held_by_budget(step: Step) -> Step:
    # It goes within seconds: telling each of a thousand that it waits would hold up those that go.
    return Step(step.view, step.view.record, retry_s=0.0)


def _resolve(step: Step, ask: Ask, decision: Decision, *, now_s: float) -> Step:
    """Turn a wish and its outcome into a record that promises a place, or a situation that says why there is none."""
    view, chosen = step.view, decision.chosen
    if chosen is None:
        situation = Situation("Pending", decision.reason, decision.message, placed=bool(step.record.placements))
        return replace(step, situation=situation, decision=decision)
    where = f"{chosen.offer} on {chosen.cluster}"
    if ask.policy.mode is Mode.RECOMMEND:
        message, placed = f"Would run with {where}; mode is Recommend.", bool(step.record.placements)
        situation = Situation("Recommended", "Recommended", message, placed=placed)
        return replace(step, situation=situation, decision=decision)
    # A copy on its way out may be newer than a memory that was restored from a backup.
    epoch = max([step.record.epoch, *(copy.epoch for copy in view.copies.values())]) + 1
    placement = Placement(
        chosen.cluster,
        chosen.offer,
        chosen.market,
        ask.workload.pods.count,
        epoch,
        view.generation,
        since_s=now_s,
        usd_total=chosen.total_usd,
    )
    moves = step.record.moves
    wish = step.wish
    if wish is not None and wish.leaves:
        move = Move(wish.leaves, chosen.cluster, wish.reason, epoch, detected_s=wish.detected_s, decided_s=now_s)
        moves = (move, *moves)[:MAX_MOVES_KEPT]
    record = replace(step.record, epoch=epoch, placements=(placement,), moves=moves)
    phase = "Moving" if moves is not step.record.moves else "Delivering"
    situation = Situation(phase, phase, f"Goes to {where}: {decision.message}", placed=True, reconciling=True)
    return replace(step, record=record, situation=situation, deliver=placement, decision=decision)
