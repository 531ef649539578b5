"""Which nodes waiting pods call for: the decisions of the lab's cluster autoscaler, without any I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.lab.nodes import Pool

_SETTLE_S = 5.0
"""For so long after a node was made, the pods that it is for may still be pending."""
_QUANTITY = re.compile(r"([0-9.]+(?:[eE][0-9]+)?)([num]|[kMGTPE]|[KMGTPE]i)?")
_SUFFIXES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_SUFFIXES |= {f"{prefix}i": 1024.0**power for power, prefix in enumerate("KMGTPE", start=1)}


def is_waiting(pod: dict[str, Any]) -> bool:
    """Whether the scheduler found no node for this pod."""
    if pod["metadata"].get("deletionTimestamp") or pod["spec"].get("nodeName"):
        return False
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "PodScheduled" and each.get("reason") == "Unschedulable" for each in conditions)


def selects(pod: dict[str, Any], pool: Pool) -> bool:
    """Whether the pod asks for this pool, and would run on one of its nodes.

    It asks by the pool's selector; where the pool has none, by its accelerators.
    """
    wanted = pod["spec"].get("nodeSelector") or {}
    requests = _requests(pod, pool)
    asks = pool.selector.items() <= wanted.items() if pool.selector else requests.get(pool.resource, 0.0) > 0
    fits = wanted.items() <= pool.labels.items() and _fits(requests, _capacity(pool))
    return asks and fits and all(_tolerates(pod, taint) for taint in pool.taints)


def _tolerates(pod: dict[str, Any], taint: dict[str, str]) -> bool:
    for each in pod["spec"].get("tolerations") or []:
        key_fits = each.get("key") in {None, "", taint["key"]}
        value_fits = each.get("operator") == "Exists" or each.get("value", "") == taint["value"]
        if key_fits and value_fits and each.get("effect") in {None, "", taint["effect"]}:
            return True
    return False


def _capacity(pool: Pool) -> dict[str, float]:
    amounts = {"cpu": quantity(pool.cpu), "memory": quantity(pool.memory)}
    return amounts | ({pool.resource: float(pool.per_node)} if pool.resource else {})


def _requests(pod: dict[str, Any], pool: Pool) -> dict[str, float]:
    """What the pod asks for of what the pool's nodes have."""
    totals = dict.fromkeys(_capacity(pool), 0.0)
    for container in pod["spec"]["containers"]:
        resources = container.get("resources") or {}
        amounts = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
        for key in totals:
            totals[key] += quantity(str(amounts.get(key, "0")))
    return totals


def _fits(requests: dict[str, float], room: dict[str, float]) -> bool:
    return all(amount <= room[key] for key, amount in requests.items())


def quantity(text: str) -> float:
    """A Kubernetes quantity (``8``, ``500m``, ``64Gi``) as a number."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no quantity")
    return float(match[1]) * _SUFFIXES[match[2] or ""]


def nodes_for(pool: Pool, pods: Iterable[dict[str, Any]]) -> int:
    """How many empty nodes of the pool these pods fill, largest first."""
    rooms: list[dict[str, float]] = []
    key = pool.resource or "cpu"
    for requests in sorted((_requests(pod, pool) for pod in pods), key=lambda each: each[key], reverse=True):
        room = next((room for room in rooms if _fits(requests, room)), None)
        if room is None:
            room = _capacity(pool)
            rooms.append(room)
        for name, amount in requests.items():
            room[name] -= amount
    return len(rooms)


@dataclass(slots=True)
class PoolState:
    """A pool with the times at which its ordered nodes appear, and those at which its fresh ones have settled."""

    pool: Pool
    due: list[float] = field(default_factory=list)
    settling: list[float] = field(default_factory=list)

    def order(self, *, needed: int, existing: int, now: float, delay_s: float) -> int:
        """Order what is needed beyond what is on its way, within the pool's limit; returns how many."""
        self.settling = [until for until in self.settling if until > now]
        lacking = needed - len(self.due) - len(self.settling)
        count = max(0, min(lacking, self.pool.max_nodes - existing - len(self.due)))
        self.due += [now + delay_s] * count
        return count

    def arriving(self, now: float) -> int:
        """How many ordered nodes are due."""
        return sum(when <= now for when in self.due)

    def arrived(self, now: float) -> None:
        """One due node was made."""
        self.due.remove(min(self.due))
        self.settling.append(now + _SETTLE_S)
