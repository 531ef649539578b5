"""Where work is now and what is free beside it: what forecasts and assessments start from, on files or on a live hub.

Work is where its status says. Work without a place in its status is where a plan would put it now, if it comes from
files; on a hub it waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradewind.cli.offline import objects_of, offline_world, read_files, skipped
from tradewind.cli.planning import noted, overlaid
from tradewind.cli.whyrender import usd_per_hour
from tradewind.cli.world import hub_of
from tradewind.decide import ledger
from tradewind.decide.sight import Sight
from tradewind.model.decision import Decision
from tradewind.model.fleet import Demand
from tradewind.model.placement import CopyState, Placement
from tradewind.model.plan import Here
from tradewind.model.snapshot import Snapshot
from tradewind.state.record import record_from

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from tradewind.cli.planning import Source
    from tradewind.cli.world import Objects, World
    from tradewind.model.fleet import Cluster
    from tradewind.model.placement import Record
    from tradewind.model.plan import Ask, Conditions
    from tradewind.model.workload import Key, PodSet
    from tradewind.state.hub import Hub

    Places = Mapping[Key, tuple[Placement, ...]]
    Again = Callable[[Collection[Key]], World]

KEPT = frozenset({CopyState.RESERVED, CopyState.DELIVERING, CopyState.PENDING, CopyState.RUNNING})
"""States of a copy that keeps its place."""
NOT_DECIDED = "NotDecided"


@dataclass(frozen=True, slots=True)
class Present:
    """All work that has not ended, with its places.

    Attributes:
        world: all of it as asks, and a fleet with what is free while all of it is where it is.
        places: where each is; empty for work that has no place.
        decisions: of work that no status places, what a plan or its status says; and why work can't be planned.
        again: makes the picture in which some work wants a place anew, while all other work keeps its own.
        hub: the objects behind it.
    """

    world: World
    places: Places
    decisions: Mapping[Key, Decision]
    again: Again
    hub: Hub


def present(source: Source) -> Present:
    """Read manifests, or the hub with manifests laid over it, as `tradewind plan` does.

    Raises:
        TradewindError: for input that can't be used, or a hub that does not answer.
    """
    manifests = read_files(source.files)
    given = objects_of(manifests)
    if manifests.of("FederatedCluster"):
        return of_files(offline_world(manifests), hub_of(given))
    found = of_hub(overlaid(source, given), planned=hub_of(given).workloads)
    noted(skipped(manifests))
    return found


def of_files(world: World, hub: Hub) -> Present:
    """Read the picture that manifests alone give."""
    noted(world.notes)
    world = replace(world, asks=tuple(ask for ask in world.asks if not hub.workloads[ask.workload.key].record.finished))
    places = {ask.workload.key: recorded(hub, ask.workload.key) for ask in world.asks}
    pods = _pods(world)

    def again(keys: Collection[Key]) -> World:
        asks = tuple(ask for ask in world.asks if ask.workload.key in keys)
        kept = {key: each for key, each in places.items() if key not in keys}
        return promised(replace(world, asks=asks, settled=()), kept, pods)

    return _present(world, hub, placed=places, planned=places, again=again)


def of_hub(objects: Objects, *, planned: Collection[Key] = ()) -> Present:
    """Read the picture that a hub gives, with the places and the free capacity of its status.

    Args:
        objects: what was read.
        planned: work that is planned if it has no place.
    """
    from tradewind.cli.live import live_world  # noqa: PLC0415 - the Kubernetes client is slow to import; files need none

    hub = hub_of(objects)
    keys = sorted(key for key, entry in hub.workloads.items() if not (entry.record.finished or entry.deleting))
    world = live_world(objects, keys=keys, hub=hub)
    noted(world.notes)
    places = {key: recorded(hub, key) for key in keys}

    def again(keys: Collection[Key]) -> World:
        return replace(live_world(objects, keys=sorted(keys), hub=hub), settled=())

    return _present(world, hub, placed=places, planned=planned, again=again)


def _present(world: World, hub: Hub, *, placed: Places, planned: Collection[Key], again: Again) -> Present:
    """Plan what is to be planned, beside what is recorded."""
    asked, pods = world.asked, _pods(world)
    homeless = [key for key in asked if key in planned and not placed[key]]
    decisions = {decision.key: decision for decision in again(homeless).decide()} if homeless else {}
    put = {key: places for key, decision in decisions.items() if (places := planned_places(decision, asked[key]))}

    def again_beside(keys: Collection[Key]) -> World:
        return promised(again(keys), {key: places for key, places in put.items() if key not in keys}, pods)

    waiting = {key: told_why(hub, key) for key in asked if not placed[key] and key not in decisions}
    decisions |= waiting | {decision.key: decision for decision in world.settled}
    free = again_beside(()).fleet
    return Present(replace(world, fleet=free), {**placed, **put}, decisions, again_beside, hub)


def recorded(hub: Hub, key: Key) -> tuple[Placement, ...]:
    """List the places that a workload's status tells."""
    return tuple(place for place in hub.workloads[key].record.placements if place.state in KEPT)


def told(ask: Ask, record: Record, sight: Sight) -> Ask:
    """Add to an ask what the status tells of how far the work has come, as the operator would."""
    return replace(
        ask,
        resumes=ledger.resumes(record, ask.workload, sight),
        left=1.0 - ledger.done(record, ask.workload, sight),
        spent_usd=ledger.spent_usd(record, sight.snapshot.now_s),
    )


def sight_of(fleet: tuple[Cluster, ...], conditions: Conditions) -> Sight:
    """See a fleet as the operator does."""
    return Sight(Snapshot((), fleet, {}, conditions=conditions), {cluster.name: cluster for cluster in fleet})


def from_here(world: World, key: Key) -> World:
    """Let one workload be planned from where it is: staying costs no move, and what it has done is not done again."""
    record = record_from(world.manifests[key].get("status") or {})
    places = [place for place in record.placements if place.state in KEPT]
    if not places:
        return world
    sight = sight_of(world.fleet, world.conditions)
    here = Here(places[0].cluster, places[0].offer) if len(places) == 1 else None
    asks = (replace(told(ask, record, sight), here=here) if ask.workload.key == key else ask for ask in world.asks)
    return replace(world, asks=tuple(asks))


def told_why(hub: Hub, key: Key) -> Decision:
    """Read from its status why a workload has no place."""
    conditions = (hub.workloads[key].raw.get("status") or {}).get("conditions") or ()
    ready: dict[str, str] = next((each for each in conditions if each.get("type") == "Ready"), {})
    return Decision(
        key, None, ready.get("reason") or NOT_DECIDED, ready.get("message") or "no operator has decided yet"
    )


def planned_places(decision: Decision, ask: Ask) -> tuple[Placement, ...]:
    """Make places of what was chosen, as if copies ran there."""
    return tuple(
        Placement(
            share.candidate.cluster,
            share.candidate.offer,
            share.candidate.market,
            share.replicas,
            epoch=0,
            generation=ask.workload.generation,
            state=CopyState.RUNNING,
            usd_total=share.candidate.total_usd,
            usd_per_hour=usd_per_hour(share.candidate),
        )
        for share in decision.shares
    )


def promised(world: World, places: Places, pods: Mapping[Key, PodSet]) -> World:
    """Take the room of places from what a world has free."""
    demands: dict[str, list[Demand]] = {}
    for key, taken in places.items():
        for place in taken:
            demands.setdefault(place.cluster, []).append(_demand(place, pods[key]))
    fleet = (replace(one, promised=(*one.promised, *demands.get(one.name, ()))) for one in world.fleet)
    return replace(world, fleet=tuple(fleet)) if demands else world


def _demand(place: Placement, pods: PodSet) -> Demand:
    return Demand(
        place.offer, place.replicas, pods.cpu_cores, pods.memory_bytes, pods.accelerators, pods.accelerator_resource
    )


def _pods(world: World) -> dict[Key, PodSet]:
    return {ask.workload.key: ask.workload.pods for ask in world.asks}
