"""What is done at leisure: statuses of clusters and policies, sweeping orphans, keeping config in step."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from tradewind.apply.cluster_status import cluster_status, feed_fields, read_status, write_cluster, write_status
from tradewind.apply.config import CONFIG_KINDS, Config
from tradewind.apply.delivery import Delivery
from tradewind.apply.metric_status import Shown
from tradewind.apply.owned import Owned
from tradewind.decide import ledger
from tradewind.errors import TradewindError
from tradewind.kube.resources import CLUSTER_POLICIES, DATASETS, NETWORK_MAPS, POLICIES
from tradewind.model.placement import CopyState
from tradewind.model.workload import Key

if TYPE_CHECKING:
    from tradewind.apply.copy_writes import Lookup
    from tradewind.kube.client import ApiServer
    from tradewind.kube.resources import Resource
    from tradewind.observe.feed import Feed
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

STATUS_TICK_S = 0.5
FIGURES_S = 10.0
"""Free capacity and spending change all the time: they are written this often at most; verdicts at once."""


class Chores:
    """Runs beside the loop, and never in its way."""

    def __init__(
        self, store: Store, hub: ApiServer, lookup: Lookup, feed: Feed, *, hub_name: str, config_period_s: float
    ) -> None:
        self._store = store
        self._hub = hub
        self._lookup = lookup
        self._feed = feed
        self._hub_name = hub_name
        self._config_period_s = config_period_s
        self._shown: dict[str, tuple[object, float]] = {}
        self._metrics: dict[str, Shown] = {}

    async def write_statuses(self) -> None:
        """Write the statuses of clusters, policies, maps and Datasets, for ever, as they change."""
        while True:
            await asyncio.sleep(STATUS_TICK_S)
            if not self._lookup.may_write():
                continue
            for entry in list(self._store.clusters.values()):
                await self._guarded(self._write_cluster(entry), entry.name)
            for resource in (CLUSTER_POLICIES, POLICIES, NETWORK_MAPS, DATASETS):
                for key, raw in list(self._feed.objects[resource.plural].items()):
                    await self._guarded(self._write_read(resource, key, raw), raw["metadata"]["name"])

    async def sweep(self) -> None:
        """Remove copies whose workload was deleted while their cluster was away; on standby, only note their end."""
        while True:
            await asyncio.sleep(STATUS_TICK_S)
            for entry in list(self._store.clusters.values()):
                # Another cluster that answers in its place has none of its copies, which proves nothing.
                inventory = entry.inventory()
                if entry.orphans and inventory is not None and inventory.current:
                    await self._guarded(self._sweep_one(entry), entry.name)

    async def keep_config(self) -> None:
        """Bring ConfigMaps and Secrets of placed work up to date, for ever."""
        while True:
            await asyncio.sleep(self._config_period_s)
            for name, entry in list(self._store.clusters.items()):
                server = self._lookup.server(name)
                if server is None or entry.member is None or not entry.answers or not self._lookup.may_write():
                    continue
                config = Config(self._hub, Owned(server, self._hub_name))
                for kind, its_name, namespace in self._config_on(entry):
                    await self._guarded(config.refresh(kind, its_name, namespace, shared=self._store), name)

    def _config_on(self, entry: ClusterEntry) -> set[tuple[str, str, str]]:
        copies = entry.member.inventory().copies.values() if entry.member is not None else ()
        items = ((item.rsplit("/", 2), copy.key.namespace) for copy in copies for item in copy.companions)
        return {(kind, name, namespace) for (_, kind, name), namespace in items if kind in CONFIG_KINDS}

    async def _sweep_one(self, entry: ClusterEntry) -> None:
        server = self._lookup.server(entry.name)
        if server is None or entry.member is None:
            return
        copies = entry.member.inventory().copies
        for orphan in entry.orphans:
            copy = copies.get(orphan.key)
            if copy is None or copy.workload_uid != orphan.workload_uid:
                entry.orphans = tuple(each for each in entry.orphans if each != orphan)
            elif copy.state is not CopyState.RELEASING and self._lookup.may_write():
                log.info("sweeping orphan cluster=%s workload=%s", entry.name, orphan.key)
                await Delivery(self._hub, server, self._hub_name).release(copy, shared=self._store)

    async def _write_cluster(self, entry: ClusterEntry) -> None:
        """Write a cluster's status: at once when its spec, verdict or problem changes, else now and then."""
        async with entry.writing:
            now_s = time.time()
            measured = self._metrics.setdefault(entry.name, Shown()).see(entry, now_s=now_s)
            spec = entry.raw["metadata"].get("generation")
            said = (spec, entry.health, entry.trouble, entry.orphans, entry.uid, measured, entry.incidents)
            before, written_s = self._shown.get(entry.name, (None, 0.0))
            if said == before and now_s - written_s < FIGURES_S:
                return
            placed, usd_per_hour = self._spending(entry)
            status = cluster_status(
                entry,
                workloads=placed,
                usd_per_hour=usd_per_hour,
                measured=measured,
                now_s=now_s,
                clock_s=asyncio.get_running_loop().time(),
            )
            await write_cluster(self._hub, entry, status)
            self._shown[entry.name] = (said, now_s)

    def _spending(self, entry: ClusterEntry) -> tuple[int, float]:
        """Count the workloads placed on a cluster, and what they cost in an hour."""
        offers = {offer.name: offer for offer in entry.priced.offers} if entry.priced else {}
        placed, usd_per_hour = 0, 0.0
        for workload in self._store.hub.workloads.values():
            for placement in workload.record.placements:
                if placement.cluster != entry.name or placement.state in (CopyState.RESERVED, CopyState.FINISHED):
                    continue
                placed += 1
                offer = offers.get(placement.offer)
                if offer is not None and workload.workload is not None:
                    usd_per_hour += ledger.usd_per_hour(workload.workload.pods, offer, replicas=placement.replicas)
        return placed, usd_per_hour

    async def _write_read(self, resource: Resource, key: tuple[str, str], raw: Manifest) -> None:
        """Say of a policy, map or Dataset whether it is in force; the watch that tells of the write comes later."""
        problem, more = self._verdict_on(resource.kind, raw)
        status = read_status(raw, problem=problem, now_s=time.time(), **more)
        written = await write_status(self._hub, resource, raw, status)
        if self._feed.objects[resource.plural].get(key) is raw:
            self._feed.objects[resource.plural][key] = written

    def _verdict_on(self, kind: str, raw: Manifest) -> tuple[str, dict[str, object]]:
        metadata = raw["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
        problem = self._store.hub.problems.get((kind, name), "")
        if kind == DATASETS.kind:
            readers = self._store.hub.datasets.readers(Key(metadata["namespace"], metadata["name"]))
            return problem, {"readBy": len(readers)}
        if kind == CLUSTER_POLICIES.kind:
            return problem, {"feeds": feed_fields(self._store.feeds) or None}
        return problem, {"links": self._store.hub.maps.links.get(name, 0)} if kind == "NetworkMap" else {}

    async def _guarded(self, work: Any, name: str) -> None:
        try:
            await work
        except TradewindError as error:
            log.debug("chore put off object=%s error=%s", name, error)
        except Exception:
            # One object of a shape never seen must not end the chores of all others.
            log.exception("chore failed object=%s", name)
