"""One round of decisions, from a snapshot to steps. Pure: the same snapshot gives the same steps."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tradewind.decide import failback, ledger, pacing, rebalance
from tradewind.decide.asking import ask_of, with_losses
from tradewind.decide.lifecycle import review
from tradewind.decide.patience import patience
from tradewind.decide.resolve import move_by_choice, resolve, stay
from tradewind.decide.sight import Sight
from tradewind.decide.step import Need, Step, Wish
from tradewind.model.fleet import Demand
from tradewind.model.policy import Mode
from tradewind.outage.inflow import Pace
from tradewind.placement.engine import PLACED
from tradewind.placement.engine import plan as place
from tradewind.placement.links import on_fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tradewind.model.decision import Decision
    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Ask, Conditions
    from tradewind.model.snapshot import Snapshot
    from tradewind.model.workload import Key

    Decided = tuple[Step, Ask, Decision]

MAX_COMPARED = 256
"""So many running workloads are compared with other places in a round, which takes a tenth of a second."""
TURNS = ((Need.PLACE, Need.FLEE), (Need.DRAIN,))
"""Who is placed together, before those that could be cheaper elsewhere.

Those that can stay where they are see only the room that the others have left: else a place that is only thought of
would keep out work that has none.
"""


def decide(
    snapshot: Snapshot, *, move_tokens: int, saving_tokens: int = 0, inflow: Mapping[str, Pace] | None = None
) -> list[Step]:
    """Decide on every workload of the snapshot.

    Args:
        snapshot: the picture.
        move_tokens: how many moves out of lost and draining clusters the fleet's budget allows in this round.
        saving_tokens: how many moves for money.
        inflow: how many of the former each target lets through; one that is not named lets all through.

    Returns:
        One step per view. A step with neither writes nor actions is returned too: it says that all is well.
    """
    sight = Sight(snapshot, {cluster.name: cluster for cluster in snapshot.fleet})
    fleet = Pace(move_tokens, snapshot.policy.moves.per_minute, "moves.perMinute")
    held = partial(pacing.paced, sight=sight, fleet=fleet, targets=inflow or {})
    # 1. What does each workload need?
    steps = [review(view, sight) for view in snapshot.views]
    # 2. All that need a place are placed together, under shared capacity; those that only wish for another come after.
    outcome = _placed(steps, sight, held, saving_tokens=saving_tokens)
    # 3. Moves out of lost and draining clusters share a budget, and so do those that go to the same target.
    outcome |= held((step, pacing.targets_of(step)) for step in outcome.values() if step.moves and not _saves(step))
    # 4. What copies have cost and done is noted when they leave.
    return [_settled(outcome.get(step.view.key, step), sight) for step in steps]


def moves_in(steps: Sequence[Step]) -> int:
    """How many of the steps move work out of a lost or draining cluster."""
    return sum(1 for step in steps if step.moves and not _saves(step))


def savings_in(steps: Sequence[Step]) -> int:
    """How many of the steps move work for money."""
    return sum(1 for step in steps if step.moves and _saves(step))


def _placed(
    steps: Sequence[Step], sight: Sight, held: Callable[..., dict[Key, Step]], *, saving_tokens: int
) -> dict[Key, Step]:
    """Find places for all that want one; returns the steps that come of it."""
    conditions, fleet = with_losses(sight.snapshot), list(sight.snapshot.fleet)
    outcome: dict[Key, Step] = {}
    for needs in TURNS:
        wishing = [step for step in steps if step.wish is not None and step.wish.need in needs]
        if not wishing:
            continue
        asked = [(step, ask_of(step, sight)) for step in wishing]
        resolved, late = _resolved(asked, sight, fleet, conditions, held)
        fleet = _with_promises(fleet, resolved, late=late)
        outcome |= {step.view.key: step for step in resolved}
    returned, steps = _returned(steps, sight, fleet, conditions)
    fleet = _with_promises(fleet, list(returned.values()))
    return outcome | returned | _cheaper(steps, sight, fleet, conditions, tokens=saving_tokens)


def _returned(
    steps: Sequence[Step], sight: Sight, fleet: Sequence[Cluster], conditions: Conditions
) -> tuple[dict[Key, Step], list[Step]]:
    """Let work go back to where an outage drove it from; what stays may still be cheaper elsewhere.

    Returns:
        What becomes of those that wished it; and all steps, those of work that stays as if it had not.
    """
    wishing = [step for step in steps if step.wish is not None and step.wish.need is Need.RETURN]
    asks = [ask_of(step, sight) for step in wishing]
    outcome: dict[Key, Step] = {}
    for step, ask, decision in zip(wishing, asks, place(asks, fleet=fleet, conditions=conditions), strict=True):
        saved_usd, wish = failback.worth_usd(decision, ask.policy), step.wish
        if saved_usd is not None:
            outcome[step.view.key] = move_by_choice(step, ask, decision, sight, saved_usd=saved_usd)
        elif wish is not None:
            saves = Wish(Need.SAVE, wish.leaves, rebalance.CHEAPER, sight.snapshot.now_s) if wish.saves else None
            outcome[step.view.key] = replace(step, wish=saves)
    return outcome, [outcome.get(step.view.key, step) for step in steps]


def _resolved(
    asked: Sequence[tuple[Step, Ask]],
    sight: Sight,
    fleet: Sequence[Cluster],
    conditions: Conditions,
    held: Callable[..., dict[Key, Step]],
) -> tuple[list[Step], list[Decided]]:
    """Place these together, but for those that are better off waiting for their lost cluster.

    Those that flee and have to wait for their turn anyway are not priced one by one, nor put into words: a thousand at
    thirty a second are looked at thirty times each, which was most of the operator's time in an outage.

    Returns:
        A step for each; and the decisions on those whose turn comes later.
    """
    decisions = place([ask for _, ask in asked], fleet=fleet, conditions=conditions)
    decided = [(step, ask, decision) for (step, ask), decision in zip(asked, decisions, strict=True)]
    if all(step.wish is None or step.wish.need is not Need.FLEE for step, _ in asked):
        return [resolve(*each, sight) for each in decided], []
    known, by_key = on_fleet(conditions, fleet), {each[0].view.key: each for each in decided}
    waits: dict[Key, Step] = {}

    def goes(step: Step) -> bool:
        _, ask, decision = by_key[step.view.key]
        wait = patience(step, ask, decision, sight, conditions=known)
        if wait is not None:
            waits[step.view.key] = stay(step, wait, sight, ask=ask)
        return wait is None

    moving = [each for each in decided if _moves_at_once(*each)]
    turns = held(((step, [where[0] for where in decision.places]) for step, _, decision in moving), goes=goes)
    for each in decided:
        if not _moves_at_once(*each):
            goes(each[0])
    if waits and any(decision.reason != PLACED for decision in decisions):
        # What waits takes no room from what has nowhere to go. With the others gone, this ends.
        going = [(step, ask) for step, ask in asked if step.view.key not in waits]
        resolved, late = _resolved(going, sight, fleet, conditions, held)
        return [*waits.values(), *resolved], late
    resolved = [resolve(*each, sight) for key, each in by_key.items() if key not in waits and key not in turns]
    return [*waits.values(), *turns.values(), *resolved], [by_key[key] for key in turns]


def _moves_at_once(step: Step, ask: Ask, decision: Decision) -> bool:
    """Whether it flees, has a place to go to, and may go there."""
    flees = step.wish is not None and step.wish.need is Need.FLEE and bool(step.wish.leaves)
    return flees and decision.reason == PLACED and ask.policy.mode is not Mode.RECOMMEND


def _cheaper(
    steps: Sequence[Step], sight: Sight, fleet: Sequence[Cluster], conditions: Conditions, *, tokens: int
) -> dict[Key, Step]:
    """Compare running work with other places: the greatest savings move, as many as the budget allows.

    All others go on as if nothing had been asked.
    """
    wishing = [step for step in steps if step.wish is not None and step.wish.need is Need.SAVE]
    if not wishing:
        return {}
    wishing, late = _dearest(wishing)
    asks = [ask_of(step, sight) for step in wishing]
    outcome = {step.view.key: replace(step, wish=None) for step in wishing} | {step.view.key: step for step in late}
    worth = [
        (saved, step, ask, decision)
        for step, ask, decision in zip(wishing, asks, place(asks, fleet=fleet, conditions=conditions), strict=True)
        if (saved := rebalance.saving_usd(decision, ask.policy)) is not None
    ]
    worth.sort(key=lambda each: (-each[0], each[1].view.key))
    for saved, step, ask, decision in worth:
        moves = ask.policy.mode is not Mode.RECOMMEND
        tokens -= moves
        if tokens >= 0 or not moves:
            outcome[step.view.key] = move_by_choice(step, ask, decision, sight, saved_usd=saved)
    return outcome


def _dearest(steps: list[Step]) -> tuple[list[Step], list[Step]]:
    """Divide work that could be cheaper into what is compared in this round, the dearest first, and what must wait.

    No round may take long, whatever happens to prices. What waits has a turn of its own within the interval.
    """
    steps = sorted(steps, key=lambda step: (-sum(p.usd_per_hour for p in step.record.placements), step.view.key))
    late = [
        # What the status says was said when it was compared: a recommendation is not taken back unseen.
        replace(step, wish=None, situation=None if _recommends(step) else step.situation)
        for step in steps[MAX_COMPARED:]
    ]
    return steps[:MAX_COMPARED], late


def _recommends(step: Step) -> bool:
    return step.view.policy is not None and step.view.policy.mode is Mode.RECOMMEND


def _with_promises(
    fleet: Sequence[Cluster], resolved: Sequence[Step], *, late: Sequence[Decided] = ()
) -> list[Cluster]:
    """Count the room of new places as taken, and that of places that are decided on and wait for their turn."""
    promised: dict[str, list[Demand]] = {}

    def promise(step: Step, cluster: str, offer: str, replicas: int) -> None:
        if step.view.workload is not None:
            pods = step.view.workload.pods
            demand = Demand(
                offer, replicas, pods.cpu_cores, pods.memory_bytes, pods.accelerators, pods.accelerator_resource
            )
            promised.setdefault(cluster, []).append(demand)

    for step in resolved:
        known = {(place.cluster, place.epoch) for place in step.view.record.placements}
        for each in step.record.placements:
            if step.undone is not None and (each.cluster, each.epoch) not in known:
                promise(step, each.cluster, each.offer, each.replicas)
    for step, _, decision in late:
        for where in decision.places:
            promise(step, *where)
    return [
        replace(cluster, promised=(*cluster.promised, *promised.get(cluster.name, ()))) if promised else cluster
        for cluster in fleet
    ]


def _saves(step: Step) -> bool:
    return step.wish is not None and step.wish.need is Need.SAVE


def _settled(step: Step, sight: Sight) -> Step:
    workload, before = step.view.workload, step.view.record
    if workload is None or step.record == before:
        return step
    undone = ledger.settle(before, step.undone, workload, sight) if step.undone is not None else None
    return replace(step, record=ledger.settle(before, step.record, workload, sight), undone=undone)
