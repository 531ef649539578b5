"""What must hold after every event, and what must hold once all faults have ended. Numbers as in the design."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from tradewind.decide.ledger import spent_usd
from tradewind.decide.plan import decide
from tradewind.model.placement import CopyState
from tradewind.model.policy import Guarantee

if TYPE_CHECKING:
    from tests.sim.lifecycle.world import Site, Wanted, World

    from tradewind.model.placement import Copy
    from tradewind.model.workload import Key

HOUR_S = 3600.0
UNPLACED = ("Unschedulable", "SpreadUnsatisfied")


def alive(world: World, key: Key, uid: str) -> list[Copy]:
    """Find the copies of a workload that run, or that may run again when their site returns."""
    found = (site.copies.get(key) for site in world.sites.values())
    return [copy for copy in found if copy and copy.workload_uid == uid and copy.state is not CopyState.FINISHED]


def check_always(world: World) -> None:
    """Assert what holds at every moment."""
    for key, wanted in world.works.items():
        _one_copy(world, key, wanted)
        _epochs(wanted)
        _ends(wanted)
        _moves(world, wanted)
    _room(world)


def _one_copy(world: World, key: Key, wanted: Wanted) -> None:
    copies = alive(world, key, wanted.workload.uid)
    most = wanted.workload.spread.clusters
    # A guarantee holds for what is decided from then on: a place that was promised before it changed is still made.
    promised = any(place.state is CopyState.DELIVERING for place in wanted.record.placements)
    if len(copies) <= most and wanted.guarantee is Guarantee.AT_MOST_ONCE and not promised:
        wanted.overlap_allowed = False
    if not wanted.overlap_allowed:
        assert len(copies) <= most, f"I1: {key} has copies on {[copy.cluster for copy in copies]}"


def _epochs(wanted: Wanted) -> None:
    # Work that may run twice may go back to its old copy from one that never ran: if that has vanished meanwhile, and
    # nobody has seen it, it is made again. Its promise has held all the time.
    made = list(dict.fromkeys(wanted.made)) if wanted.overlap_allowed else wanted.made
    for site in {name for _, name in made}:
        there = [epoch for epoch, name in made if name == site]
        assert there == sorted(there), f"I5: {made}"
    if wanted.workload.spread.clusters == 1:
        pairs = list(itertools.pairwise(made))
        assert all(first[0] < second[0] for first, second in pairs if first[1] != second[1]), f"I5: {made}"
        assert all(first[0] <= second[0] for first, second in pairs), f"I5: {made}"
    assert all(epoch <= wanted.record.epoch for epoch, _ in made), f"I5: {made} is ahead of {wanted.record.epoch}"


def _ends(wanted: Wanted) -> None:
    if wanted.record.finished is None:
        assert wanted.made_at_end is None, "I4: an end was forgotten"
        return
    if wanted.made_at_end is None:
        wanted.made_at_end = len(wanted.made)
    assert len(wanted.made) == wanted.made_at_end, f"I4: run again after its end: {wanted.made}"


def _moves(world: World, wanted: Wanted) -> None:
    # One that had to leave may still look for a place: until it has one it is no move.
    moves = [move for move in wanted.record.moves if move.to_cluster]
    times = [move.decided_s for move in moves]
    assert times == sorted(times, reverse=True), "I8: moves out of order"
    for move in moves:
        newest = move.decided_s
        count = sum(newest - HOUR_S < time <= newest for time in times)
        # Neither a person's act nor a law is held up by what moved before.
        assert move.reason in ("Draining", "ProviderDenied") or count <= wanted.policy.max_moves_per_hour, "I8"
    for later, earlier in itertools.pairwise(moves):
        cooled = later.decided_s - earlier.decided_s >= wanted.policy.cooldown_s
        assert cooled or later.reason in ("ApiServerSilent", "Draining", "ProviderDenied"), "I11"
    _gains(world, wanted)


def _gains(world: World, wanted: Wanted) -> None:
    """I7: work moves for money only by enough, and not back while prices are what they were."""
    newest = wanted.record.moves[0] if wanted.record.moves else None
    if newest is None or newest.reason != "CheaperElsewhere":
        return
    assert newest.saving_usd >= wanted.policy.min_saving_usd, "I7: it moved for too little"
    # A move is known by its epoch: what else is kept of it changes as it goes on.
    is_new = wanted.gained is None or wanted.gained[0].epoch != newest.epoch
    if wanted.gained is not None and is_new:
        before, prices = wanted.gained
        back = (newest.from_cluster, newest.to_cluster) == (before.to_cluster, before.from_cluster)
        assert not back or prices != world.prices, "I7: it flaps"
    if is_new:
        wanted.gained = (newest, world.prices)


def _room(world: World) -> None:
    """I9: whatever was promised on a site fits beside what is bound there."""
    promised = Counter(
        place.cluster
        for key, wanted in world.works.items()
        for place in wanted.record.placements
        if wanted.record.finished is None
        and place.state in (CopyState.DELIVERING, CopyState.RESERVED)
        and key not in world.sites[place.cluster].copies
    )
    for site in world.sites.values():
        unfinished = sum(copy.state is not CopyState.FINISHED for copy in site.copies.values())
        assert unfinished + promised[site.name] <= site.nodes, f"I9: {site.name} is overbooked"


def check_recovered(world: World) -> None:
    """Assert that nothing stays on a lost site that may leave it, once there has been time to act (I6)."""
    for key, wanted in world.works.items():
        places = [place for place in wanted.record.placements if world.sites[place.cluster].health.lost]
        if wanted.deleting or wanted.workload.suspended or wanted.record.finished or not places:
            continue
        assert wanted.situation is not None, f"I3: nothing was ever said about {key}"
        reason = wanted.situation.reason
        if reason in UNPLACED:
            _no_room(world, wanted)
        elif reason != "BudgetExhausted":
            held = wanted.guarantee is Guarantee.AT_MOST_ONCE
            assert reason == ("OldCopyMayRun" if held else "MovesExhausted"), f"I6: {key} stays, and says {reason}"


def rooms(world: World, wanted: Wanted) -> list[str]:
    """Find the sites that could take a workload now; a budget may rule any of them out."""
    if wanted.budget_usd is not None:
        return []
    return [
        site.name
        for site in world.sites.values()
        if site.health.takes_work
        and site.fresh
        and wanted.workload.key not in site.copies
        and sum(copy.state is not CopyState.FINISHED for copy in site.copies.values()) + _kept(world, site) < site.nodes
        and not site.draining
        and site.name not in wanted.workload.constraints.providers.deny
    ]


def _kept(world: World, site: Site) -> int:
    """Count the places that are kept for work which waits for its old copy to end."""
    places = ((key, place) for key, wanted in world.works.items() for place in wanted.record.placements)
    return sum(
        place.cluster == site.name and place.state is CopyState.RESERVED and key not in site.copies
        for key, place in places
    )


def check_at_rest(world: World) -> None:
    """Assert what holds once everything is well again and has had time to settle."""
    for key, wanted in world.works.items():
        _says_why(world, key, wanted)
    _no_orphans(world)
    _fixed_point(world)


def _says_why(world: World, key: Key, wanted: Wanted) -> None:
    """I3 and I14: it runs, has ended, or says why not; a delete and a suspend have won."""
    assert not wanted.deleting, f"I14: {key} is still being deleted"
    copies = alive(world, key, wanted.workload.uid)
    assert wanted.situation is not None, f"I3: nothing was ever said about {key}"
    reason = wanted.situation.reason
    most = wanted.workload.spread.clusters
    assert len(copies) <= most, f"I2: {key} still has {len(copies)} copies"
    if wanted.record.finished is not None:
        assert not copies, f"I4: {key} has ended, and a copy of it is left"
        assert reason in ("Succeeded", "Failed")
    elif wanted.workload.suspended:
        assert not copies, f"I14: {key} is suspended, and a copy of it is left"
        assert reason == "Suspended"
    elif reason == "BudgetExhausted":
        spent = spent_usd(wanted.record, world.now_s)
        assert wanted.budget_usd is not None, f"I3: {key} has no budget"
        assert spent >= wanted.budget_usd, f"I3: {key} has not spent its budget"
        # At rest it may be between the end of its budget and its next checkpoint.
        assert all(copy.state is CopyState.RUNNING for copy in copies)
    elif copies:
        _runs_well(world, wanted, copies, reason)
    else:
        assert reason in UNPLACED, f"I3: {key} has no copy and says {reason}"
        _no_room(world, wanted)


def _runs_well(world: World, wanted: Wanted, copies: list[Copy], reason: str) -> None:
    """Assert that it may be where it is, and says why it is not elsewhere, or not on as many sites as it wants."""
    key = wanted.workload.key
    assert all(copy.state is CopyState.RUNNING for copy in copies), f"I3: {key} does not run, and says {reason}"
    denied = wanted.workload.constraints.providers.deny
    assert not any(copy.cluster in denied for copy in copies), f"I10: {key} is unlawful"
    if len(copies) < wanted.workload.spread.clusters:
        assert reason in UNPLACED, f"I3: {key} is on {len(copies)} sites, and says {reason}"
        _no_room(world, wanted)
    elif any(world.sites[copy.cluster].draining for copy in copies):
        assert reason in ("DrainBlocked", "Draining"), f"I3: {key} is to leave, and says {reason}"
        found = [] if _awaits_checkpoint(wanted) else rooms(world, wanted)
        # Room is kept for other work that leaves at its next checkpoint, which at rest never comes.
        keepers = sum(_awaits_checkpoint(other) for other in world.works.values())
        assert len(found) <= keepers, f"I6: {key} stays though {found} has room"
    else:
        assert reason == "Running", f"I3: {key} says {reason}"


def _awaits_checkpoint(wanted: Wanted) -> bool:
    situation = wanted.situation
    return situation is not None and situation.reason == "Draining" and wanted.workload.checkpoint is not None


def _no_room(world: World, wanted: Wanted) -> None:
    """I6: there is not room for all shares that it lacks."""
    key = wanted.workload.key
    # A copy that is going, or is on a lost site, is none of the shares that it is to have.
    found = [copy for copy in alive(world, key, wanted.workload.uid) if copy.state is not CopyState.RELEASING]
    stays = [copy for copy in found if not world.sites[copy.cluster].health.lost]
    lacks = wanted.workload.spread.clusters - len(stays)
    assert len(rooms(world, wanted)) < max(1, lacks), f"I6: {key} waits though {rooms(world, wanted)} has room"


def _no_orphans(world: World) -> None:
    for site in world.sites.values():
        assert not site.orphans, f"I13: {site.name} is not swept"
        for key, copy in site.copies.items():
            wanted = world.works.get(key)
            assert wanted is not None, f"I13: {key} on {site.name} belongs to nobody"
            assert copy.workload_uid == wanted.workload.uid, f"I13: {key} on {site.name} is of another workload"


def _fixed_point(world: World) -> None:
    """I13: a second look changes nothing."""
    for step in decide(world.snapshot(), move_tokens=100, saving_tokens=1):
        wanted = world.works[step.view.key]
        assert (step.deliver, step.release, step.forget) == ((), (), False), f"I13: {step.view.key} acts at rest"
        assert step.record == wanted.record, f"I13: the record of {step.view.key} changes at rest"
        assert step.situation in (None, wanted.situation), f"I13: {step.view.key} says another thing at rest"
