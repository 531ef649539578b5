"""Plays the cluster autoscaler of members whose pools grow: adds nodes while pods wait for them. Never removes any."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import logging
import random
import time
from typing import TYPE_CHECKING, Any

from tradewind.lab import demand, nodes
from tradewind.lab.clusters import Cluster
from tradewind.lab.demand import PoolState
from tradewind.lab.kubeapi import ApiError, KubeApi
from tradewind.lab.nodes import POOL_LABEL, Pool

if TYPE_CHECKING:
    from tradewind.lab.state import LabRecord

_INTERVAL_S = 0.5
_MAX_BACKOFF_S = 8.0

_log = logging.getLogger(__name__)


class Provisioner:
    """Watches every member that has a pool which may grow."""

    def __init__(self, record: LabRecord) -> None:
        self._time_scale = record.time_scale
        self._pools: dict[Cluster, list[PoolState]] = {}
        for member, entries in record.pools.items():
            growing = [PoolState(pool) for pool in (Pool(**entry) for entry in entries) if pool.max_nodes > pool.nodes]
            if growing:
                cluster = Cluster(member, record.folder, record.cluster(member).ports)
                self._pools[cluster] = growing

    async def run(self) -> None:
        """Serve every member until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for cluster, pools in self._pools.items():
                tasks.create_task(self._serve(cluster, pools))

    async def _serve(self, cluster: Cluster, pools: list[PoolState]) -> None:
        delay_s = _INTERVAL_S
        api: KubeApi | None = None
        while True:
            await asyncio.sleep(delay_s * random.uniform(0.75, 1.0))  # noqa: S311 - jitter
            try:
                if api is None:
                    api = await asyncio.to_thread(cluster.api, timeout_s=5.0)
                await asyncio.to_thread(self._step, api, cluster, pools)
            except (OSError, http.client.HTTPException, ApiError):
                # The member is dead, paused or not up yet; that is what labs are for.
                delay_s = min(delay_s * 2, _MAX_BACKOFF_S)
            except Exception:  # noqa: BLE001 - one odd object must not end the supervisor, and the proxies with it
                _log.exception("%s: its pools were not served", cluster.name)
                delay_s = _MAX_BACKOFF_S
            else:
                delay_s = _INTERVAL_S

    def _step(self, api: KubeApi, cluster: Cluster, pools: list[PoolState]) -> None:
        pending = api.get("/api/v1/pods", fieldSelector="status.phase=Pending", resourceVersion="0")["items"]
        waiting = [pod for pod in pending if demand.is_waiting(pod)]
        for state in pools:
            wanting = [pod for pod in waiting if demand.selects(pod, state.pool)]
            if not wanting and not state.due:
                continue
            existing = api.get("/api/v1/nodes", labelSelector=f"{POOL_LABEL}={state.pool.name}")["items"]
            taken = {node["metadata"]["name"] for node in existing}
            if len(taken) < state.pool.max_nodes:
                # A pool that is full leaves its pods to the next.
                waiting = [pod for pod in waiting if pod not in wanting]
                self._order(cluster, state, wanting, existing=len(taken))
                self._deliver(api, cluster, state, taken=taken)

    def _order(self, cluster: Cluster, state: PoolState, wanting: list[dict[str, Any]], *, existing: int) -> None:
        delay_s = state.pool.provisioning_s * self._time_scale
        needed = demand.nodes_for(state.pool, wanting)
        ordered = state.order(needed=needed, existing=existing, now=time.monotonic(), delay_s=delay_s)
        if ordered:
            _log.info("%s: %d nodes of %s ordered, there in %.1f s", cluster.name, ordered, state.pool.name, delay_s)

    def _deliver(self, api: KubeApi, cluster: Cluster, state: PoolState, *, taken: set[str]) -> None:
        pool, now = state.pool, time.monotonic()
        free = (number for number in range(pool.max_nodes) if nodes.node_name(pool, cluster.name, number) not in taken)
        for number in itertools.islice(free, state.arriving(now)):
            api.create("/api/v1/nodes", nodes.manifest(pool, member=cluster.name, number=number))
            state.arrived(now)
