"""What a member has accepted and nobody there has looked at: with dead controllers it takes work all the same.

Waiting for room is no sign of that: a scheduler that finds none says so on the pod, and a Job whose pods are refused
has been looked at too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.state.copies import WORKLOAD_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

Manifest = dict[str, Any]
POD = "Pod"
OUR_SCHEDULERS = ("", "default-scheduler")
"""Pods that name another scheduler may name one that is not there, which says nothing about the cluster."""


class Launching:
    """Counts, by kind, the copies and their pods that no controller and no scheduler has looked at yet.

    Attributes:
        launched: how many have been looked at while somebody watched.
    """

    def __init__(self) -> None:
        self.launched = 0
        self._waiting: dict[str, set[str]] = {}

    @property
    def waiting(self) -> int:
        """How many nobody has looked at."""
        return sum(map(len, self._waiting.values()))

    def replace(self, kind: str, items: Iterable[Manifest]) -> None:
        """Take the full list of a kind."""
        before = self._waiting.get(kind, set())
        found = {item["metadata"]["uid"]: _waits(kind, item) for item in items}
        self.launched += sum(found.get(uid) is False for uid in before)
        self._waiting[kind] = {uid for uid, waits in found.items() if waits}

    def change(self, kind: str, item: Manifest, *, deleted: bool) -> None:
        """Take one change; an object that is deleted was not launched by that."""
        waiting, uid = self._waiting.setdefault(kind, set()), item["metadata"]["uid"]
        if not deleted and _waits(kind, item):
            waiting.add(uid)
        elif uid in waiting:
            waiting.discard(uid)
            self.launched += not deleted


def _waits(kind: str, item: Manifest) -> bool:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    if WORKLOAD_LABEL not in (metadata.get("labels") or {}) or metadata.get("deletionTimestamp"):
        return False
    if kind == POD:
        told = any(each.get("type") == "PodScheduled" for each in status.get("conditions") or ())
        return not spec.get("nodeName") and not told and spec.get("schedulerName", "") in OUR_SCHEDULERS
    if kind == "Job":
        # Its controller writes the start before it makes the first pod. One that is managed elsewhere is not its work.
        ours = spec.get("managedBy", "kubernetes.io/job-controller") == "kubernetes.io/job-controller"
        return ours and not spec.get("suspend") and not status.get("startTime") and not status.get("conditions")
    return not status.get("observedGeneration")
