"""The fleet's nodes as columns, and the pools that its offers make of them.

Plain lists, not arrays: one reservation touches one or two nodes, and reading one element of an array costs more than
all the arithmetic with it. What is read for the whole fleet at once is laid out as arrays in `placement.capacity`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradewind.model.fleet import Cluster, Node, Offer
    from tradewind.model.workload import PodSet

PODS_PER_NODE = 110
"""What a new node takes: the kubelet's default of `maxPods`."""
ROUNDING = 1e-9
"""Ten pods of 0.1 cores fit into one core, whatever binary fractions say."""
_KEEPS_OUT = ("NoSchedule", "NoExecute")


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


@dataclass(slots=True)
class Pool:
    """The nodes that an offer speaks of.

    Attributes:
        matching: how many nodes match by selector and accelerator type, in any state: they count against `max_nodes`.
        usable: those of them that are ready, schedulable, and whose taints the offer's pods tolerate.
        resources: the extended resources that the matching nodes have.
        among: all nodes of the cluster, as they were.
        sharing: pools of the cluster that speak of the nodes which this one adds; itself among them.
    """

    offer: Offer
    known: bool
    matching: int
    usable: set[int]
    resources: frozenset[str]
    among: Sequence[Node] = ()
    sharing: Sequence[Pool] = ()

    @property
    def other_types(self) -> tuple[str, ...]:
        """Name the accelerators of nodes that the selector picks and that are of another type; "" is unknown."""
        offer = self.offer
        others = (node for node in self.among if node.accelerator != offer.accelerator and is_special(node))
        return tuple(sorted({node.accelerator for node in others if _picks(offer, node)}))

    def growth(self, pods: PodSet) -> int:
        """Count the nodes that may still be added for such pods."""
        if not self.known or self.offer.max_nodes is None or self.wrong_resource(pods):
            return 0
        # A node that is not ready, or cordoned, counts: the pool's limit does not know about readiness.
        return max(0, self.offer.max_nodes - self.matching)

    def wrong_resource(self, pods: PodSet) -> str:
        """Name the resources of the nodes where the pods ask for another; else ""."""
        if not pods.accelerators or not self.resources or pods.accelerator_resource in self.resources:
            return ""
        return ", ".join(sorted(self.resources))

    def per_new_node(self, pods: PodSet) -> int:
        """Count the pods that fit on a node which the pool adds."""
        most = float(PODS_PER_NODE)
        brings = (float(self.offer.per_node), self.offer.node_cpu_cores, self.offer.node_memory_bytes)
        for has, (_, need) in zip(brings, requests(pods), strict=True):
            if need:
                most = min(most, has / need + ROUNDING)
        return max(0, int(most))

    def shares_new_nodes_of(self, other: Pool) -> bool:
        """Whether the offer speaks of the nodes that another pool of its cluster adds."""
        mine, theirs = self.offer, other.offer
        return mine.accelerator == theirs.accelerator and mine.node_selector.items() <= theirs.node_selector.items()


def pools_of(cluster: Cluster, *, first: int) -> list[tuple[Pool, frozenset[int]]]:
    """Find the nodes that each offer speaks of: its pool, and the numbers of all that match, counted from `first`."""
    by_type: defaultdict[str, list[tuple[int, Node]]] = defaultdict(list)
    for number, node in enumerate(cluster.nodes, first):
        by_type[node.accelerator].append((number, node))
    return [_pool_of(offer, cluster, by_type) for offer in cluster.offers]


def _pool_of(
    offer: Offer, cluster: Cluster, by_type: Mapping[str, Sequence[tuple[int, Node]]]
) -> tuple[Pool, frozenset[int]]:
    # Why not all nodes for work without accelerators: its pods would fill the cores beside dear accelerators, which
    # then can't be sold. An owner who wants that says so by a node selector that picks those nodes.
    if offer.accelerator:
        possible = by_type.get(offer.accelerator, ())
    elif offer.node_selector:
        possible = [one for some in by_type.values() for one in some]
    else:
        possible = [(number, node) for number, node in by_type.get("", ()) if not is_special(node)]
    wanted = offer.node_selector.items()
    matching = [(number, node) for number, node in possible if wanted <= node.labels.items()]
    usable = {number for number, node in matching if _takes_pods(offer, node)} if cluster.known else set()
    resources = frozenset(node.accelerator_resource for _, node in matching) - {""}
    pool = Pool(offer, cluster.known, len(matching), usable, resources, cluster.nodes)
    return pool, frozenset(number for number, _ in matching)


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


def _picks(offer: Offer, node: Node) -> bool:
    return offer.node_selector.items() <= node.labels.items()


def _takes_pods(offer: Offer, node: Node) -> bool:
    return (
        node.ready
        and node.schedulable
        and all(
            any(toleration.tolerates(taint) for toleration in offer.tolerations)
            for taint in node.taints
            if taint.effect in _KEEPS_OUT
        )
    )
