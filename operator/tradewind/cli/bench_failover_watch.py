"""What the members show of one run, seen past every cut of the network: when each job's copies came, ran and went.

Nothing here asks the operator: Jobs and pods are watched on their API servers.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tradewind.cli.demo_audit import PODS as PODS_OF
from tradewind.cli.demo_audit import WORKLOAD_LABEL, Ledger, epoch_of
from tradewind.cli.demo_watch import Event
from tradewind.kube.resources import FEDERATED_CLUSTERS, JOBS, PODS
from tradewind.kube.waiting import set_within
from tradewind.lab.state import HUB
from tradewind.observe.informer import Informer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from tradewind.kube.client import ApiServer

Manifest = dict[str, Any]
LOOK_S = 5.0
"""A condition is looked at this often where nothing happens."""


class Seen:
    """Everything that was seen in one run; times are of the monotonic clock.

    Attributes:
        first_s: when a job's first copy ran, on the cluster that is to fail.
        delivered_s: when the Job of a later copy was seen. running_s: when a pod of it ran.
        asked_s: when the first copy was seen to be going, or was gone.
        verdicts: every change of a cluster's verdict, with its time.
        ledger: how many copies ran at the same time.
    """

    def __init__(self, *, lost: str, prefix: str) -> None:
        self.first_s: dict[str, float] = {}
        self.delivered_s: dict[str, float] = {}
        self.running_s: dict[str, float] = {}
        self.asked_s: dict[str, float] = {}
        self.verdicts: list[tuple[float, str, str]] = []
        self.ledger = Ledger()
        self.lost = lost
        self._prefix = prefix
        self._changed = asyncio.Event()

    async def until(self, holds: Callable[[], bool], *, within_s: float) -> bool:
        """Wait until something holds; says whether it came to hold in time."""
        deadline_s = time.monotonic() + within_s
        while not holds():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            self._changed.clear()
            await set_within(self._changed, min(left_s, LOOK_S))
        return True

    def verdict_s(self, cluster: str, verdict: str, *, since_s: float) -> float | None:
        """Find when a cluster first had a verdict."""
        return next((at_s for at_s, *what in self.verdicts if at_s >= since_s and what == [cluster, verdict]), None)

    def see_job(self, cluster: str, job: Manifest, *, deleted: bool, at_s: float) -> None:
        """Take one event of a member's Jobs."""
        name = self._name(job)
        if not name:
            return
        if cluster != self.lost:
            self.delivered_s.setdefault(name, at_s)
        elif deleted or "deletionTimestamp" in job["metadata"]:
            self.asked_s.setdefault(name, at_s)
        self._changed.set()

    def see_pod(self, cluster: str, pod: Manifest, *, deleted: bool, at_s: float) -> None:
        """Take one event of a member's pods."""
        name = self._name(pod)
        if not name:
            return
        self.ledger.take(Event(PODS_OF + cluster, pod, deleted, at_s))
        if not deleted and pod["status"].get("phase") == "Running":
            times = self.first_s if cluster == self.lost and epoch_of(pod) == "1" else self.running_s
            times.setdefault(name, at_s)
        self._changed.set()

    def see_verdict(self, cluster: str, verdict: str, at_s: float) -> None:
        """Take one event of the hub's FederatedClusters."""
        if verdict != next((known for _, name, known in reversed(self.verdicts) if name == cluster), ""):
            self.verdicts.append((at_s, cluster, verdict))
            self._changed.set()

    def _name(self, obj: Manifest) -> str:
        name = str((obj["metadata"].get("labels") or {}).get(WORKLOAD_LABEL, ""))
        return name if name.startswith(self._prefix) else ""


class _Sink:
    """Hands on what an informer sees; what is missing from a new list has been deleted."""

    def __init__(self, see: Callable[[Manifest, bool], None]) -> None:
        self._see = see
        self._known: dict[str, Manifest] = {}

    def replace(self, items: list[Manifest]) -> None:
        """Take a full list."""
        now = {item["metadata"]["uid"]: item for item in items}
        for uid in self._known.keys() - now.keys():
            self._see(self._known[uid], True)  # noqa: FBT003 - as the callback has it
        for item in items:
            self._see(item, False)  # noqa: FBT003 - likewise
        self._known = now

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change."""
        uid = item["metadata"]["uid"]
        if kind == "DELETED":
            self._known.pop(uid, None)
        else:
            self._known[uid] = item
        self._see(item, kind == "DELETED")

    def stale(self) -> None:
        """Keep what was seen."""


@asynccontextmanager
async def watching(
    servers: Mapping[str, ApiServer], seen: Seen, *, namespace: str
) -> AsyncIterator[Callable[[], None]]:
    """Watch the hub's clusters and the members' Jobs and pods; yields what has the failed member listed again."""
    informers = dict(_informers(servers, seen, namespace))
    tasks = [asyncio.create_task(informer.run()) for informer in informers]

    def again() -> None:
        for informer, cluster in informers.items():
            if cluster == seen.lost:
                informer.list_again()

    try:
        yield again
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _informers(servers: Mapping[str, ApiServer], seen: Seen, namespace: str) -> Iterator[tuple[Informer, str]]:
    def verdict(obj: Manifest, deleted: bool) -> None:  # noqa: FBT001 - of _Sink
        status = obj.get("status") or {}
        seen.see_verdict(obj["metadata"]["name"], "" if deleted else status.get("verdict", ""), time.monotonic())

    yield Informer(servers[HUB], FEDERATED_CLUSTERS, _Sink(verdict)), HUB
    for cluster in servers.keys() - {HUB}:

        def job(obj: Manifest, deleted: bool, cluster: str = cluster) -> None:  # noqa: FBT001 - of _Sink
            seen.see_job(cluster, obj, deleted=deleted, at_s=time.monotonic())

        def pod(obj: Manifest, deleted: bool, cluster: str = cluster) -> None:  # noqa: FBT001 - of _Sink
            seen.see_pod(cluster, obj, deleted=deleted, at_s=time.monotonic())

        yield Informer(servers[cluster], JOBS, _Sink(job), namespace=namespace), cluster
        yield Informer(servers[cluster], PODS, _Sink(pod), namespace=namespace), cluster
