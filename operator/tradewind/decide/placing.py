"""Work that has no place, or not enough of them: adopted where it runs already, else given one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.decide.sight import PRESENT, is_ours, may_be_adopted
from tradewind.decide.step import Step, Wish
from tradewind.model.placement import CopyState, Placement, Situation
from tradewind.model.plan import Wake
from tradewind.model.policy import Guarantee
from tradewind.model.workload import Market
from tradewind.outage.moves import Held, old_copy_may_run

if TYPE_CHECKING:
    from tradewind.decide.sight import Sight
    from tradewind.model.placement import Copy, Record
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.snapshot import View

SETTLING_RETRY_S = 1.0
"""How soon work that waits for a new cluster's first probes and lists is looked at again."""
IDLE = Situation("Pending", "Pending", "Not decided yet.")


def adopt(view: View, record: Record, *, most: int) -> Step | None:
    """Take over copies that run already: after a hub was rebuilt, they are all that is known.

    `most` is on how many clusters the work may be; of copies that are too many the newest count.
    """
    found = [
        copy
        for copy in view.copies.values()
        if copy.epoch >= record.epoch and copy.state is not CopyState.RELEASING and may_be_adopted(copy, view, record)
    ]
    if not found:
        return None
    found.sort(key=lambda copy: (copy.epoch, copy.state is CopyState.RUNNING, copy.cluster), reverse=True)
    best = found[0]
    kept = [copy for copy in found if copy.workload_uid == best.workload_uid][:most]
    old_uid = best.workload_uid if best.workload_uid != view.uid else record.adopted_uid
    placements = tuple(_adopted(copy) for copy in kept)
    adopted = replace(record, placements=placements, epoch=best.epoch, adopted_uid=old_uid)
    where = ", ".join(copy.cluster for copy in kept)
    situation = Situation("Running", "Adopted", f"Its copy runs on {where} already.", placed=True, reconciling=True)
    return Step(view, adopted, situation)


def renamed(view: View, record: Record, sight: Sight) -> Record:
    """Follow a cluster that is declared under another name now: the copy that is seen there is the one promised."""
    promised = {place.cluster for place in record.placements}
    if not any(sight.undeclared(name) for name in promised):
        return record
    found = {
        copy.epoch: copy
        for copy in view.copies.values()
        if copy.cluster not in promised
        and sight.reachable(copy.cluster)
        and copy.state is not CopyState.RELEASING
        and is_ours(copy, uid=view.uid, record=record)
    }
    placements = tuple(
        replace(place, cluster=found.pop(place.epoch).cluster)
        if place.epoch in found and place.state in PRESENT and sight.undeclared(place.cluster)
        else place
        for place in record.placements
    )
    return replace(record, placements=placements)


def _adopted(copy: Copy) -> Placement:
    market = Market(copy.market)
    return Placement(
        copy.cluster,
        copy.offer,
        market,
        copy.pods_wanted,
        copy.epoch,
        copy.generation,
        copy.state,
        sources=copy.sources,
    )


def ask(view: View, record: Record, sight: Sight, *, policy: EffectivePolicy) -> Step:
    """It needs a place; but a hub that has lost its memory must first have looked everywhere."""
    snapshot, placed = sight.snapshot, bool(record.placements)
    if policy.guarantee is Guarantee.AT_MOST_ONCE and (waits := _adoption(view, record, sight)):
        return Step(view, record, waits)
    waits = waits_for_old_copy(view, record, sight, policy=policy)
    if waits is not None:
        return Step(view, record, waits)
    if snapshot.settling:
        names = ", ".join(sorted(snapshot.settling))
        message = f"Waits for the first look at {names}, which is new."
        situation = Situation("Pending", "FleetSettling", message, placed=placed)
        return Step(view, record, situation, retry_s=snapshot.now_s + SETTLING_RETRY_S)
    return lacking(view, record) or Step(view, record, IDLE, wish=Wish())


def _adoption(view: View, record: Record, sight: Sight) -> Situation | None:
    """Say where a copy of it may run that a lost memory can't tell of; None where there is no such place."""
    snapshot = sight.snapshot
    if record.epoch or not (view.forgotten or snapshot.rebuilt):
        return None
    # Of work that is known to have been placed a copy may be wherever nobody can look now.
    where = snapshot.inventories.keys() | sight.clusters.keys() if view.forgotten else snapshot.unlisted
    blind = sorted(name for name in where if not sight.reachable(name))
    if not blind:
        return None
    why = "Its finalizer shows that it was placed before" if view.forgotten else "This hub found copies"
    message = (
        f"{why}, which no status records, and {', '.join(blind)} can't be listed: a copy of this work may run there. "
        "Make it reachable, or delete its FederatedCluster."
    )
    return Situation("Waiting", "AdoptionPending", message)


def waits_for_old_copy(view: View, record: Record, sight: Sight, *, policy: EffectivePolicy) -> Situation | None:
    """Say which copy that nothing promises must end before another is made; None where there is none."""
    once, placed = policy.guarantee is Guarantee.AT_MOST_ONCE, bool(record.placements)
    kept = {place.cluster for place in record.placements}
    leftovers = sorted(
        (not sight.lost(name), name)
        for name in view.copies
        if name not in kept and (once or not sight.left(name, policy.guarantee))
    )
    if not leftovers:
        return None
    seen, name = leftovers[0]
    if not seen:
        held = copy_may_run(sight, name)
        return Situation("Waiting", held.reason, held.message, placed=placed)
    message = f"Waits for its old copy on {name} to end."
    return Situation("Moving", "Replacing", message, placed=placed, reconciling=True)


def lacking(view: View, record: Record) -> Step | None:
    """Say what the hub itself lacks for this work: no cluster can cure that, so none is asked."""
    for refusal in view.vetoes.values():
        if refusal.wakes_on is Wake.CONFIG:
            placed = bool(record.placements)
            situation = Situation("Pending", refusal.reason, refusal.message, placed=placed, stalled=True)
            return Step(view, record, situation)
    return None


def copy_may_run(sight: Sight, name: str) -> Held:
    """Say why AtMostOnce waits for a cluster that is lost, or is not declared any more."""
    cluster = sight.clusters.get(name)
    if cluster is not None:
        return old_copy_may_run(name, cluster.health)
    return Held(
        "OldCopyMayRun",
        f"{name} is no longer declared, and its copy may still run there. "
        "Declare the FederatedCluster again, or set failover.guarantee: AtLeastOnce.",
    )
