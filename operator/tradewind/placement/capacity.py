"""What still fits: a working copy of the fleet's nodes that reservations are taken from.

Reservations are made on nodes, not on offers, since two offers of a cluster may speak of the same nodes.
Invariant: no node is ever given more pods, cores, memory or accelerators than were free on it.

A round reserves thousands of times, so nothing is computed twice. Rooms are kept per *shape* of pod and per offer.
Equal pods fill nodes in an order that filling does not change: the fullest first, which then are fuller still. So a
reservation takes the first free slots of its shape, in microseconds. What other shapes know of the nodes it touched is
corrected when they are next asked for, and only for these nodes: each group of offers that share nodes keeps a log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tradewind.model.fleet import Offer
from tradewind.model.workload import Market, PodSet
from tradewind.placement.initial import InitialRooms
from tradewind.placement.nodes import PODS_PER_NODE, Nodes, Pool, is_special, pool_of

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster, Demand
    from tradewind.placement.table import Floats, Ints, OfferTable


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


class Taken(NamedTuple):
    """What one reservation took: pods on each node, and how long the last of them waits for its node."""

    row: int
    pods: PodSet
    nodes: tuple[tuple[int, int], ...]
    queue_s: float


class Slots:
    """The room for one shape of pod on one offer, kept in step with the nodes."""

    __slots__ = ("_heap", "_nodes", "_on", "_per_new", "_pod", "_pool", "_ready", "seen")

    def __init__(self, pod: PodSet, pool: Pool, nodes: Nodes, *, seen: int) -> None:
        self._pod, self._pool, self._nodes = pod, pool, nodes
        self._per_new = pool.per_new_node(pod)
        self._on = {node: fits for node in pool.usable if (fits := nodes.fitting(node, pod))}
        self._ready: dict[float, int] = {}
        for node, fits in self._on.items():
            self._count(node, fits)
        self._heap = [nodes.fullness(node, pod) for node in self._on]
        heapify(self._heap)
        self.seen = seen

    def refresh(self, node: int) -> None:
        """Look at a node again that some reservation has touched."""
        before = self._on.get(node, 0)
        now = self._nodes.fitting(node, self._pod) if node in self._pool.usable else 0
        self._count(node, now - before)
        self._on[node] = now
        if now:
            heappush(self._heap, self._nodes.fullness(node, self._pod))

    def fits(self) -> int:
        """Count the pods that fit, on nodes that exist and on those that the pool may add."""
        return sum(self._ready.values()) + self._pool.growth(self._pod) * self._per_new

    def ready(self) -> int:
        """Count the pods that fit on nodes that are ready now."""
        return self._ready.get(0.0, 0)

    def free_nodes(self) -> int:
        """Count the nodes that take at least one of the pods."""
        return sum(1 for fits in self._on.values() if fits)

    def queue_s(self, count: int) -> float:
        """Say how long the last of so many pods waits for its node; they are known to fit."""
        waits = 0.0
        for waits in sorted(after for after, slots in self._ready.items() if slots):
            count -= self._ready[waits]
            if count <= 0:
                return waits
        return max(waits, self._pool.offer.provisioning_s)

    def first(self) -> int | None:
        """Return the node that the next pod goes to; None where the pool must add one."""
        while self._heap:
            node = self._heap[0][-1]
            if self._on[node] and self._heap[0] == self._nodes.fullness(node, self._pod):
                return node
            heappop(self._heap)  # an older state of the node
        return None

    def on(self, node: int) -> int:
        """Count the pods that fit on a node."""
        return self._on[node]

    def _count(self, node: int, change: int) -> None:
        after = self._nodes.ready_in_s[node]
        self._ready[after] = self._ready.get(after, 0) + change


class Shape:
    """What is known of one shape of pod on every offer; the arrays have one entry per row.

    Attributes:
        pod: one of the pods.
        fits: how many fit. ready: on nodes that need not be waited for. wait_s: until the last of the others is ready.
        slots: rows whose nodes have been touched, or which are known to wait for nodes, in detail.
        full: rows that are known not to take so many more, until something makes room.
    """

    __slots__ = ("fits", "full", "pod", "ready", "seen", "slots", "wait_s")

    def __init__(self, pod: PodSet, rooms: tuple[Ints, Ints, Floats], *, seen: Ints) -> None:
        self.pod, self.seen = pod, seen
        self.fits, self.ready, self.wait_s = rooms
        self.slots: dict[int, Slots] = {}
        self.full: set[tuple[int, int]] = set()


@dataclass(frozen=True, slots=True)
class Rooms:
    """Per row of the table: how many of the pods fit, and how long the last of them waits for its node."""

    fits: Ints
    queue_s: Floats


class Capacity:
    """The whole fleet's working copy.

    Attributes:
        opened: whether anything has made room anywhere: a release, or a new node of which other offers speak too.
    """

    def __init__(self, table: OfferTable) -> None:
        self._nodes = Nodes()
        self._pools: list[Pool] = []
        self._group_of: list[int] = []
        self._rows_of: list[list[int]] = []
        self._logs: list[list[int]] = []
        self.opened = False
        self._adders: dict[int, Pool] = {}
        self._shapes: dict[tuple[float, float, int, str], Shape] = {}
        for cluster in table.clusters:
            self._enter(cluster)
        self._lengths = np.array([len(log) for log in self._logs], dtype=np.int64)
        self._initial = InitialRooms(self._nodes, self._pools)
        self._start = self._lengths.copy()

    def shape(self, pods: PodSet) -> Shape:
        """Return what is known of the pods' shape, brought up to date on every row."""
        key = (pods.cpu_cores, pods.memory_bytes, pods.accelerators, pods.accelerator_resource)
        shape = self._shapes.get(key)
        if shape is None:
            pod = replace(pods, count=1)
            shape = self._shapes[key] = Shape(pod, self._initial.rooms(pod), seen=self._start.copy())
        for group in np.flatnonzero(shape.seen != self._lengths).tolist():
            for row in self._rows_of[group]:
                if bool(self._pools[row].offer.accelerator) == bool(pods.accelerators):
                    self._current(row, shape)
            shape.seen[group] = self._lengths[group]
        return shape

    def rooms(self, pods: PodSet) -> Rooms:
        """Say what fits where, now."""
        shape = self.shape(pods)
        return Rooms(shape.fits, np.where(pods.count <= shape.ready, 0.0, shape.wait_s))

    def wait_s(self, row: int, shape: Shape, count: int) -> float | None:
        """Say how long the last of so many pods would wait for its node; None where they do not fit."""
        if (row, count) in shape.full:
            return None
        slots = self._current(row, shape)
        if count <= slots.ready():
            return 0.0
        if count <= slots.fits():
            return slots.queue_s(count)
        shape.full.add((row, count))
        return None

    def beside(self, row: int) -> list[int]:
        """List the offers that share nodes with one, itself among them."""
        return self._rows_of[self._group_of[row]]

    def reserve(self, row: int, pods: PodSet, shape: Shape | None = None) -> Taken:
        """Take the room of pods that were seen to fit."""
        shape = shape or self.shape(pods)
        group = self._group_of[row]
        taken = self._take(self._pools[row], self._current(row, shape), pods, group)
        self._lengths[group] = len(self._logs[group])
        self._note(row, shape)
        return Taken(row, pods, *taken)

    def release(self, taken: Taken) -> None:
        """Give back what a reservation took; a node that nobody needs any more is not added after all."""
        self._open()
        self._change(taken, sign=-1)

    def restore(self, taken: Taken) -> None:
        """Take again, on the same nodes, what was given back."""
        self._change(taken, sign=1)

    def _change(self, taken: Taken, *, sign: int) -> None:
        group = self._group_of[taken.row]
        for node, count in taken.nodes:
            unused = self._nodes.pods[node] == PODS_PER_NODE
            self._nodes.take(node, taken.pods, sign * count)
            if node in self._adders and unused != (self._nodes.pods[node] == PODS_PER_NODE):
                self._show(node, self._adders[node], group, sign=sign)
            self._logs[group].append(node)
        self._lengths[group] = len(self._logs[group])

    def shortage(self, row: int, pods: PodSet) -> Shortage:
        """Say why pods don't fit."""
        pool = self._pools[row]
        slots = self._current(row, self.shape(pods))
        return Shortage(
            known=pool.known,
            fits=slots.fits(),
            nodes=pool.matching,
            usable=len(pool.usable),
            free_nodes=slots.free_nodes(),
            growth=pool.growth(pods),
            max_nodes=pool.offer.max_nodes,
            per_new_node=pool.per_new_node(pods),
            short_of=self._nodes.short_of(pods, among=sorted(pool.usable)) if pool.usable else (),
            wrong_resource=pool.wrong_resource(pods),
            other_types=pool.other_types,
        )

    def _enter(self, cluster: Cluster) -> None:
        """Take in a cluster: its nodes, its offers' pools, which of them share nodes, and what is promised."""
        numbers, first_row = self._nodes.extend(cluster.nodes), len(self._pools)
        found = [pool_of(one, cluster.nodes, first=numbers.start, known=cluster.known) for one in cluster.offers]
        groups: list[list[int]] = []
        for index in range(len(found)):
            mine = [group for group in groups if any(_overlap(found[index], found[other]) for other in group)]
            groups = [group for group in groups if group not in mine] + [[*(one for g in mine for one in g), index]]
        self._pools += [pool for pool, _ in found]
        self._group_of += [0] * len(found)
        for group in groups:
            for index in group:
                self._group_of[first_row + index] = len(self._logs)
            self._rows_of.append([first_row + index for index in sorted(group)])
            self._logs.append([])
        if found:
            row_of = {offer.name: first_row + index for index, offer in enumerate(cluster.offers)}
            for demand in sorted(cluster.promised, key=_order):
                self._promise(cluster, demand, row=row_of.get(demand.offer), group=self._group_of[first_row])

    def _promise(self, cluster: Cluster, demand: Demand, *, row: int | None, group: int) -> None:
        pods = PodSet(
            demand.count, demand.cpu_cores, demand.memory_bytes, demand.accelerators, demand.accelerator_resource
        )
        # An offer may be gone from the spec while its pods are still on their way: they will land somewhere.
        pool = self._stray_pool(cluster, pods) if row is None else self._pools[row]
        slots = Slots(replace(pods, count=1), pool, self._nodes, seen=0)
        # Pods that do not fit stay pending whatever we do, so what fits is what they will take.
        fitting = replace(pods, count=min(pods.count, slots.fits()))
        self._take(pool, slots, fitting, group if row is None else self._group_of[row])

    def _stray_pool(self, cluster: Cluster, pods: PodSet) -> Pool:
        """Make a pool for pods whose offer is gone: every node that could take them, and no growth."""
        first = len(self._nodes) - len(cluster.nodes)
        usable = {
            first + index
            for index, node in enumerate(cluster.nodes)
            if cluster.known and node.ready and node.schedulable and is_special(node) == bool(pods.accelerators)
        }
        return Pool(Offer(name="", market=Market.OWNED), cluster.known, len(usable), usable, frozenset())

    def _current(self, row: int, shape: Shape) -> Slots:
        """Return a row's slots, with all that was reserved up to now taken off."""
        log = self._logs[self._group_of[row]]
        slots = shape.slots.get(row)
        if slots is None or len(log) - slots.seen > len(self._pools[row].usable):
            slots = shape.slots[row] = Slots(shape.pod, self._pools[row], self._nodes, seen=len(log))
        elif slots.seen == len(log):
            return slots
        else:
            for node in log[slots.seen :]:
                slots.refresh(node)
            slots.seen = len(log)
        self._note(row, shape)
        return slots

    def _note(self, row: int, shape: Shape) -> None:
        slots = shape.slots[row]
        fits, ready = slots.fits(), slots.ready()
        shape.fits[row], shape.ready[row] = fits, ready
        shape.wait_s[row] = slots.queue_s(fits) if fits > ready else 0.0

    def _take(self, pool: Pool, slots: Slots, pods: PodSet, group: int) -> tuple[tuple[tuple[int, int], ...], float]:
        """Put the pods on nodes, the fullest first; returns how many are where, and how long the last one waits."""
        log, taken, left, queue_s = self._logs[group], [], pods.count, 0.0
        while left:
            node = slots.first()
            if node is None:
                node = self._grow(pool, pods, group)
                slots.refresh(node)
            count = min(left, slots.on(node))
            self._nodes.take(node, pods, count)
            slots.refresh(node)
            log.append(node)
            taken.append((node, count))
            queue_s = max(queue_s, self._nodes.ready_in_s[node])
            left -= count
        slots.seen = len(log)
        return tuple(taken), queue_s

    def _open(self) -> None:
        self.opened = True
        for shape in self._shapes.values():
            shape.full.clear()

    def _grow(self, pool: Pool, pods: PodSet, group: int) -> int:
        """Add a node to a pool."""
        node = self._nodes.add(pool.offer, resource=pods.accelerator_resource)
        self._adders[node] = pool
        self._logs[group].append(node)
        self._show(node, pool, group, sign=1)
        return node

    def _show(self, node: int, pool: Pool, group: int, *, sign: int) -> None:
        """Show a new node to all offers of the same pool, so that its limit is not spent twice; or (-1) hide it."""
        resource = self._nodes.resource[node]
        if len(self._rows_of[group]) > 1:
            self._open()
        for row in self._rows_of[group]:
            other = self._pools[row]
            if other.shares_new_nodes_of(pool):
                other.matching += sign
                (other.usable.add if sign > 0 else other.usable.discard)(node)
                if resource:
                    other.resources |= {resource}


def _overlap(one: tuple[Pool, frozenset[int]], other: tuple[Pool, frozenset[int]]) -> bool:
    """Whether two offers of a cluster speak of the same nodes, now or when one of them adds some."""
    if not one[1].isdisjoint(other[1]):
        return True
    return one[0].shares_new_nodes_of(other[0]) or other[0].shares_new_nodes_of(one[0])


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
