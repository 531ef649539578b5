"""The room for one shape of pod on one offer, kept in step with the nodes."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.model.workload import PodSet
    from tradewind.placement.nodes import Nodes
    from tradewind.placement.pools import Pool


class Slots:
    """How many of the pods fit on each node of a pool, and which node is next.

    Attributes:
        per_new: pods that fit on a node which the pool adds. seen: how much of its group's log has been read.
    """

    __slots__ = ("_heap", "_nodes", "_on", "_pod", "_pool", "_ready", "per_new", "seen")

    def __init__(self, pod: PodSet, pool: Pool, nodes: Nodes, *, on: dict[int, int], seen: int) -> None:
        """Take over what fits on each node.

        Args:
            pod: one of the pods.
            pool: the offer's.
            nodes: of the fleet.
            on: by node; it is written to.
            seen: how much of the log it has in it.
        """
        self._pod, self._pool, self._nodes = pod, pool, nodes
        self.per_new, self.seen = pool.per_new_node(pod), seen
        self._on = on
        self._ready: dict[float, int] = {}
        for node, fits in on.items():
            self._count(node, fits)
        self._heap: list[tuple[float, bool, float, float, int]] | None = None  # many are only counted

    def refresh(self, touched: Iterable[int]) -> None:
        """Look again at nodes that some reservation has touched."""
        usable, on = self._pool.usable, self._on
        for node in touched:
            before = on.get(node, 0)
            now = self._nodes.fitting(node, self._pod) if node in usable else 0
            if now != before:
                self._count(node, now - before)
                on[node] = now
            if now and self._heap is not None:
                heappush(self._heap, self._nodes.fullness(node, self._pod))

    def fits(self) -> int:
        """Count the pods that fit, on nodes that exist and on those that the pool may add."""
        return sum(self._ready.values()) + self._pool.growth(self._pod) * self.per_new

    def ready(self) -> int:
        """Count the pods that fit on nodes that are ready now."""
        return self._ready.get(0.0, 0)

    def free_nodes(self) -> int:
        """Count the nodes that take at least one of the pods."""
        return sum(1 for fits in self._on.values() if fits)

    def wait_s(self, count: int) -> float | None:
        """Say how long the last of so many pods waits for its node; None where they do not fit."""
        if count <= self.ready():
            return 0.0
        return self.queue_s(count) if count <= self.fits() else None

    def queue_s(self, count: int) -> float:
        """Say how long the last of so many pods waits for its node; they are known to fit."""
        waits = 0.0
        for waits in sorted(after for after, slots in self._ready.items() if slots):
            count -= self._ready[waits]
            if count <= 0:
                return waits
        return max(waits, self._pool.offer.provisioning_s)

    def first(self) -> tuple[int, int] | None:
        """Return the node that the next pod goes to, and how many it takes; None where the pool must add one."""
        heap, on, nodes, pod = self._heap, self._on, self._nodes, self._pod
        if heap is None:
            heap = self._heap = [nodes.fullness(node, pod) for node, fits in on.items() if fits]
            heapify(heap)
        while heap:
            node = heap[0][-1]
            if on[node] and heap[0] == nodes.fullness(node, pod):
                return node, on[node]
            heappop(heap)  # an older state of the node
        return None

    def take(self, node: int, count: int) -> None:
        """Count so many of the pods off the first node; or, after `add`, off a new one."""
        left = self._on[node] - count
        self._on[node] = left
        self._count(node, -count)
        if self._heap:
            if left:
                self._heap[0] = self._nodes.fullness(node, self._pod)  # it is fuller than before: still the first
            else:
                heappop(self._heap)

    def add(self, node: int) -> int:
        """Take in a new node, which is the first since no other has room; returns how many of the pods it takes."""
        self._on[node] = self.per_new
        self._count(node, self.per_new)
        self._heap = [self._nodes.fullness(node, self._pod)]
        return self.per_new

    def _count(self, node: int, change: int) -> None:
        after = self._nodes.ready_in_s[node]
        self._ready[after] = self._ready.get(after, 0) + change
