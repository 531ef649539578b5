"""What the operator writes into AIWorkloads: its finalizer, the record of a decision, and that nothing is left."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tradewind.apply.cluster_status import orphan_fields, write_cluster
from tradewind.apply.status import changes
from tradewind.kube.errors import NotFoundError
from tradewind.kube.resources import AIWORKLOADS
from tradewind.state.copies import FINALIZER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.apply.report import Report
    from tradewind.decide.step import Step
    from tradewind.kube.client import ApiServer
    from tradewind.state.hub import WorkloadEntry
    from tradewind.state.store import Store

Manifest = dict[str, Any]


class WorkloadWrites:
    """Writes only if nobody has changed the object since it was decided on; else all methods raise ConflictError."""

    def __init__(self, store: Store, hub: ApiServer, report: Report, *, wall: Callable[[], float]) -> None:
        self._store = store
        self._hub = hub
        self._report = report
        self._wall = wall

    async def hold(self, entry: WorkloadEntry) -> None:
        """Put our finalizer on, so that the workload can't vanish while a copy of it lives."""
        present = entry.raw["metadata"].get("finalizers") or []
        if FINALIZER in present or entry.deleting:
            return
        await self._merge(entry, {"metadata": {"finalizers": [*present, FINALIZER]}})

    async def record(self, step: Step, entry: WorkloadEntry) -> None:
        """Write what a step changes in the status, and report it."""
        changed = changes(step, raw=entry.raw, now_s=self._wall())
        if changed:
            before = entry.raw.get("status") or {}
            await self._merge(entry, {"status": changed}, subresource="status")
            self._report.recorded(step, entry.raw, before=before)

    async def let_go(self, step: Step, entry: WorkloadEntry) -> None:
        """Let the object go; copies on clusters that are away are remembered there, for their return."""
        present = entry.raw["metadata"].get("finalizers") or []
        if FINALIZER not in present:
            return
        for cluster in step.abandon:
            for uid in filter(None, (entry.uid, step.record.adopted_uid)):
                self._store.remember_orphan(cluster, step.view.key, uid)
            await self._write_orphans(cluster)
        await self._merge(entry, {"metadata": {"finalizers": [f for f in present if f != FINALIZER]}})

    async def _write_orphans(self, cluster: str) -> None:
        """Write down what is left behind before it is let go: a crash must not forget it."""
        entry = self._store.clusters.get(cluster)
        if entry is None:
            return
        async with entry.writing:
            # Declared no more is no failure here: the workload, whose end this is about, is still there.
            with suppress(NotFoundError):
                await write_cluster(self._hub, entry, {"orphans": orphan_fields(entry)})

    async def _merge(self, entry: WorkloadEntry, body: Manifest, subresource: str = "") -> None:
        metadata = entry.raw["metadata"]
        body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": metadata["resourceVersion"]}}
        entry.raw = await self._hub.merge(
            AIWORKLOADS, metadata["name"], body, namespace=metadata["namespace"], subresource=subresource
        )
        known = self._store.hub.workloads.get(self._store.key_of(entry))
        if known is not None and known.uid == entry.uid:  # else our own write has ended it, and its watch was quicker
            self._store.hub.see_workload(entry.raw)
