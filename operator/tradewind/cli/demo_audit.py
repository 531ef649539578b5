"""The demo's own count of what runs where: read from the members with kubectl, not through Tradewind's code."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.cli.demo_picture import work_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.cli.demo_watch import Event, Kubectl

Manifest = dict[str, Any]

WORKLOAD_LABEL = "tradewind.dev/workload"
EPOCH_LABEL = "tradewind.dev/epoch"
PODS = "pods "
"""What the sources of watches on members' pods begin with; the cluster's name follows."""

Copy = tuple[str, str]
"""Cluster and epoch of a copy."""


class Ledger:
    """Every running pod of every member at every moment, and from it how many copies ran at the same time.

    A member that can't be seen keeps its pods in the ledger: they may well run on, as they would under real kubelets.

    Attributes:
        most: per workload, the most copies that ran at the same time.
    """

    def __init__(self) -> None:
        self.most: dict[str, int] = {}
        self._owners: dict[str, dict[str, str]] = defaultdict(dict)
        self._running: dict[str, dict[tuple[str, str], Copy]] = defaultdict(dict)
        self._since_s: dict[str, float] = {}
        self._double_s: dict[str, float] = defaultdict(float)

    def take(self, event: Event) -> None:
        """Take one event of a watch on a member's pods."""
        if not event.source.startswith(PODS):
            return
        cluster = event.source.removeprefix(PODS)
        owners = self._owners[cluster]
        if event.obj is None:
            for uid, owner in owners.items():
                del self._running[owner][cluster, uid]
            for owner in set(owners.values()):
                self._count(owner, event.at_s)
            owners.clear()
            return
        key, uid = owner_of(event.obj), event.obj["metadata"]["uid"]
        if not event.deleted and event.obj["status"].get("phase") == "Running":
            owners[uid] = key
            self._running[key][cluster, uid] = (cluster, epoch_of(event.obj))
        elif owners.pop(uid, None):
            del self._running[key][cluster, uid]
        self._count(key, event.at_s)

    def copies(self, key: str) -> set[Copy]:
        """List the copies of a workload that have a running pod."""
        return set(self._running[key].values())

    def double_s(self, key: str) -> float:
        """Say for how long two copies of a workload ran."""
        return self._double_s[key]

    def _count(self, key: str, at_s: float) -> None:
        copies = len(self.copies(key))
        self.most[key] = max(self.most.get(key, 0), copies)
        if copies > 1:
            self._since_s.setdefault(key, at_s)
        elif key in self._since_s:
            self._double_s[key] += at_s - self._since_s.pop(key)


@dataclass(frozen=True, slots=True)
class MemberCount:
    """What kubectl finds on one member. `stale`: copies that the hub's status does not promise there."""

    cluster: str
    copies: tuple[str, ...]
    pods_running: int
    stale: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """One count of everything. `double`: workloads with copies on more than one member."""

    members: tuple[MemberCount, ...]
    placed: int
    workloads: int
    double: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def stale(self) -> tuple[str, ...]:
        """All stale copies."""
        return tuple(name for member in self.members for name in member.stale)


def count(hub: Kubectl, members: Mapping[str, Kubectl]) -> Count:
    """Count now, with one `kubectl get` per API server.

    Raises:
        subprocess.SubprocessError: one of them does not answer.
    """
    works = [work_of(obj) for obj in hub.list_all("aiworkloads.tradewind.dev")]
    promised = {(work.cluster, work.key, str(work.epoch)) for work in works if work.cluster}
    found: dict[str, set[str]] = defaultdict(set)
    counts = []
    for cluster, kubectl in sorted(members.items()):
        objects = kubectl.list_all("jobs.batch,deployments.apps,pods", selector=WORKLOAD_LABEL)
        copies = [obj for obj in objects if obj["kind"] != "Pod"]
        pods = [obj for obj in objects if obj["kind"] == "Pod" and obj["status"].get("phase") == "Running"]
        for copy in copies:
            found[owner_of(copy)].add(cluster)
        stale = [owner_of(obj) for obj in copies if (cluster, owner_of(obj), epoch_of(obj)) not in promised]
        counts.append(MemberCount(cluster, tuple(sorted(map(owner_of, copies))), len(pods), tuple(sorted(stale))))
    return Count(
        members=tuple(counts),
        placed=len(promised),
        workloads=len(works),
        double=tuple(sorted(key for key, clusters in found.items() if len(clusters) > 1)),
        missing=tuple(sorted(key for cluster, key, _ in promised if cluster not in found[key])),
    )


def owner_of(obj: Manifest) -> str:
    """Name the workload that a labelled object belongs to."""
    return f"{obj['metadata']['namespace']}/{obj['metadata']['labels'][WORKLOAD_LABEL]}"


def epoch_of(obj: Manifest) -> str:
    """Read the epoch of a labelled object; "" where it has none."""
    return str(obj["metadata"]["labels"].get(EPOCH_LABEL, ""))
