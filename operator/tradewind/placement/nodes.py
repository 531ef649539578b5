"""A cluster's nodes as columns, and the pools that its offers make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tradewind.model.fleet import Offer
from tradewind.model.workload import Market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.fleet import Node
    from tradewind.model.workload import PodSet
    from tradewind.placement.table import Floats, Ints, Mask

PODS_PER_NODE = 110
"""What a new node takes: the kubelet's default of `maxPods`."""
ROUNDING = 1e-9
"""Ten pods of 0.1 cores fit into one core, whatever binary fractions say."""
_KEEPS_OUT = ("NoSchedule", "NoExecute")


class NodeColumns:
    """What is free on each node; grows by the nodes that pools add."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.real = tuple(nodes)
        self.accelerators = np.array([node.free_accelerators for node in nodes], dtype=np.float64)
        self.cpu_cores = np.array([node.free_cpu_cores for node in nodes], dtype=np.float64)
        self.memory_bytes = np.array([node.free_memory_bytes for node in nodes], dtype=np.float64)
        self.pods = np.array([node.free_pods for node in nodes], dtype=np.float64)
        self.ready_in_s = np.zeros(len(nodes))
        self.resource = np.array([node.accelerator_resource for node in nodes], dtype=np.object_)
        self.special = np.array([_special(node) for node in nodes], dtype=np.bool_)

    def __len__(self) -> int:
        """Count the nodes, with those that were added."""
        return len(self.pods)

    def fitting(self, pods: PodSet, *, among: Mask) -> Ints:
        """Count the pods that fit on each node."""
        if pods.accelerators:
            among = among & (self.resource == pods.accelerator_resource)
        most = self.pods
        for free, need in self._needs(pods):
            most = np.minimum(most, np.floor(free / need + ROUNDING))
        return np.where(among, np.maximum(most, 0), 0).astype(np.int64)

    def short_of(self, pods: PodSet, *, among: Mask) -> tuple[str, ...]:
        """Name the resources that alone would already be too few for all pods."""
        names = [name for name, need in _requests(pods) if need]
        short = [
            name
            for name, (free, need) in zip(names, self._needs(pods), strict=True)
            if np.maximum(np.floor(free[among] / need + ROUNDING), 0).sum() < pods.count
        ]
        if np.maximum(self.pods[among], 0).sum() < pods.count:
            short.append("pod slots")
        return tuple(short)

    def fullest_first(self, pods: PodSet) -> Ints:
        """Order the nodes: ready ones first, then those without accelerators, then the fullest, against fragments."""
        main = self.accelerators if pods.accelerators else self.cpu_cores
        return np.lexsort((self.memory_bytes, main, self.special, self.ready_in_s))

    def take(self, pods: PodSet, counts: Ints) -> None:
        """Take pods off what is free."""
        self.accelerators -= counts * pods.accelerators
        self.cpu_cores -= counts * pods.cpu_cores
        self.memory_bytes -= counts * pods.memory_bytes
        self.pods -= counts

    def add(self, pool: Pool, pods: PodSet, *, count: int) -> None:
        """Add a node of a pool, with `count` pods on it."""
        offer = pool.offer
        self.accelerators = np.append(self.accelerators, offer.per_node - count * pods.accelerators)
        self.cpu_cores = np.append(self.cpu_cores, offer.node_cpu_cores - count * pods.cpu_cores)
        self.memory_bytes = np.append(self.memory_bytes, offer.node_memory_bytes - count * pods.memory_bytes)
        self.pods = np.append(self.pods, PODS_PER_NODE - count)
        self.ready_in_s = np.append(self.ready_in_s, offer.provisioning_s)
        self.special = np.append(self.special, bool(offer.accelerator))
        self.resource = np.append(self.resource, np.array([pods.accelerator_resource], dtype=np.object_))

    def _needs(self, pods: PodSet) -> list[tuple[Floats, float]]:
        free = (self.accelerators, self.cpu_cores, self.memory_bytes)
        return [(column, need) for column, (_, need) in zip(free, _requests(pods), strict=True) if need]


@dataclass(slots=True)
class Pool:
    """The nodes that an offer speaks of.

    Attributes:
        matching: by selector and accelerator type, in any state: what counts against `max_nodes`.
        usable: those of them that are ready, schedulable, and whose taints the offer's pods tolerate.
        resources: the extended resources that the matching nodes have.
        other_types: accelerators of nodes that the selector picks and that are of another type; "" is unknown.
    """

    offer: Offer
    matching: Mask
    usable: Mask
    resources: frozenset[str]
    other_types: tuple[str, ...] = ()

    @property
    def max_nodes(self) -> int | None:
        """The pool's limit; None where it can't grow."""
        return self.offer.max_nodes

    @property
    def provisioning_s(self) -> float:
        """From asking for a node to its being ready."""
        return self.offer.provisioning_s

    def per_new_node(self, pods: PodSet) -> int:
        """Count the pods that fit on a node which the pool adds."""
        most = float(PODS_PER_NODE)
        brings = (float(self.offer.per_node), self.offer.node_cpu_cores, self.offer.node_memory_bytes)
        for has, (_, need) in zip(brings, _requests(pods), strict=True):
            if need:
                most = min(most, has / need + ROUNDING)
        return max(0, int(most))

    def extend(self, *, by: Pool, count: int, resource: str) -> None:
        """Take in nodes that a pool of the same cluster has added, if the offer speaks of them."""
        mine = by.offer.accelerator == self.offer.accelerator and (
            self.offer.node_selector.items() <= by.offer.node_selector.items()
        )
        added = np.full(count, mine)
        self.matching = np.concatenate([self.matching, added])
        self.usable = np.concatenate([self.usable, added])
        if mine and resource:
            self.resources |= {resource}


def pool_of(offer: Offer, *, nodes: NodeColumns) -> Pool:
    """Find the nodes that an offer speaks of."""
    matching = np.array([_matches(offer, node) for node in nodes.real], dtype=np.bool_)
    usable = np.array([_takes_pods(offer, node) for node in nodes.real], dtype=np.bool_)
    resources = frozenset(node.accelerator_resource for node, mine in zip(nodes.real, matching, strict=True) if mine)
    others = {
        node.accelerator
        for node in nodes.real
        if _special(node) and node.accelerator != offer.accelerator and _picks(offer, node)
    }
    return Pool(offer, matching, matching & usable, resources - {""}, tuple(sorted(others)))


def stray_pool(pods: PodSet, *, nodes: NodeColumns) -> Pool:
    """Make a pool for pods whose offer is gone: every node that could take them, and no growth."""
    wanted = [_special(node) == bool(pods.accelerators) for node in nodes.real]
    usable = [node.ready and node.schedulable for node in nodes.real]
    matching = np.array(wanted, dtype=np.bool_)
    return Pool(Offer(name="", market=Market.OWNED), matching, matching & np.array(usable, dtype=np.bool_), frozenset())


def _requests(pods: PodSet) -> tuple[tuple[str, float], ...]:
    return (
        ("accelerators", float(pods.accelerators)),
        ("CPU", pods.cpu_cores),
        ("memory", pods.memory_bytes),
    )


def _special(node: Node) -> bool:
    return bool(node.accelerator or node.accelerator_resource)


def _picks(offer: Offer, node: Node) -> bool:
    return offer.node_selector.items() <= node.labels.items()


def _matches(offer: Offer, node: Node) -> bool:
    if not _picks(offer, node):
        return False
    if offer.accelerator:
        return node.accelerator == offer.accelerator
    # Why not all nodes: pods without accelerators would fill the cores beside dear accelerators, which then can't be
    # sold. An owner who wants that says so by a node selector that picks those nodes.
    return not _special(node) or bool(offer.node_selector)


def _takes_pods(offer: Offer, node: Node) -> bool:
    tolerated = all(
        any(toleration.tolerates(taint) for toleration in offer.tolerations)
        for taint in node.taints
        if taint.effect in _KEEPS_OUT
    )
    return node.ready and node.schedulable and tolerated
