"""What can be seen of the fleet and of a workload's copies, as questions that its lifecycle asks."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from tradewind.decide import checkpoints
from tradewind.model.health import Verdict
from tradewind.model.placement import Copy, CopyState
from tradewind.model.policy import Guarantee

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster
    from tradewind.model.placement import Record
    from tradewind.model.snapshot import Snapshot, View


PRESENT = frozenset({CopyState.DELIVERING, CopyState.PENDING, CopyState.RUNNING})
"""A place in one of these states has its copy, or is about to have it."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen of the fleet now."""

    snapshot: Snapshot
    clusters: dict[str, Cluster]

    def reachable(self, name: str) -> bool:
        """Whether the copies listed there are the truth now."""
        inventory = self.snapshot.inventories.get(name)
        return inventory is not None and inventory.current

    def lost(self, name: str) -> bool:
        """Whether work there can't be counted on; a cluster that nobody declares any more is lost too."""
        cluster = self.clusters.get(name)
        return self.undeclared(name) if cluster is None else cluster.health.lost

    def undeclared(self, name: str) -> bool:
        """Whether there is no FederatedCluster of that name, not even one that can't be understood."""
        return name not in self.clusters and name not in self.snapshot.unreadable

    def left(self, name: str, guarantee: Guarantee) -> bool:
        """Whether work leaves its copy there behind: the cluster is lost, or has been out of reach for long enough.

        On a partitioned cluster work runs. It leaves only if it may run twice, and if the policy sets a time for that.
        """
        return self.lost(name) or self.partitioned_until_s(name, guarantee) <= self.snapshot.now_s

    def partitioned_until_s(self, name: str, guarantee: Guarantee) -> float:
        """Find when work leaves a partitioned cluster; infinite where it does not."""
        cluster, after_s = self.clusters.get(name), self.snapshot.policy.moves.move_partitioned_after_s
        partitioned = cluster is not None and cluster.health.verdict is Verdict.PARTITIONED
        if cluster is None or not partitioned or after_s <= 0 or guarantee is Guarantee.AT_MOST_ONCE:
            return inf
        return cluster.health.since_s + after_s

    def gone(self, view: View, name: str) -> bool:
        """Whether no copy is there, known from a fresh list."""
        return self.reachable(name) and name not in view.copies

    def removable(self, *copies: Copy) -> tuple[Copy, ...]:
        """Those that can be asked to go, and have not been yet."""
        return tuple(c for c in copies if self.reachable(c.cluster) and c.state is not CopyState.RELEASING)


def is_ours(copy: Copy, *, uid: str, record: Record) -> bool:
    """Whether a copy was delivered for the workload with this uid, or for the one whose copy it took over."""
    return bool(copy.workload_uid) and copy.workload_uid in (uid, record.adopted_uid)


def is_another_kind(copy: Copy, view: View) -> bool:
    """Whether a copy is not what this spec makes: it was made for what bore the name before, and is gone from the hub.

    A member that is restored from its backup brings such copies back. To take one over would be to run both kinds.
    """
    return view.workload is not None and (copy.kind == "Deployment") is not checkpoints.serves(view.workload)


def may_be_adopted(copy: Copy, view: View, record: Record) -> bool:
    """Whether a copy is ours; without any record each one that bears the name is, if it is of the same kind."""
    ours = is_ours(copy, uid=view.uid, record=record) or not record.epoch
    return ours and not is_another_kind(copy, view)


def is_promised(copy: Copy, *, uid: str, record: Record) -> bool:
    """Whether a copy is the one that a workload's record promises at its cluster, or the one that has ended."""
    promised = {(place.cluster, place.epoch) for place in record.placements}
    if record.finished is not None:
        promised.add((record.finished.cluster, record.finished.epoch))
    return (copy.cluster, copy.epoch) in promised and is_ours(copy, uid=uid, record=record)


def is_stale(copy: Copy, view: View, record: Record) -> bool:
    """Whether nothing promises it. Without any record it may be all that a lost memory left."""
    if is_promised(copy, uid=view.uid, record=record):
        return False
    return not may_be_adopted(copy, view, record) or bool(record.placements) or copy.epoch < record.epoch


def is_ruled_out(copy: Copy, view: View) -> bool:
    """Whether the record as it was written rules a copy out for ever: it names other places, and epochs only grow."""
    return bool(view.record.placements) and copy.epoch <= view.record.epoch and is_stale(copy, view, view.record)
