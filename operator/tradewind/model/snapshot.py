"""One consistent picture for one round of decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.model.plan import Conditions
from tradewind.model.policy import ClusterPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.fleet import Cluster
    from tradewind.model.placement import Copy, Inventory, Record
    from tradewind.model.plan import Refusal
    from tradewind.model.policy import EffectivePolicy
    from tradewind.model.workload import Key, Workload


@dataclass(frozen=True, slots=True)
class View:
    """One workload, with all that is known about it.

    Attributes:
        workload: None where its spec can't be understood; then `problem` says why.
        deleting: the user has asked for it to go.
        copies: what the members show under its name, by cluster; foreign objects are not among them.
        vetoes: clusters that refused it at delivery, by name.
        delivered_s: when its newest copy was accepted, in seconds since the Unix epoch; 0 where that is not known.
        changed_s: when a copy of it was last seen to change; 0 where that was not seen.
        forgotten: it was placed before, and nothing says where: the hub was restored without this status.
    """

    key: Key
    uid: str
    generation: int
    workload: Workload | None
    policy: EffectivePolicy | None
    record: Record
    problem: Refusal | None = None
    deleting: bool = False
    copies: Mapping[str, Copy] = field(default_factory=dict)
    vetoes: Mapping[str, Refusal] = field(default_factory=dict)
    delivered_s: float = 0.0
    changed_s: float = 0.0
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole picture.

    Attributes:
        views: the workloads to be decided on now, not all.
        inventories: by cluster name; a cluster that is missing here is not known at all.
        unreadable: declared clusters whose spec can't be understood: they are not in the fleet, and they are not lost.
        unlisted: clusters that have never been listed by any operator of this hub: they may hold copies.
        settling: clusters that were declared a moment ago and have not been looked at yet.
        rebuilt: copies were found that no status records: this hub has lost its memory.
        conditions: what holds for all decisions of the round.
    """

    views: tuple[View, ...]
    fleet: tuple[Cluster, ...]
    inventories: Mapping[str, Inventory]
    policy: ClusterPolicy = field(default_factory=ClusterPolicy)
    conditions: Conditions = field(default_factory=Conditions)
    unreadable: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    settling: frozenset[str] = frozenset()
    rebuilt: bool = False

    @property
    def now_s(self) -> float:
        """The time of the picture, in seconds since the Unix epoch."""
        return self.conditions.now_s
