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
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tradewind.model.workload import PodSet
from tradewind.placement.initial import Beginning
from tradewind.placement.nodes import PODS_PER_NODE, Nodes
from tradewind.placement.pools import Pool, pools_of, stray_pool
from tradewind.placement.slots import Slots

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster, Demand
    from tradewind.placement.initial import InitialRooms
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


class Shape:
    """What is known of one shape of pod on every offer; the arrays have one entry per row.

    Attributes:
        pod: one of the pods.
        initial: what fitted at the beginning.
        fits: how many fit. ready: on nodes that need not be waited for. wait_s: until the last of the others is ready.
        slots: rows whose nodes have been touched, or which are known to wait for nodes, in detail.
        full: rows that are known not to take so many more, until something makes room.
    """

    __slots__ = ("fits", "full", "initial", "pod", "ready", "seen", "slots", "wait_s")

    def __init__(self, pod: PodSet, initial: InitialRooms, *, seen: Ints) -> None:
        self.pod, self.initial, self.seen = pod, initial, seen
        self.fits, self.ready, self.wait_s = initial.fits.copy(), initial.ready.copy(), initial.wait_s.copy()
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
        self._beginning = Beginning(self._nodes, self._pools)
        self._groups = np.array(self._group_of, dtype=np.int64)
        self._start = self._lengths[self._groups]
        self._special = np.array([bool(pool.offer.accelerator) for pool in self._pools], dtype=np.bool_)

    def shape(self, pods: PodSet) -> Shape:
        """Return what is known of the pods' shape; `rooms` brings it up to date."""
        key = (pods.cpu_cores, pods.memory_bytes, pods.accelerators, pods.accelerator_resource)
        shape = self._shapes.get(key)
        if shape is None:
            pod = replace(pods, count=1)
            shape = self._shapes[key] = Shape(pod, self._beginning.rooms(pod), seen=self._start.copy())
        return shape

    def rooms(self, pods: PodSet, among: Ints | None = None) -> Rooms:
        """Say what fits where, now; for some rows only, in their order, where the others do not matter."""
        shape, now = self.shape(pods), self._lengths[self._groups]
        stale = (shape.seen != now) & (self._special == bool(pods.accelerators))
        for row in (np.flatnonzero(stale) if among is None else among[stale[among]]).tolist():
            self._note(row, self._current(row, shape), shape)
            shape.seen[row] = now[row]
        if among is None:
            return Rooms(shape.fits, np.where(pods.count <= shape.ready, 0.0, shape.wait_s))
        fits, ready, wait_s = shape.fits[among], shape.ready[among], shape.wait_s[among]
        return Rooms(fits, np.where(pods.count <= ready, 0.0, wait_s))

    def wait_s(self, row: int, shape: Shape, count: int) -> float | None:
        """Say how long the last of so many pods would wait for its node; None where they do not fit."""
        if (row, count) in shape.full:
            return None
        wait_s = self._current(row, shape).wait_s(count)
        if wait_s is None:
            shape.full.add((row, count))
        return wait_s

    def beside(self, row: int) -> list[int]:
        """List the offers that share nodes with one, itself among them."""
        return self._rows_of[self._group_of[row]]

    def reserve(self, row: int, pods: PodSet, shape: Shape | None = None) -> Taken:
        """Take the room of pods that were seen to fit."""
        return self.reserve_several(row, pods, shape or self.shape(pods), most=1)[0]

    def reserve_several(self, row: int, pods: PodSet, shape: Shape, *, most: int) -> list[Taken]:
        """Take the room of so many equal sets of pods, or of as many as fit and wait no longer than the first.

        The first was seen to fit.
        """
        group, count = self._group_of[row], pods.count
        pool, slots = self._pools[row], self._current(row, shape)
        taken = [Taken(row, pods, *self._take(pool, slots, pods, group))]
        if most > 1:
            wait_s = taken[0].queue_s
            while len(taken) < most and slots.wait_s(count) == wait_s:
                taken.append(Taken(row, pods, *self._take(pool, slots, pods, group)))
        self._lengths[group] = len(self._logs[group])
        return taken

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
        first_node, first_row = self._nodes.extend(cluster.nodes).start, len(self._pools)
        found, groups = pools_of(cluster, first=first_node)
        self._pools += found
        self._group_of += [0] * len(found)
        for group in groups:
            for index in group:
                self._group_of[first_row + index] = len(self._logs)
            self._rows_of.append([first_row + index for index in group])
            self._logs.append([])
        if found:
            row_of = {offer.name: first_row + index for index, offer in enumerate(cluster.offers)}
            for demand in sorted(cluster.promised, key=_order):
                pods, row = _pods_of(demand), row_of.get(demand.offer, first_row)
                # An offer may be gone from the spec while its pods are still on their way: they will land somewhere.
                gone = demand.offer not in row_of
                pool = stray_pool(cluster, pods, first=first_node) if gone else self._pools[row]
                self._promise(pods, pool, group=self._group_of[row])

    def _promise(self, pods: PodSet, pool: Pool, *, group: int) -> None:
        """Take the room of pods that are on their way."""
        slots = Slots(pods, pool, self._nodes, on=self._nodes.taking(pool.usable, pods), seen=0)
        # Pods that do not fit stay pending whatever we do, so what fits is what they will take.
        self._take(pool, slots, replace(pods, count=min(pods.count, slots.fits())), group)

    def _current(self, row: int, shape: Shape) -> Slots:
        """Return a row's slots, with all that was reserved up to now taken off."""
        log = self._logs[self._group_of[row]]
        slots = shape.slots.get(row)
        if slots is None:
            on, seen = shape.initial.on(row), int(self._start[row])
            slots = shape.slots[row] = Slots(shape.pod, self._pools[row], self._nodes, on=on, seen=seen)
        if slots.seen < len(log):
            slots.refresh(set(log[slots.seen :]))
            slots.seen = len(log)
        return slots

    def _note(self, row: int, slots: Slots, shape: Shape) -> None:
        fits, ready = slots.fits(), slots.ready()
        shape.fits[row], shape.ready[row] = fits, ready
        shape.wait_s[row] = slots.queue_s(fits) if fits > ready else 0.0

    def _take(self, pool: Pool, slots: Slots, pods: PodSet, group: int) -> tuple[tuple[tuple[int, int], ...], float]:
        """Put the pods on nodes, the fullest first; returns how many are where, and how long the last one waits."""
        log, taken, left, queue_s = self._logs[group], [], pods.count, 0.0
        while left:
            first = slots.first()
            if first is None:
                node = self._grow(pool, pods, group)
                room = slots.add(node)
            else:
                node, room = first
            count = min(left, room)
            self._nodes.take(node, pods, count)
            slots.take(node, count)
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
        for other in pool.sharing:
            other.matching += sign
            (other.usable.add if sign > 0 else other.usable.discard)(node)
            if resource and resource not in other.resources:
                other.resources |= {resource}


def _pods_of(demand: Demand) -> PodSet:
    return PodSet(demand.count, demand.cpu_cores, demand.memory_bytes, demand.accelerators, demand.accelerator_resource)


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
