"""What the ResourceQuotas of members leave to a namespace, and a working copy that reservations are taken from.

A quota limits a namespace, not a node: pods may fit on the nodes and not into the quota, so both are asked.
"""

from __future__ import annotations

from collections import defaultdict
from math import floor, inf
from typing import TYPE_CHECKING

import numpy as np

from tradewind.placement.nodes import ROUNDING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.fleet import Cluster
    from tradewind.model.workload import PodSet
    from tradewind.placement.table import Floats, Mask, OfferTable

NO_LIMIT = 1 << 31
"""More pods than any workload has."""


def needs(pods: PodSet) -> dict[str, float]:
    """Say what one of the pods takes from a quota, by resource name."""
    wanted = {
        "pods": 1.0,
        "cpu": pods.cpu_cores,
        "memory": pods.memory_bytes,
        pods.accelerator_resource: float(pods.accelerators),
    }
    return {name: amount for name, amount in wanted.items() if name and amount > 0}


def quota_left(cluster: Cluster, namespace: str) -> dict[str, float]:
    """Say what a cluster's quotas leave to a namespace, by the pods' resource names; what is not limited is missing."""
    left: dict[str, float] = {}
    for quota in cluster.quotas:
        if quota.namespace == namespace:
            for name, free in quota.free.items():
                left[name] = min(free, left.get(name, inf))
    return left


def allowed(left: Mapping[str, float], pods: PodSet) -> int:
    """Count the pods that a quota leaves room for."""
    counts = (left[name] / amount for name, amount in needs(pods).items() if name in left)
    return max(0, min((floor(min(count, NO_LIMIT) + ROUNDING) for count in counts), default=NO_LIMIT))


def short_of(left: Mapping[str, float], pods: PodSet, *, count: int) -> list[str]:
    """Put into words what is too little for so many pods."""
    return [
        f"{_amount(name, amount * count)} {name} needed, {_amount(name, max(0.0, left[name]))} left"
        for name, amount in needs(pods).items()
        if name in left and left[name] / amount + ROUNDING < count
    ]


class Quotas:
    """A round's working copy: what is reserved is gone for whoever comes next.

    Attributes:
        namespaces: those that some quota limits somewhere.
    """

    def __init__(self, table: OfferTable) -> None:
        self._cluster_of = table.cluster_of.tolist()
        self._left: dict[tuple[int, str], dict[str, float]] = {}
        self._rows_of: defaultdict[str, list[int]] = defaultdict(list)
        for index, cluster in enumerate(table.clusters):
            for namespace in sorted({quota.namespace for quota in cluster.quotas}):
                self._left[index, namespace] = quota_left(cluster, namespace)
                first = table.first_row[index]
                self._rows_of[namespace] += range(first, first + len(cluster.offers))
        self.namespaces = frozenset(self._rows_of)
        self._size = len(table)
        self._columns: dict[str, dict[str, Floats]] = {}
        self._order: dict[str, dict[int, int]] = {}

    def rows_of(self, namespace: str) -> list[int]:
        """List the rows where some quota limits a namespace: usually none."""
        return self._rows_of.get(namespace, [])

    def fits(self, row: int, namespace: str, pods: PodSet) -> int:
        """Count the pods that the quotas still leave room for."""
        left = self.left(row, namespace)
        return NO_LIMIT if left is None else allowed(left, pods)

    def mask(self, namespace: str, pods: PodSet, *, count: int) -> Mask | None:
        """Say which rows' quotas hold so many of the pods; None where nothing limits the namespace anywhere."""
        rows = self._rows_of.get(namespace)
        if rows is None:
            return None
        columns, order = self._columns_of(namespace)
        holds = np.ones(len(order), dtype=np.bool_)
        for name, amount in needs(pods).items():
            if name in columns:
                holds &= np.floor(columns[name] / amount + ROUNDING) >= count
        mask = np.ones(self._size, dtype=np.bool_)
        mask[rows] = holds[[order[self._cluster_of[row]] for row in rows]]
        return mask

    def _columns_of(self, namespace: str) -> tuple[dict[str, Floats], dict[int, int]]:
        """Return what is left of every resource that quotas of a namespace limit, and the order of the clusters."""
        columns = self._columns.get(namespace)
        if columns is None:
            clusters = [cluster for cluster, limited in self._left if limited == namespace]
            lefts = [self._left[cluster, namespace] for cluster in clusters]
            names = sorted({name for left in lefts for name in left})
            columns = {name: np.array([left.get(name, inf) for left in lefts]) for name in names}
            self._columns[namespace] = columns
            self._order[namespace] = {cluster: index for index, cluster in enumerate(clusters)}
        return columns, self._order[namespace]

    def left(self, row: int, namespace: str) -> Mapping[str, float] | None:
        """Say what is left now; None where nothing limits it."""
        return self._left.get((self._cluster_of[row], namespace))

    def take(self, row: int, namespace: str, pods: PodSet, *, count: int) -> None:
        """Take so many of the pods off what is left; a negative count gives them back."""
        left = self._left.get((self._cluster_of[row], namespace))
        if left is not None:
            columns, order = self._columns_of(namespace)
            for name, amount in needs(pods).items():
                if name in left:
                    left[name] -= amount * count
                    columns[name][order[self._cluster_of[row]]] = left[name]


def _amount(name: str, amount: float) -> str:
    return f"{amount / 2**30:.3g}Gi" if name == "memory" else f"{amount:g}"
