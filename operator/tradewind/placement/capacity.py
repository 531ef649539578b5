"""What still fits: a working copy of the fleet's nodes that reservations are taken from.

Reservations are made on nodes, not on offers, since two offers of a cluster may speak of the same nodes.
Invariant: no node is ever given more pods, cores, memory or accelerators than were free on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.workload import PodSet
from tradewind.placement.nodes import NodeColumns, Pool, pool_of, stray_pool

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster, Demand
    from tradewind.placement.table import Floats, Ints, OfferTable


@dataclass(frozen=True, slots=True)
class Fill:
    """Where pods would go.

    Attributes:
        fits: pods that fit in all, which may be more than were asked for.
        take: pods on each node.
        new_nodes: nodes that the pool must add.
        queue_s: until the last of the nodes that are used is ready.
    """

    fits: int
    take: Ints
    new_nodes: int
    queue_s: float


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why pods don't fit, in figures.

    Attributes:
        known: whether the cluster's nodes have been read at all.
        fits: how many of the pods fit.
        nodes: nodes that the offer speaks of, in any state. usable: those that take pods.
        free_nodes: those with room for at least one of the pods.
        growth: nodes that the pool may still add. max_nodes: its limit, or None.
        per_new_node: pods that fit on one node that the pool adds.
        short_of: the resources that are too few on the usable nodes.
        wrong_resource: the extended resource that the nodes have, where the pods ask for another; else "".
        other_types: accelerators of nodes that the offer's selector picks and that are of another type; "" is unknown.
    """

    known: bool
    fits: int
    nodes: int
    usable: int
    free_nodes: int
    growth: int
    max_nodes: int | None
    per_new_node: int
    short_of: tuple[str, ...]
    wrong_resource: str
    other_types: tuple[str, ...]


class ClusterCapacity:
    """One cluster's nodes and pools, with what has been promised already taken off."""

    def __init__(self, cluster: Cluster) -> None:
        self._known = cluster.known
        self._nodes = NodeColumns(cluster.nodes)
        self._pools = [pool_of(offer, nodes=self._nodes) for offer in cluster.offers]
        self._index = {offer.name: index for index, offer in enumerate(cluster.offers)}
        for demand in sorted(cluster.promised, key=_order):
            self._reserve_promised(demand)

    def fill(self, index: int, pods: PodSet) -> Fill:
        """Find where the pods would go on the offer's nodes; nothing is reserved."""
        return self._fill(self._pools[index], pods)

    def reserve(self, index: int, pods: PodSet) -> None:
        """Take the pods' room; the caller has seen that they all fit."""
        pool = self._pools[index]
        self._take(pool, pods, self._fill(pool, pods))

    def shortage(self, index: int, pods: PodSet) -> Shortage:
        """Say what the offer lacks."""
        pool = self._pools[index]
        fitting = self._fitting(pool, pods)
        return Shortage(
            known=self._known,
            fits=self._fill(pool, pods).fits,
            nodes=int(pool.matching.sum()),
            usable=int(pool.usable.sum()),
            free_nodes=int((fitting > 0).sum()),
            growth=self._growth(pool, pods),
            max_nodes=pool.max_nodes,
            per_new_node=pool.per_new_node(pods),
            short_of=self._nodes.short_of(pods, among=pool.usable) if pool.usable.any() else (),
            wrong_resource=self._wrong_resource(pool, pods),
            other_types=pool.other_types,
        )

    def _fitting(self, pool: Pool, pods: PodSet) -> Ints:
        if not self._known:
            return np.zeros(len(self._nodes), dtype=np.int64)
        return self._nodes.fitting(pods, among=pool.usable)

    def _wrong_resource(self, pool: Pool, pods: PodSet) -> str:
        if not pods.accelerators or not pool.resources:
            return ""
        return "" if pods.accelerator_resource in pool.resources else ", ".join(sorted(pool.resources))

    def _growth(self, pool: Pool, pods: PodSet) -> int:
        if not self._known or pool.max_nodes is None or self._wrong_resource(pool, pods):
            return 0
        # A node that is not ready, or cordoned, counts: the pool's limit does not know about readiness.
        return max(0, pool.max_nodes - int(pool.matching.sum()))

    def _fill(self, pool: Pool, pods: PodSet) -> Fill:
        fitting = self._fitting(pool, pods)
        order = self._nodes.fullest_first(pods)
        ordered = fitting[order]
        before = np.cumsum(ordered) - ordered
        take = np.zeros_like(fitting)
        take[order] = np.clip(pods.count - before, 0, ordered)
        on_nodes = int(fitting.sum())
        growth, per_new = self._growth(pool, pods), pool.per_new_node(pods)
        missing = max(0, pods.count - on_nodes)
        new_nodes = min(growth, -(-missing // per_new)) if per_new else 0
        used = take > 0
        queue_s = float(self._nodes.ready_in_s[used].max()) if used.any() else 0.0
        return Fill(
            fits=on_nodes + growth * per_new,
            take=take,
            new_nodes=new_nodes,
            queue_s=max(queue_s, pool.provisioning_s) if new_nodes else queue_s,
        )

    def _take(self, pool: Pool, pods: PodSet, fill: Fill) -> None:
        self._nodes.take(pods, fill.take)
        left = pods.count - int(fill.take.sum())
        for _ in range(fill.new_nodes):
            here = min(left, pool.per_new_node(pods))
            self._nodes.add(pool, pods, count=here)
            left -= here
        if fill.new_nodes:
            # Another offer of the same pool sees the new nodes too, so that its limit is not spent twice.
            for other in self._pools:
                other.extend(by=pool, count=fill.new_nodes, resource=pods.accelerator_resource)

    def _reserve_promised(self, demand: Demand) -> None:
        pods = PodSet(
            demand.count, demand.cpu_cores, demand.memory_bytes, demand.accelerators, demand.accelerator_resource
        )
        index = self._index.get(demand.offer)
        # An offer may be gone from the spec while its pods are still on their way: they will land somewhere.
        pool = stray_pool(pods, nodes=self._nodes) if index is None else self._pools[index]
        # Pods that do not fit stay pending whatever we do, so what fits is what they will take.
        self._take(pool, pods, self._fill(pool, pods))


@dataclass(slots=True)
class Rooms:
    """Per row of the table: how many of the pods fit, and how long the last of them waits for its node."""

    fits: Ints
    queue_s: Floats
    seen: Ints


class Capacity:
    """The whole fleet's working copy; asks with equal pods share one evaluation, redone where something changed."""

    def __init__(self, table: OfferTable) -> None:
        self._table = table
        self._clusters = [ClusterCapacity(cluster) for cluster in table.clusters]
        self._versions = np.ones(len(self._clusters), dtype=np.int64)
        self._rooms: dict[PodSet, Rooms] = {}
        self._shortages: dict[tuple[int, PodSet], tuple[int, Shortage]] = {}

    def rooms(self, pods: PodSet) -> Rooms:
        """Say what fits where, now."""
        rooms = self._rooms.get(pods)
        if rooms is None:
            rows = len(self._table)
            rooms = Rooms(np.zeros(rows, np.int64), np.zeros(rows), np.zeros_like(self._versions))
            self._rooms[pods] = rooms
        for cluster in np.flatnonzero(rooms.seen != self._versions):
            start = self._table.first_row[cluster]
            for index, offer in enumerate(self._table.clusters[cluster].offers):
                if bool(offer.accelerator) != bool(pods.accelerators):
                    continue  # of the other kind: a filter refuses it
                fill = self._clusters[cluster].fill(index, pods)
                rooms.fits[start + index] = fill.fits
                rooms.queue_s[start + index] = fill.queue_s
            rooms.seen[cluster] = self._versions[cluster]
        return rooms

    def reserve(self, row: int, pods: PodSet) -> None:
        """Take the room of pods that were seen to fit."""
        cluster = int(self._table.cluster_of[row])
        self._clusters[cluster].reserve(row - self._table.first_row[cluster], pods)
        self._versions[cluster] += 1

    def shortage(self, row: int, pods: PodSet) -> Shortage:
        """Say why pods don't fit."""
        cluster = int(self._table.cluster_of[row])
        seen, shortage = self._shortages.get((row, pods), (0, None))
        version = int(self._versions[cluster])
        if shortage is None or seen != version:
            shortage = self._clusters[cluster].shortage(row - self._table.first_row[cluster], pods)
            self._shortages[row, pods] = (version, shortage)
        return shortage


def _order(demand: Demand) -> tuple[str, int, float, float, int, str]:
    # The largest pods first: they have the fewest places to go.
    return (
        demand.offer,
        -demand.accelerators,
        -demand.cpu_cores,
        -demand.memory_bytes,
        demand.count,
        demand.accelerator_resource,
    )
