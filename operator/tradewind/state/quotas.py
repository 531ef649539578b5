"""What ResourceQuotas leave to the namespaces of a member."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from tradewind.model.fleet import Quota
from tradewind.model.placement import CopyState
from tradewind.model.units import parse_quantity
from tradewind.placement.quotas import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradewind.model.workload import Key
    from tradewind.state.hub import WorkloadEntry
    from tradewind.state.member import Member

Manifest = dict[str, Any]
Amounts = dict[str, float]

GONE_STATES = (CopyState.RELEASING, CopyState.FINISHED)
REQUESTS = "requests."
PODS = ("pods", "count/pods")
BINDS_ALL = {"NotBestEffort"}
"""The scope of all pods with requests; which pods a quota of any other scope binds can't be told here."""


class Quotas:
    """The ResourceQuotas of one member, by what their namespaces have left.

    Args:
        grown: called when a namespace has more left than before.
    """

    def __init__(self, grown: Callable[[], None]) -> None:
        self._grown = grown
        self._free: dict[str, dict[str, Amounts]] = {}
        self._quotas: dict[str, Quota] = {}
        self._all: tuple[Quota, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._all)

    def __contains__(self, namespace: object) -> bool:
        """Whether one binds this namespace."""
        return namespace in self._quotas

    def replace(self, items: list[Manifest]) -> None:
        """Take the full list."""
        before = self._quotas
        self._free, self._quotas = {}, {}
        for item in items:
            self._put(item, free_of(item))
        for namespace in self._free:
            self._sum(namespace)
        self._all = tuple(self._quotas.values())
        if any(_grew(quota, self._quotas.get(namespace)) for namespace, quota in before.items()):
            self._grown()

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change."""
        metadata = item["metadata"]
        namespace = metadata["namespace"]
        free = {} if kind == "DELETED" else free_of(item)
        if free == self._free.get(namespace, {}).get(metadata["name"], {}):
            return
        before = self._quotas.get(namespace)
        self._put(item, free)
        self._sum(namespace)
        self._all = tuple(self._quotas.values())
        if before is not None and _grew(before, self._quotas.get(namespace)):
            self._grown()

    def stale(self) -> None:
        """Keep what is known: a member admits pods by its own count anyway."""

    def left(self, owed: Mapping[str, Amounts]) -> tuple[Quota, ...]:
        """Say what is left to each namespace, once it has given what it owes to pods that are about to come."""
        if not owed:
            return self._all
        return tuple(_less(quota, owed.get(quota.namespace)) for quota in self._all)

    def _put(self, item: Manifest, free: Amounts) -> None:
        metadata = item["metadata"]
        if free:
            self._free.setdefault(metadata["namespace"], {})[metadata["name"]] = free
        else:
            self._free.get(metadata["namespace"], {}).pop(metadata["name"], None)

    def _sum(self, namespace: str) -> None:
        """Keep the least that any quota of a namespace leaves."""
        least: Amounts = {}
        for free in self._free[namespace].values():
            for resource, amount in free.items():
                least[resource] = min(amount, least.get(resource, amount))
        if least:
            self._quotas[namespace] = Quota(namespace, least)
        else:
            self._free.pop(namespace)
            self._quotas.pop(namespace, None)


def free_of(item: Mapping[str, Any]) -> Amounts:
    """Read what a ResourceQuota leaves, by the names that pods request by; empty where it binds no pods of ours.

    Limits are not read: pods with requests alone have none, and accelerators are limited by what they request.
    Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
    """
    spec, status = item.get("spec") or {}, item.get("status") or {}
    selected = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    scopes = {*(spec.get("scopes") or ()), *(each.get("scopeName") for each in selected)}
    if not scopes <= BINDS_ALL:
        return {}
    used = status.get("used") or {}
    free: Amounts = {}
    for name, hard in (status.get("hard") or {}).items():
        resource = _requested(name)
        if resource:
            left = _amount(hard) - _amount(used.get(name, 0))
            free[resource] = min(left, free.get(resource, left))
    return free


def owed(workloads: Mapping[Key, WorkloadEntry], members: Mapping[str, Member]) -> dict[str, dict[str, Amounts]]:
    """Sum up, by cluster and namespace, what the pods of placed work will take from quotas and have not taken yet.

    A quota counts a pod from its creation, whether it has a node or not.
    """
    bound = {name: member for name, member in members.items() if member.quotas}
    found: dict[str, dict[str, Amounts]] = {}
    if not bound:
        return found
    for key, entry in workloads.items():
        for place in entry.expected.placements:
            member = bound.get(place.cluster)
            if member is None or entry.workload is None or key.namespace not in member.quotas:
                continue
            copy = member.inventory().copies.get(key)
            if place.state in GONE_STATES or (copy is not None and copy.state in GONE_STATES):
                continue
            here = copy is not None and copy.epoch == place.epoch
            count = copy.pods_wanted - member.pods_made(copy) if here and copy is not None else place.replicas
            sums = found.setdefault(place.cluster, {}).setdefault(key.namespace, {})
            for resource, amount in needs(entry.workload.pods).items():
                sums[resource] = sums.get(resource, 0.0) + amount * max(0, count)
    return found


def _requested(name: str) -> str:
    """Name the resource by which pods take from an entry of a quota; "" where they don't."""
    if name in PODS:
        return "pods"
    if name in {"cpu", "memory"}:
        return name
    return name.removeprefix(REQUESTS) if name.startswith(REQUESTS) and name != "requests.storage" else ""


def _amount(text: Any) -> float:
    try:
        return parse_quantity(text)
    except ValueError:
        return 0.0


def _less(quota: Quota, owed: Amounts | None) -> Quota:
    if not owed:
        return quota
    return Quota(quota.namespace, {name: amount - owed.get(name, 0.0) for name, amount in quota.free.items()})


def _grew(before: Quota, after: Quota | None) -> bool:
    """Whether anything that was bound is bound less."""
    return after is None or any(after.free.get(name, inf) > amount for name, amount in before.free.items())
