"""Which nodes each offer of a cluster speaks of, which of them take its pods, and which offers share nodes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.model.fleet import Offer
from tradewind.model.workload import Market
from tradewind.placement.nodes import PODS_PER_NODE, ROUNDING, is_special, requests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.model.fleet import Cluster, Node
    from tradewind.model.workload import PodSet

_KEEPS_OUT = ("NoSchedule", "NoExecute")


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


def pools_of(cluster: Cluster, *, first: int) -> tuple[list[Pool], list[list[int]]]:
    """Find the nodes that each offer speaks of; their numbers are counted from `first`.

    Returns:
        A pool for each offer; and the indexes of the offers, in groups that share nodes.
    """
    by_type: defaultdict[str, list[tuple[int, Node]]] = defaultdict(list)
    for number, node in enumerate(cluster.nodes, first):
        by_type[node.accelerator].append((number, node))
    found = [_pool_of(offer, cluster, by_type) for offer in cluster.offers]
    for pool, _ in found:
        pool.sharing = [other for other, _ in found if other.shares_new_nodes_of(pool)]
    groups: list[list[int]] = []
    for index in range(len(found)):
        mine = [group for group in groups if any(_overlap(found[index], found[other]) for other in group)]
        groups = [group for group in groups if group not in mine] + [[*(one for g in mine for one in g), index]]
    return [pool for pool, _ in found], [sorted(group) for group in groups]


def stray_pool(cluster: Cluster, pods: PodSet, *, first: int) -> Pool:
    """Make a pool for pods whose offer is gone: every node that could take them, and no growth."""
    usable = {
        number
        for number, node in enumerate(cluster.nodes, first)
        if cluster.known and node.ready and node.schedulable and is_special(node) == bool(pods.accelerators)
    }
    return Pool(Offer(name="", market=Market.OWNED), cluster.known, len(usable), usable, frozenset())


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


def _overlap(one: tuple[Pool, frozenset[int]], other: tuple[Pool, frozenset[int]]) -> bool:
    """Whether two offers of a cluster speak of the same nodes, now or when one of them adds some."""
    if not one[1].isdisjoint(other[1]):
        return True
    return one[0].shares_new_nodes_of(other[0]) or other[0].shares_new_nodes_of(one[0])


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
