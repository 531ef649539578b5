"""Where work is: what status records, what the members show, and what has moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.model.workload import Key, Market


class CopyState(StrEnum):
    """How far a copy has come."""

    DELIVERING = "Delivering"  # decided and recorded; its member may or may not have it yet
    PENDING = "Pending"  # the member has it, and not all of its pods run
    RUNNING = "Running"
    RELEASING = "Releasing"  # asked to go, not known to be gone
    RESERVED = "Reserved"  # its room is kept; it is made once the copy that it replaces is known to be gone
    LEAVING = "Leaving"  # it runs until the copy that replaces it does, and is released then
    FINISHED = "Finished"


@dataclass(frozen=True, slots=True)
class Placement:
    """One entry of status.placements: a promise that one copy, of this epoch, is to run there.

    Attributes:
        generation: of the AIWorkload, as last delivered.
        since_s: when it was decided, in seconds since the Unix epoch.
        usd_total: the total cost that it was chosen for.
        usd_per_hour: what its pods cost for an hour, at the offer's newest price.
        running_since_s: when its copy was first seen to run, in seconds since the Unix epoch; 0 before.
        sources: where its pods read each input, as (name of the input, location).
    """

    cluster: str
    offer: str
    market: Market
    replicas: int
    epoch: int
    generation: int
    state: CopyState = CopyState.DELIVERING
    since_s: float = 0.0
    usd_total: float = 0.0
    usd_per_hour: float = 0.0
    running_since_s: float = 0.0
    sources: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """A delivered Job or Deployment as its member shows it.

    Attributes:
        object_uid: of the object on the member.
        workload_uid: of the AIWorkload that it was delivered for.
        state: Pending, Running, Releasing (being deleted) or Finished.
        succeeded: for a finished copy, how it ended; None before.
        pods_wanted: pods that should exist now.
        companions: what came with it, as `apiVersion/Kind/name`.
        sources: as in `Placement`.
    """

    cluster: str
    kind: str
    key: Key
    object_uid: str
    workload_uid: str
    epoch: int
    offer: str
    market: str
    generation: int
    state: CopyState
    succeeded: bool | None = None
    message: str = ""
    pods_wanted: int = 0
    companions: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A move from a cluster to another; times in seconds since the Unix epoch, 0 while not reached.

    Attributes:
        to_cluster: "" while a place is still looked for, which is only so where the work had to leave without one.
        epoch: of the new copy; 0 while there is none.
        saving_usd: what it saves of what staying would still have cost; 0 for a move that is not made for money.
        lost_s, lost_usd: what the copy had done since its last checkpoint, which has to be done again.
    """

    from_cluster: str
    to_cluster: str
    reason: str
    epoch: int
    detected_s: float
    decided_s: float
    delivered_s: float = 0.0
    running_s: float = 0.0
    saving_usd: float = 0.0
    lost_s: float = 0.0
    lost_usd: float = 0.0

    def phases_s(self) -> dict[str, float]:
        """Say how long each phase took that it has come through, from the end of the one before."""
        times = {"decided": self.decided_s, "delivered": self.delivered_s, "running": self.running_s}
        reached, last_s = {}, self.detected_s
        for name, at_s in times.items():
            if not at_s:
                break
            reached[name] = max(0.0, at_s - last_s)
            last_s = at_s
        return reached


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a job, seen once and kept: a success is never run again."""

    cluster: str
    epoch: int
    succeeded: bool
    at_s: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What status holds of a workload: the operator's only memory.

    Attributes:
        epoch: the highest epoch ever used.
        adopted_uid: the uid of the AIWorkload whose copy was taken over, "" for none.
        spent_usd: what its copies had cost by `settled_s`; what those that still run have cost since comes on top.
        settled_s: in seconds since the Unix epoch; 0 while nothing has been settled.
        done: the share of its run that the last checkpoint of copies that have left holds, from 0 to less than 1.
    """

    epoch: int = 0
    placements: tuple[Placement, ...] = ()
    moves: tuple[Move, ...] = ()
    finished: Finished | None = None
    adopted_uid: str = ""
    spent_usd: float = 0.0
    settled_s: float = 0.0
    done: float = 0.0

    @property
    def clusters(self) -> set[str]:
        """Where it is and where it has been, as far as is remembered: the clusters that may hold a copy."""
        been = {name for move in self.moves for name in (move.from_cluster, move.to_cluster) if name}
        # Of an end that was adopted there is no placement.
        ended = {self.finished.cluster} if self.finished is not None else set()
        return been | ended | {place.cluster for place in self.placements}


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a workload stands, in words for its conditions.

    Attributes:
        phase: for display.
        reason: a stable CamelCase word.
        placed, ready, reconciling, stalled: the conditions.
    """

    phase: str
    reason: str
    message: str
    placed: bool = False
    ready: bool = False
    reconciling: bool = False
    stalled: bool = False


@dataclass(frozen=True, slots=True)
class Orphan:
    """A copy whose AIWorkload was deleted while its cluster was away: removed when the cluster returns."""

    key: Key
    workload_uid: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """Which copies a cluster holds, and whether that is known.

    Attributes:
        current: the list is complete and fresh: absence means gone.
        bound: how many pods of a copy have a node, by workload uid and epoch.
    """

    current: bool
    copies: Mapping[Key, Copy] = field(default_factory=dict)
    bound: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def bound_of(self, copy: Copy) -> int:
        """How many pods of a copy have a node."""
        return self.bound.get((copy.workload_uid, copy.epoch), 0)
