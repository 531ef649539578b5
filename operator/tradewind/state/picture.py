"""One consistent picture of all that is known, for one round of decisions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.model.fleet import Demand
from tradewind.model.placement import CopyState
from tradewind.model.snapshot import Snapshot, View
from tradewind.outage.domains import marked
from tradewind.state.quotas import owed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.model.placement import Inventory, Record
    from tradewind.model.plan import Refusal
    from tradewind.model.workload import Key, PodSet
    from tradewind.state.hub import WorkloadEntry
    from tradewind.state.store import Store

Inventories = dict[str, "Inventory"]
GONE_STATES = (CopyState.RELEASING, CopyState.FINISHED)


def snapshot(store: Store, keys: Iterable[Key], *, now_s: float) -> Snapshot:
    """Take the picture for deciding on these workloads. Informers write into it: use it before the next await."""
    clusters, hub = store.clusters, store.hub
    inventories = {name: inv for name, entry in clusters.items() if (inv := entry.inventory()) is not None}
    promised = _promised(hub.workloads, inventories)
    members = {name: entry.member for name, entry in clusters.items() if entry.member is not None}
    debts = owed(hub.workloads, members)
    fleet = (entry.cluster(tuple(promised.get(name, ())), debts.get(name)) for name, entry in sorted(clusters.items()))
    known = [(key, hub.workloads[key]) for key in sorted(keys) if key in hub.workloads]
    return Snapshot(
        views=tuple(_view(store, key, entry, inventories, now_s=now_s) for key, entry in known),
        fleet=marked(cluster for cluster in fleet if cluster is not None),
        inventories=inventories,
        policy=hub.policy,
        conditions=hub.conditions(now_s=now_s),
        unreadable=frozenset(name for name, entry in clusters.items() if entry.spec is None),
        unlisted=frozenset(name for name, entry in clusters.items() if not entry.listed),
        settling=frozenset(name for name, entry in clusters.items() if entry.settles(now_s)),
        rebuilt=store.finds_strangers(),
    )


def _view(store: Store, key: Key, entry: WorkloadEntry, inventories: Inventories, *, now_s: float) -> View:
    understood = store.hub.understand(entry)
    return View(
        key=key,
        uid=entry.uid,
        generation=entry.generation,
        workload=understood.workload,
        policy=understood.policy,
        record=entry.record,
        problem=understood.problem,
        deleting=entry.deleting,
        copies={
            name: copy
            for name, inventory in inventories.items()
            if (copy := inventory.copies.get(key)) is not None and not store.is_orphan(name, copy)
        },
        vetoes=_vetoes(entry, store.clusters, now_s=now_s),
        delivered_s=entry.delivered_s,
        changed_s=entry.changed_s,
        forgotten=entry.forgotten,
    )


def _vetoes(entry: WorkloadEntry, clusters: Iterable[str], *, now_s: float) -> dict[str, Refusal]:
    """Drop the vetoes that are not believed any more; one of the hub itself counts for every cluster."""
    entry.vetoes = {name: veto for name, veto in entry.vetoes.items() if veto[1] > now_s}
    vetoes = {name: refusal for name, (refusal, _) in entry.vetoes.items()}
    everywhere = vetoes.pop("*", None)
    return vetoes if everywhere is None else dict.fromkeys(clusters, everywhere)


def _promised(workloads: Mapping[Key, WorkloadEntry], inventories: Inventories) -> dict[str, list[Demand]]:
    """Sum up, by cluster, the pods that recorded placements are going to have and no node shows yet.

    While a record is being written either it or the one before may turn out to hold: the larger claim counts.
    Equal pods on equal offers are one demand: a burst of small jobs is counted once, not five hundred times.
    """
    counts: Counter[tuple[str, str, PodSet]] = Counter()
    for key, entry in workloads.items():
        if entry.workload is None:
            continue
        records = [record for record in entry.records if record.epoch]
        for cluster in {cluster for record in records for cluster in record.clusters}:
            claims = [_unbound(record, cluster, inventories.get(cluster), key) for record in records]
            offer, count = max(claims, key=lambda claim: claim[1])
            if count:
                counts[cluster, offer, replace(entry.workload.pods, count=1)] += count
    promised: dict[str, list[Demand]] = {}
    for (cluster, offer, pod), count in counts.items():
        demand = Demand(offer, count, pod.cpu_cores, pod.memory_bytes, pod.accelerators, pod.accelerator_resource)
        promised.setdefault(cluster, []).append(demand)
    return promised


def _unbound(record: Record, cluster: str, inventory: Inventory | None, key: Key) -> tuple[str, int]:
    """Count the pods that may still need a node on a cluster, and name their offer.

    They are those of the promised copy, and those of any copy whose end has not been seen.
    """
    place = next((p for p in record.placements if p.cluster == cluster and p.state not in GONE_STATES), None)
    copy = inventory.copies.get(key) if inventory else None
    if inventory is None or copy is None or (place is not None and copy.epoch != place.epoch):
        return (place.offer, place.replicas) if place is not None else ("", 0)
    return copy.offer, 0 if copy.state in GONE_STATES else max(0, copy.pods_wanted - inventory.bound_of(copy))
