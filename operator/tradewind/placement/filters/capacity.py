"""All pods of the work fit, on nodes that exist or that the pool may add."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Refusal, Wake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.model.workload import PodSet
    from tradewind.placement.capacity import Shortage
    from tradewind.placement.framework import FilterContext

INSUFFICIENT_CAPACITY = "InsufficientCapacity"
NO_CAPACITY = "NoCapacity"
NODES_NOT_READ = "NodesNotRead"


class EnoughCapacity:
    """The pods fit together in this one offer, beside everything that is promised already.

    Evaluated last and apart from the others: its answer changes with every reservation, and its figures mean something
    only where the accelerator is right and the cluster can be seen.
    """

    NAME: ClassVar[str] = "capacity"
    REASONS: ClassVar[tuple[str, ...]] = (INSUFFICIENT_CAPACITY, NO_CAPACITY, NODES_NOT_READ)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CAPACITY

    def reads(self, ask: Ask, /) -> Hashable:
        """The pods."""
        return ask.workload.pods

    def sees(self, cluster: Cluster, offer: Offer, /) -> Hashable:
        """The offer itself: no two have the same room."""
        return cluster.name, offer.name

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Put a shortage into words."""
        shortage = context.shortage
        if shortage is None:
            return None
        if not shortage.known:
            return Refusal(NODES_NOT_READ, "the cluster's nodes have not been read yet", self.WAKES_ON)
        if not shortage.nodes and not shortage.max_nodes:
            message = f"the offer has no capacity: no nodes and no maxNodes{_others(shortage, context.offer)}"
            return Refusal(NO_CAPACITY, message, self.WAKES_ON)
        pods, accelerator = context.workload.pods, context.offer.accelerator
        return Refusal(
            INSUFFICIENT_CAPACITY,
            f"needs {_needs(pods, accelerator)}; fits {shortage.fits} ({'; '.join(_details(shortage, pods))})",
            self.WAKES_ON,
        )


def _others(shortage: Shortage, offer: Offer) -> str:
    """Say what the nodes have instead: a type that no row of the table knows is the likeliest mistake."""
    if not offer.accelerator or not shortage.other_types:
        return ""
    types = " and ".join(name or "accelerators of unknown type" for name in shortage.other_types)
    hint = "; name their labels in the ClusterPlacementPolicy's accelerators" if "" in shortage.other_types else ""
    return f"; the nodes that its selector picks have {types}{hint}"


def _needs(pods: PodSet, accelerator: str) -> str:
    plural = "pod" if pods.count == 1 else "pods"
    if pods.accelerators:
        return f"{pods.count} {plural} x {pods.accelerators} {accelerator}"
    return f"{pods.count} {plural} x {pods.cpu_cores:g} CPU, {pods.memory_bytes / 2**30:.3g}Gi"


def _details(shortage: Shortage, pods: PodSet) -> list[str]:
    plural = "node" if shortage.free_nodes == 1 else "nodes"
    details = [f"{shortage.free_nodes} free {plural} of {shortage.nodes}"]
    if shortage.wrong_resource:
        details.append(f"the pods ask for {pods.accelerator_resource}, the nodes have {shortage.wrong_resource}")
    elif shortage.short_of:
        details.append(f"short of {' and '.join(shortage.short_of)}")
    if shortage.usable < shortage.nodes:
        details.append(f"{shortage.nodes - shortage.usable} not ready, cordoned or tainted")
    if shortage.max_nodes is None:
        details.append("no maxNodes: the pool does not grow")
    elif shortage.growth and not shortage.per_new_node:
        details.append("one pod is larger than a node of the pool")
    elif shortage.growth:
        details.append(f"pool may grow by {shortage.growth} to {shortage.max_nodes}")
    elif not shortage.wrong_resource:
        plural = "node" if shortage.max_nodes == 1 else "nodes"
        details.append(f"pool at its limit of {shortage.max_nodes} {plural}")
    return details
