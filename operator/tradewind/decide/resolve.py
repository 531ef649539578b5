"""From a wish and its outcome to a step: a record that promises places, or a situation that says why there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide import checkpoints, departures, ledger
from tradewind.decide.step import Need, Step, Wish, earliest
from tradewind.model.decision import Share
from tradewind.model.placement import CopyState, Move, Placement, Situation
from tradewind.model.policy import Guarantee, Mode
from tradewind.model.units import SECONDS_PER_HOUR, format_duration, format_usd
from tradewind.outage.moves import MAX_MOVES_KEPT
from tradewind.placement.engine import PLACED
from tradewind.placement.filters.readable import CHECKPOINT_UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.decide.sight import Sight
    from tradewind.model.decision import Decision
    from tradewind.model.plan import Ask
    from tradewind.outage.waiting import Wait

DRAIN_BLOCKED = "DrainBlocked"
WAITING_IS_CHEAPER = "WaitingIsCheaper"


def resolve(step: Step, ask: Ask, decision: Decision, sight: Sight) -> Step:
    """Turn the wish for a place that is needed, and its outcome, into what is to be done."""
    wish = step.wish
    if wish is None:
        return step
    if decision.reason != PLACED:
        return _unplaced(step, wish, decision, ask=ask)
    if wish.need is Need.DRAIN and wish.at_s is not None and ask.policy.mode is not Mode.RECOMMEND:
        return _waits_for_checkpoint(step, wish, ask)
    places = _places(step, ask, decision, sight)
    where = " and ".join(f"{place.offer} on {place.cluster}" for place in places)
    if ask.policy.mode is Mode.RECOMMEND:
        return _recommended(step, decision, f"Would run with {where}; mode is Recommend.")
    if wish.need is Need.DRAIN:
        return _hand_over(step, wish, sight, ask=ask, decision=decision, target=places[0])
    moves = step.record.moves
    if wish.leaves:
        moves = (_move(wish, places[0], sight, ask=ask, step=step), *moves)[:MAX_MOVES_KEPT]
    else:
        moves = departures.completed(moves, places, now_s=sight.snapshot.now_s)
    stay = tuple(place for place in step.record.placements if place.cluster != wish.leaves)
    record = replace(step.record, epoch=places[0].epoch, placements=(*stay, *places), moves=moves)
    phase = "Moving" if wish.leaves else "Delivering"
    message = f"Goes to {where}: {decision.message}"
    situation = Situation(phase, phase, message, placed=True, reconciling=True)
    return replace(
        step,
        record=record,
        situation=situation,
        deliver=(*step.deliver, *places),
        decision=decision,
        undone=step.record,
    )


def stay(step: Step, wait: Wait, sight: Sight, *, ask: Ask) -> Step:
    """Say that it waits for its lost cluster, since that is expected to cost less than the move."""
    words = wait.words(step.wish.leaves if step.wish else "")
    if ask.policy.mode is Mode.RECOMMEND:
        situation = Situation("Recommended", "Recommended", f"mode is Recommend, else: {words}", placed=True)
    else:
        situation = Situation("Waiting", WAITING_IS_CHEAPER, words, placed=True)
    again_s = sight.snapshot.now_s + wait.again_s
    return replace(step, wish=None, situation=situation, retry_s=earliest(step.retry_s, again_s))


def _unplaced(step: Step, wish: Wish, decision: Decision, *, ask: Ask) -> Step:
    placed = bool(step.record.placements)
    saved = _saved_out_of_reach(step, decision, ask) if ask.resumes and wish.need is not Need.DRAIN else None
    if saved is not None:
        return replace(step, situation=saved, decision=decision)
    if wish.need is Need.DRAIN:
        message = f"{wish.leaves} is draining, and it stays since no other place can take it: {decision.message}"
        return replace(_stays(step, DRAIN_BLOCKED, message), decision=decision)
    others = [place.cluster for place in step.record.placements if place.cluster != wish.leaves]
    if others:
        message = f"It runs on {', '.join(others)} only: {decision.message}"
        situation = Situation("Running", decision.reason, message, placed=True)
    else:
        situation = Situation("Pending", decision.reason, decision.message, placed=placed)
    return replace(step, situation=situation, decision=decision)


def _saved_out_of_reach(step: Step, decision: Decision, ask: Ask) -> Situation | None:
    """Say that it waits for its checkpoint: what that holds is not thrown away unless a person says so."""
    groups = decision.refused_groups(names=1)
    refused = next((group for group in groups if group.reason == CHECKPOINT_UNREADABLE), None)
    if refused is None:
        return None
    message = f"{refused.message}. It waits rather than begin anew{_worth(step, ask)}: to begin anew, take "
    return Situation(
        "Waiting",
        CHECKPOINT_UNREADABLE,
        f"{message[0].upper()}{message[1:]}spec.checkpoint out.",
        placed=bool(step.record.placements),
    )


def _worth(step: Step, ask: Ask) -> str:
    """Say how much of the run the checkpoint holds, and what it has cost; "" where that is not known."""
    expected_s, done = ask.workload.expected_runtime_s, 1.0 - ask.left
    if expected_s is None or done <= 0:
        return ""
    rate = max((place.usd_per_hour for place in step.view.record.placements), default=0.0)
    cost = f", {format_usd(done * expected_s / SECONDS_PER_HOUR * rate)} of machines" if rate else ""
    return f" ({format_duration(done * expected_s)} of the run{cost})"


def _recommended(step: Step, decision: Decision, message: str) -> Step:
    running = step.situation is not None and step.situation.ready
    placed = bool(step.record.placements)
    situation = Situation("Recommended", "Recommended", message, placed=placed, ready=running)
    return replace(step, situation=situation, decision=decision)


def _waits_for_checkpoint(step: Step, wish: Wish, ask: Ask) -> Step:
    every_s = checkpoints.interval_s(ask.workload) or 0.0
    message = f"{wish.leaves} is draining: it leaves at its next checkpoint (every {format_duration(every_s)})."
    return _stays(step, wish.reason, message)


def _stays(step: Step, reason: str, message: str) -> Step:
    """Say why it is still on a draining cluster, unless another of its places has something worse to say."""
    if step.situation is not None and step.situation.phase == "Waiting":
        return step
    ready = step.situation is not None and step.situation.ready
    return replace(step, situation=Situation("Running", reason, message, placed=True, ready=ready))


def move_by_choice(step: Step, ask: Ask, decision: Decision, sight: Sight, *, saved_usd: float) -> Step:
    """Move for money, or back home, or say that it would."""
    wish, chosen = step.wish, decision.chosen
    if wish is None or chosen is None:
        return step
    if ask.policy.mode is Mode.RECOMMEND:
        where = f"{chosen.offer} on {chosen.cluster}"
        why = f"saves {format_usd(saved_usd)}" if saved_usd else "is where an outage drove it from"
        message = f"Would move to {where}, which {why}; mode is Recommend."
        return _recommended(step, decision, message)
    target = _placement(step, ask, Share(chosen, ask.workload.pods.count), epoch=_next_epoch(step), sight=sight)
    return _hand_over(step, wish, sight, ask=ask, decision=decision, target=target, saved=saved_usd)


def _hand_over(
    step: Step, wish: Wish, sight: Sight, *, ask: Ask, decision: Decision, target: Placement, saved: float = 0.0
) -> Step:
    """Let a copy that runs well leave for another place: after its successor runs, or before that is made."""
    view, before = step.view, step.record
    old = next(place for place in before.placements if place.cluster == wish.leaves)
    others = tuple(place for place in before.placements if place is not old)
    moves = (_move(wish, target, sight, ask=ask, step=step, saved=saved), *before.moves)[:MAX_MOVES_KEPT]
    elsewhere = target.cluster != old.cluster
    deliver = tuple(place for place in step.deliver if place.cluster != old.cluster)
    release = step.release
    if elsewhere and checkpoints.serves(ask.workload) and ask.policy.guarantee is Guarantee.AT_LEAST_ONCE:
        pair = [replace(old, state=CopyState.LEAVING), target]
        deliver = (*deliver, target)
    else:
        # A copy on the same cluster needs the name of the old one: its place is decided anew once that is gone.
        kept = [replace(target, state=CopyState.RESERVED)] if elsewhere else []
        pair = [replace(old, state=CopyState.RELEASING), *kept]
        here = [view.copies[old.cluster]] if old.cluster in view.copies else []
        release = (*release, *sight.removable(*here))
    if wish.home:
        why = f"it came from there, and {wish.home} has been well for long enough"
    else:
        why = f"saves {format_usd(saved)} there" if saved else f"{wish.leaves} is draining"
    message = f"Leaves {wish.leaves} for {target.offer} on {target.cluster}: {why}."
    return replace(
        step,
        record=replace(
            before,
            epoch=target.epoch if elsewhere else before.epoch,
            placements=tuple(sorted((*others, *pair), key=lambda place: (place.epoch, place.cluster))),
            moves=moves,
        ),
        situation=Situation("Moving", wish.reason, message, placed=True, reconciling=True),
        deliver=deliver,
        release=release,
        decision=decision,
        undone=before,
    )


def _places(step: Step, ask: Ask, decision: Decision, sight: Sight) -> tuple[Placement, ...]:
    epoch = _next_epoch(step)
    found: Sequence[Share] = decision.shares
    if not found and decision.chosen is not None:
        found = (Share(decision.chosen, ask.workload.pods.count),)
    return tuple(_placement(step, ask, share, epoch=epoch, sight=sight) for share in found)


def _next_epoch(step: Step) -> int:
    # A copy on its way out may be newer than a memory that was restored from a backup.
    return max([step.record.epoch, *(copy.epoch for copy in step.view.copies.values())]) + 1


def _placement(step: Step, ask: Ask, share: Share, *, epoch: int, sight: Sight) -> Placement:
    chosen = share.candidate
    offers = sight.clusters[chosen.cluster].offers
    pods = ask.workload.pods
    return Placement(
        chosen.cluster,
        chosen.offer,
        chosen.market,
        share.replicas,
        epoch,
        step.view.generation,
        since_s=sight.snapshot.now_s,
        usd_total=chosen.total_usd,
        usd_per_hour=next(
            (ledger.usd_per_hour(pods, one, replicas=share.replicas) for one in offers if one.name == chosen.offer), 0.0
        ),
        sources=chosen.sources,
    )


def _move(wish: Wish, target: Placement, sight: Sight, *, ask: Ask, step: Step, saved: float = 0.0) -> Move:
    left = next((place for place in step.view.record.placements if place.cluster == wish.leaves), None)
    lost = ledger.lost_by_leaving(left, ask.workload, sight) if left is not None else ledger.Lost()
    return Move(
        wish.leaves,
        target.cluster,
        wish.reason,
        target.epoch,
        detected_s=wish.detected_s,
        decided_s=sight.snapshot.now_s,
        saving_usd=saved,
        lost_s=lost.seconds,
        lost_usd=lost.usd,
    )
