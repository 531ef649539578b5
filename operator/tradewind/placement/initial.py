"""The rooms of a round's beginning, for all offers at once: one pass of arrays over the nodes per shape of pod."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING

import numpy as np

from tradewind.placement.nodes import PODS_PER_NODE, ROUNDING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.workload import PodSet
    from tradewind.placement.nodes import Nodes
    from tradewind.placement.pools import Pool
    from tradewind.placement.table import Floats, Ints


@dataclass(frozen=True, slots=True)
class InitialRooms:
    """What fits of one shape of pod: by row, and by usable node of each row.

    Attributes:
        fits: how many of the pods. ready: how many without waiting. wait_s: how long the last one waits, in seconds.
        starts: per row, where its nodes start in the following two; with the end of the last one.
        nodes, on_nodes: the numbers of the nodes, and how many of the pods each takes.
    """

    fits: Ints
    ready: Ints
    wait_s: Floats
    starts: Sequence[int]
    nodes: Ints
    on_nodes: Ints

    def on(self, row: int) -> dict[int, int]:
        """List the nodes of a row that take any of the pods, and how many."""
        part = slice(self.starts[row], self.starts[row + 1])
        nodes, fits = self.nodes[part], self.on_nodes[part]
        some = fits > 0
        return dict(zip(nodes[some].tolist(), fits[some].tolist(), strict=True))


class Beginning:
    """The nodes and pools as arrays, as they are when this is made."""

    def __init__(self, nodes: Nodes, pools: Sequence[Pool]) -> None:
        self._rows = len(pools)
        sizes = [len(pool.usable) for pool in pools]
        self._starts = tuple(accumulate(sizes, initial=0))
        self._row = np.repeat(np.arange(self._rows, dtype=np.int64), sizes)
        self._node = np.fromiter(chain.from_iterable(pool.usable for pool in pools), dtype=np.int64, count=sum(sizes))
        self._accelerators = np.array(nodes.accelerators, dtype=np.float64)
        self._cpu_cores = np.array(nodes.cpu_cores, dtype=np.float64)
        self._memory_bytes = np.array(nodes.memory_bytes, dtype=np.float64)
        self._pods = np.array(nodes.pods, dtype=np.float64)
        self._waits = np.array(nodes.ready_in_s, dtype=np.float64)
        self._resource = np.array(nodes.resource, dtype=np.object_)
        offers = [pool.offer for pool in pools]
        self._new_accelerators = np.array([offer.per_node for offer in offers], dtype=np.float64)
        self._new_cpu_cores = np.array([offer.node_cpu_cores for offer in offers], dtype=np.float64)
        self._new_memory_bytes = np.array([offer.node_memory_bytes for offer in offers], dtype=np.float64)
        self._provisioning_s = np.array([offer.provisioning_s for offer in offers], dtype=np.float64)
        self._growth = np.array(
            [max(0, (pool.offer.max_nodes or 0) - pool.matching) if pool.known else 0 for pool in pools], dtype=np.int64
        )
        self._special = np.array([bool(offer.accelerator) for offer in offers], dtype=np.bool_)
        self._resources = [pool.resources for pool in pools]

    def rooms(self, pod: PodSet) -> InitialRooms:
        """Count the pods that fit.

        Offers with accelerators have no room for pods without, and the other way round: a filter refuses them.
        """
        per_node = _fitting(pod, self._accelerators, self._cpu_cores, self._memory_bytes, self._pods)
        if pod.accelerators:
            per_node = np.where(self._resource == pod.accelerator_resource, per_node, 0.0)
        each, waits = per_node[self._node], self._waits[self._node]
        on_nodes = np.bincount(self._row, weights=each, minlength=self._rows).astype(np.int64)
        ready = np.bincount(self._row, weights=np.where(waits > 0, 0.0, each), minlength=self._rows).astype(np.int64)
        wait_s = np.zeros(self._rows)
        np.maximum.at(wait_s, self._row, np.where(each > 0, waits, 0.0))
        slots = np.full(self._rows, float(PODS_PER_NODE))
        per_new = _fitting(pod, self._new_accelerators, self._new_cpu_cores, self._new_memory_bytes, slots)
        grown = self._may_grow(pod) * per_new.astype(np.int64)
        alike = self._special == bool(pod.accelerators)
        return InitialRooms(
            fits=np.where(alike, on_nodes + grown, 0),
            ready=np.where(alike, ready, 0),
            wait_s=np.where(grown > 0, np.maximum(wait_s, self._provisioning_s), wait_s),
            starts=self._starts,
            nodes=self._node,
            on_nodes=each.astype(np.int64),
        )

    def _may_grow(self, pod: PodSet) -> Ints:
        if not pod.accelerators:
            return self._growth
        fitting = [not has or pod.accelerator_resource in has for has in self._resources]
        return np.where(fitting, self._growth, 0)


def _fitting(pod: PodSet, accelerators: Floats, cpu_cores: Floats, memory_bytes: Floats, slots: Floats) -> Floats:
    most = np.maximum(slots, 0.0)
    for free, need in (
        (accelerators, float(pod.accelerators)),
        (cpu_cores, pod.cpu_cores),
        (memory_bytes, pod.memory_bytes),
    ):
        if need:
            most = np.minimum(most, np.floor(free / need + ROUNDING))
    return np.maximum(most, 0.0)
