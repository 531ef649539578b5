"""What a loss would come to: which work moves where, at what cost, what is stranded and why, and what stays.

It decides by the operator's own rules: `outage.moves` says what may leave a lost cluster, `placement.engine` where it
goes. First the survivors keep their places, then all that may move is planned together, then what is held is planned as
if it had been released, to show where it would go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from tradewind.cli.bill import Bill, bill_of, standing_bill
from tradewind.cli.present import planned_places, promised, sight_of, told
from tradewind.decide.asking import with_losses
from tradewind.model.health import Judgement, Verdict
from tradewind.model.plan import Here, Kept
from tradewind.model.policy import Guarantee, Mode
from tradewind.model.workload import Access
from tradewind.outage.domains import marked
from tradewind.outage.moves import Held, may_leave
from tradewind.placement.evidence import share_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tradewind.cli.loss import Lost
    from tradewind.cli.present import Present
    from tradewind.cli.world import World
    from tradewind.model.decision import Decision
    from tradewind.model.fleet import Cluster
    from tradewind.model.network import Network
    from tradewind.model.placement import Placement
    from tradewind.model.plan import Ask
    from tradewind.model.workload import Key, Workload

DOWN = Judgement(Verdict.DOWN, "WhatIf", "It is lost.")
RECOMMEND = "Recommend"


class Outcome(StrEnum):
    """What becomes of one workload."""

    MOVES = "Moves"
    STRANDED = "Stranded"
    STAYS = "Stays"
    UNPLACED = "Unplaced"  # it had no place before either


@dataclass(frozen=True, slots=True)
class Fate:
    """The outcome for one workload.

    Attributes:
        reason, message: why; as a decision's, or as a status would say it.
        before: what it costs where it is. after: what it would cost where it goes, the move included.
        released: for work that is held, where it would go once a person lets it; None where that is nowhere.
        warnings: what it loses though it runs on.
    """

    key: Key
    outcome: Outcome
    reason: str
    message: str
    before: Bill | None = None
    after: Bill | None = None
    released: Bill | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """All of it, by namespace and name."""

    lost: Lost
    fates: tuple[Fate, ...]
    notes: tuple[str, ...] = ()

    def of(self, outcome: Outcome) -> list[Fate]:
        """List the workloads with one outcome."""
        return [fate for fate in self.fates if fate.outcome is outcome]


def forecast(now: Present, lost: Lost) -> Forecast:
    """Say what becomes of all work if this is lost."""
    asked = now.world.asked
    hit = {key: gone for key, places in now.places.items() if (gone := _gone(places, lost)) and key in asked}
    then = _Then(now, lost)
    # 1. What may leave at once, and what is held where it is.
    held = {key: why for key, gone in hit.items() if (why := _held(now, asked[key], gone[0].cluster)) is not None}
    # 2. What may leave is planned together, beside all that keeps its place.
    moving = then.world([key for key in hit if key not in held])
    moved = {decision.key: decision for decision in moving.decide()}
    # 3. What is held would come after those.
    taken = {key: planned_places(decision, moving.asked[key]) for key, decision in moved.items() if decision.chosen}
    pods = {key: ask.workload.pods for key, ask in asked.items()}
    released = {decision.key: decision for decision in promised(then.world(held), taken, pods).decide()}
    # 4. What each costs now, and then.
    bills = _bills(now, then)
    fates = [
        _fate(
            key,
            now=now,
            before=bills.get(key),
            held=held.get(key),
            moved=moved.get(key),
            released=released.get(key),
            warnings=_warnings(asked[key].workload, then.network) if key in asked and now.places.get(key) else (),
        )
        for key in sorted({*now.places, *now.decisions})
    ]
    return Forecast(lost, tuple(fates), tuple(_notes(now, lost)))


class _Then:
    """The picture after the loss."""

    def __init__(self, now: Present, lost: Lost) -> None:
        self._now, self._lost = now, lost
        fleet = self._fleet(now.world)
        self._sight = sight_of(fleet, now.world.conditions)
        network = with_losses(self._sight.snapshot).network
        self.network = replace(network, lost=network.lost | lost.locations)

    def _fleet(self, world: World) -> tuple[Cluster, ...]:
        """Judge the fleet as the operator would: what is lost is Down, and may convict its region or provider."""
        down = replace(DOWN, since_s=world.conditions.now_s)
        return marked(replace(one, health=down) if one.name in self._lost.clusters else one for one in world.fleet)

    def world(self, keys: Collection[Key]) -> World:
        """Make the picture in which some work wants a place anew, while all other work keeps its own."""
        world = self._now.again(keys)
        # What is lost is no place that could be nearly right: its refusals would hide those that matter. It stays in
        # the picture without offers: whose law holds there, for the data that is there, is still known.
        lost = self._lost.clusters
        fleet = tuple(replace(one, offers=()) if one.name in lost else one for one in self._fleet(world))
        conditions = replace(world.conditions, network=self.network)
        return replace(world, asks=tuple(map(self._moving, world.asks)), fleet=fleet, conditions=conditions)

    def _moving(self, ask: Ask) -> Ask:
        """Ask as the operator would for work that flees: for all of it, or for those of its shares that ran there."""
        places = self._now.places[ask.workload.key]
        gone = _gone(places, self._lost)
        return replace(
            self.told(ask),
            lost=ask.lost | {place.cluster for place in gone},
            keeps=tuple(Kept(place.cluster, place.replicas) for place in places if place not in gone),
        )

    def told(self, ask: Ask) -> Ask:
        """Add how far the work has come; what no status tells of counts as having just begun."""
        record = self._now.hub.workloads[ask.workload.key].record
        if not record.placements:
            return replace(ask, resumes=ask.workload.checkpoint is not None)
        return told(ask, record, self._sight)


def _gone(places: Iterable[Placement], lost: Lost) -> tuple[Placement, ...]:
    return tuple(place for place in places if place.cluster in lost.clusters)


def _held(now: Present, ask: Ask, cluster: str) -> Held | None:
    if ask.policy.mode is Mode.RECOMMEND:
        return Held(RECOMMEND, "mode is Recommend: it is shown where it would go, and nothing moves.")
    moves = now.hub.workloads[ask.workload.key].record.moves
    held = may_leave(DOWN, cluster=cluster, policy=ask.policy, moves=moves, now_s=now.world.conditions.now_s)
    if held is None or ask.policy.guarantee is not Guarantee.AT_MOST_ONCE:
        return held
    return replace(held, message=f"AtMostOnce waits for the cluster or for a person's word: {held.message}")


def _bills(now: Present, then: _Then) -> dict[Key, Bill]:
    """Say what it costs to leave work where it is: by the plan that put it there, or, where it runs, from now on."""
    bills = {key: bill_of(decision.shares) for key, decision in now.decisions.items() if decision.chosen}
    told = [key for key, places in now.places.items() if places and key not in bills and key in now.world.asked]
    world = now.again(told)
    asks = tuple(replace(then.told(ask), here=_here(now.places[ask.workload.key])) for ask in world.asks)
    decided = {decision.key: decision for decision in replace(world, asks=asks).decide()} if told else {}
    return bills | {
        key: standing_bill(now.places[key], decision.candidates, pods=share_of(now.world.asked[key].workload))
        for key, decision in decided.items()
    }


def _here(places: Sequence[Placement]) -> Here:
    return Here(places[0].cluster, places[0].offer)


def _fate(
    key: Key,
    *,
    now: Present,
    before: Bill | None,
    held: Held | None,
    moved: Decision | None,
    released: Decision | None,
    warnings: tuple[str, ...],
) -> Fate:
    if held is not None:
        if released is not None and released.chosen is not None:
            where = bill_of(released.shares)
            return Fate(key, Outcome.STRANDED, held.reason, held.message, before, released=where)
        nowhere = f" Released, it would have no place: {_why(released)[1]}" if released is not None else ""
        return Fate(key, Outcome.STRANDED, held.reason, held.message + nowhere, before)
    if moved is not None and moved.chosen is not None:
        after = bill_of(moved.shares)
        return Fate(key, Outcome.MOVES, moved.reason, moved.message, before, after, warnings=warnings)
    if moved is not None:
        reason, message = _why(moved)
        return Fate(key, Outcome.STRANDED, reason, message, before)
    if now.places.get(key):
        return Fate(key, Outcome.STAYS, "Untouched", "its cluster is not lost", before, before, warnings=warnings)
    decision = now.decisions[key]
    return Fate(key, Outcome.UNPLACED, decision.reason, decision.message)


def _why(decision: Decision) -> tuple[str, str]:
    """Say what keeps work from every offer, or what those lack that could take it."""
    if not decision.candidates:
        return decision.reason, "no cluster is left that has an offer"
    refused = [{refusal.reason: refusal.message for refusal in one.refusals} for one in decision.candidates]
    everywhere = set.intersection(*map(set, refused)) if refused else set()
    for reason in sorted(everywhere):
        if len({said[reason] for said in refused}) == 1:
            return reason, refused[0][reason]
    if everywhere:
        return min(everywhere), decision.message
    nearly = {reason for said in refused if len(said) == 1 for reason in said}
    return nearly.pop() if len(nearly) == 1 else decision.reason, decision.message


def _warnings(work: Workload, network: Network) -> tuple[str, ...]:
    """Say which locations work still needs and can't reach."""
    found = [
        f"its input {one.name} is streamed from {', '.join(one.locations)}, which can't be read"
        for one in work.data
        if one.access is Access.STREAM and not any(map(network.readable, one.locations))
    ]
    if work.checkpoint and not any(map(network.readable, work.checkpoint.locations)):
        found.append(f"its checkpoint in {', '.join(work.checkpoint.locations)} can't be read: a restart begins anew")
    found += [
        f"its output {one.name} can't be brought to {one.location}"
        for one in work.outputs
        if not network.readable(one.location)
    ]
    return tuple(found)


def _notes(now: Present, lost: Lost) -> Iterable[str]:
    """Say where the operator would not do what is forecast."""
    healthy = [one for one in now.world.fleet if one.health.verdict is not Verdict.DOWN]
    falling = [one.name for one in healthy if one.name in lost.clusters]
    limit = now.hub.policy.moves.max_unhealthy_percent
    counts = not now.hub.policy.anchors
    if counts and len(falling) > 1 and 100 * len(falling) / len(now.world.fleet) > limit:
        yield (
            f"{len(falling)} of {len(now.world.fleet)} clusters at once are more than maxUnhealthyPercent ({limit}): "
            "the operator takes that for a fault of its own network, and moves nothing until it is raised, "
            "or anchors are set"
        )
