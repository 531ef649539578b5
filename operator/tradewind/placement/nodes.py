"""The fleet's nodes as columns: what is free on each, and what fits there.

Plain lists, not arrays: one reservation touches one or two nodes, and reading one element of an array costs more than
all the arithmetic with it. What is read for the whole fleet at once is laid out as arrays in `placement.initial`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.model.fleet import Node, Offer
    from tradewind.model.workload import PodSet

PODS_PER_NODE = 110
"""What a new node takes: the kubelet's default of `maxPods`."""
ROUNDING = 1e-9
"""Ten pods of 0.1 cores fit into one core, whatever binary fractions say."""


class Nodes:
    """What is free on each node of the fleet; grows by the nodes that pools add."""

    __slots__ = ("accelerators", "cpu_cores", "memory_bytes", "pods", "ready_in_s", "resource", "special")

    def __init__(self) -> None:
        self.accelerators: list[int] = []
        self.cpu_cores: list[float] = []
        self.memory_bytes: list[float] = []
        self.pods: list[int] = []
        self.ready_in_s: list[float] = []
        self.resource: list[str] = []
        self.special: list[bool] = []

    def __len__(self) -> int:
        """Count the nodes, with those that were added."""
        return len(self.pods)

    def extend(self, nodes: Sequence[Node]) -> range:
        """Take in a cluster's nodes; returns their numbers."""
        start = len(self)
        self.accelerators += [node.free_accelerators for node in nodes]
        self.cpu_cores += [node.free_cpu_cores for node in nodes]
        self.memory_bytes += [node.free_memory_bytes for node in nodes]
        self.pods += [node.free_pods for node in nodes]
        self.ready_in_s += [0.0] * len(nodes)
        self.resource += [node.accelerator_resource for node in nodes]
        self.special += [is_special(node) for node in nodes]
        return range(start, len(self))

    def add(self, offer: Offer, *, resource: str) -> int:
        """Add an empty node of an offer's pool; returns its number."""
        self.accelerators.append(offer.per_node)
        self.cpu_cores.append(offer.node_cpu_cores)
        self.memory_bytes.append(offer.node_memory_bytes)
        self.pods.append(PODS_PER_NODE)
        self.ready_in_s.append(offer.provisioning_s)
        self.resource.append(resource)
        self.special.append(bool(offer.accelerator))
        return len(self) - 1

    def fitting(self, node: int, pods: PodSet) -> int:
        """Count the pods that fit on a node."""
        most: float = self.pods[node]
        if pods.accelerators:
            if self.resource[node] != pods.accelerator_resource:
                return 0
            most = min(most, self.accelerators[node] // pods.accelerators)
            if most < 1:
                return 0
        if pods.cpu_cores:
            most = min(most, self.cpu_cores[node] / pods.cpu_cores + ROUNDING)
        if pods.memory_bytes:
            most = min(most, self.memory_bytes[node] / pods.memory_bytes + ROUNDING)
        return int(most) if most > 0 else 0

    def taking(self, among: Iterable[int], pods: PodSet) -> dict[int, int]:
        """Count the pods that fit on each node that takes any; the same as `fitting`, in one loop."""
        found: dict[int, int] = {}
        each, resource = pods.accelerators, pods.accelerator_resource
        needs = [
            (free, need)
            for free, need in ((self.cpu_cores, pods.cpu_cores), (self.memory_bytes, pods.memory_bytes))
            if need
        ]
        for node in among:
            most: float = self.pods[node]
            if each:
                if self.resource[node] != resource:
                    continue
                fits = self.accelerators[node] // each
                most = min(most, fits)
            for free, need in needs:
                room = free[node] / need + ROUNDING
                most = min(most, room)
            if most >= 1:
                found[node] = int(most)
        return found

    def take(self, node: int, pods: PodSet, count: int) -> None:
        """Take so many of the pods off what is free; a negative count gives them back."""
        self.accelerators[node] -= count * pods.accelerators
        self.cpu_cores[node] -= count * pods.cpu_cores
        self.memory_bytes[node] -= count * pods.memory_bytes
        self.pods[node] -= count

    def fullness(self, node: int, pods: PodSet) -> tuple[float, bool, float, float, int]:
        """Order nodes: ready ones first, then those without accelerators, then the fullest, against fragments."""
        main = self.accelerators[node] if pods.accelerators else self.cpu_cores[node]
        return self.ready_in_s[node], self.special[node], main, self.memory_bytes[node], node

    def short_of(self, pods: PodSet, *, among: Sequence[int]) -> tuple[str, ...]:
        """Name the resources that alone would already be too few for all pods."""
        columns: tuple[Sequence[float], ...] = (self.accelerators, self.cpu_cores, self.memory_bytes)
        short: list[str] = [
            name
            for column, (name, need) in zip(columns, requests(pods), strict=True)
            if need and sum(max(0.0, (column[node] / need + ROUNDING) // 1) for node in among) < pods.count
        ]
        if sum(max(0, self.pods[node]) for node in among) < pods.count:
            short.append("pod slots")
        return tuple(short)


def requests(pods: PodSet) -> tuple[tuple[str, float], ...]:
    """List what one pod needs, by the names that people read."""
    return (
        ("accelerators", float(pods.accelerators)),
        ("CPU", pods.cpu_cores),
        ("memory", pods.memory_bytes),
    )


def is_special(node: Node) -> bool:
    """Whether the node has accelerators."""
    return bool(node.accelerator or node.accelerator_resource)
