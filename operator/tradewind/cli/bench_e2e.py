"""Placements per second: AIWorkloads created at once on a hub with three members, until the last copy is seen.

The ceiling is measured in the same run, on the same clusters: the same creates, one status patch and one copy write
for each workload, by a bare asyncio client with 32 requests in flight and nothing to decide.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console

from tradewind.cli.bench_lab import clients, declare, in_bulk, install, make_namespaces, until_healthy
from tradewind.cli.bench_writes import MEMBERS, a_workload, federated_cluster, same_writes
from tradewind.cli.operator_process import OperatorProcess
from tradewind.errors import RetryableError
from tradewind.kube.resources import AIWORKLOADS, JOBS, PODS
from tradewind.lab import nodes
from tradewind.lab.lab import Lab
from tradewind.observe.informer import Informer

if TYPE_CHECKING:
    from tradewind.kube.client import ApiServer

Manifest = dict[str, Any]
LIMIT_S = 120.0
LOG_TAIL = 4000


def measure(workloads: int) -> dict[str, Any]:
    """Run the benchmark in a lab of its own; returns the figures under the names of the JSON output."""
    console = Console(stderr=True)
    per_member = -(-workloads // len(MEMBERS) // 8) + 2
    name = f"bench-{os.getpid()}"
    pools = {member: nodes.default_pools(MEMBERS[0], nodes=per_member) for member in MEMBERS}
    with console.status("starting the lab"):
        lab = Lab.up(name, members=MEMBERS, pools=pools)
    try:
        install(lab)
        return asyncio.run(_measure(lab, workloads, console))
    finally:
        with console.status("ending the lab"):
            lab.down()


async def _measure(lab: Lab, workloads: int, console: Console) -> dict[str, Any]:
    async with clients(lab) as servers:
        with console.status("what a bare client reaches"):
            ceiling_per_s = await _ceiling(servers, workloads)
        fleet = (federated_cluster(member, usd_per_hour=2 + index) for index, member in enumerate(MEMBERS))
        await declare(servers["hub"], lab, fleet)
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "operator.log"
            with OperatorProcess(lab.kubeconfig("hub"), log=log) as operator:
                await until_healthy(servers["hub"])
                process = psutil.Process(operator.pid)
                before = process.cpu_times()
                with console.status(f"{workloads} AIWorkloads"):
                    try:
                        seconds, span_s = await _place(servers, workloads)
                    except RetryableError:
                        console.print(log.read_text()[-LOG_TAIL:], markup=False)
                        raise
                after = process.cpu_times()
                rss = process.memory_info().rss
    return {
        "workloads": workloads,
        "members": len(MEMBERS),
        "placementsPerSecond": workloads / span_s,
        "ceilingPerSecond": ceiling_per_s,
        "p50Seconds": quantiles(seconds, n=100)[49],
        "p99Seconds": quantiles(seconds, n=100)[98],
        "operatorCPUSeconds": after.user + after.system - before.user - before.system,
        "operatorRSSMiB": rss / 2**20,
    }


async def _ceiling(servers: dict[str, ApiServer], workloads: int) -> float:
    """Do the same writes with nothing to decide, then clean up."""
    namespace = "ceiling"
    await make_namespaces(servers.values(), namespace)
    writes = [same_writes(a_workload(f"job-{index}", namespace)) for index in range(workloads)]

    async def one(index: int) -> None:
        workload, status, job = writes[index]
        name = workload["metadata"]["name"]
        await servers["hub"].create(AIWORKLOADS, workload, namespace=namespace)
        await servers["hub"].merge(AIWORKLOADS, name, {"status": status}, namespace=namespace, subresource="status")
        member = servers[MEMBERS[index % len(MEMBERS)]]
        await member.create(JOBS, job, namespace=namespace)

    loop = asyncio.get_running_loop()
    started_s = loop.time()
    await in_bulk(workloads, one)
    span_s = loop.time() - started_s
    for server in servers.values():
        await _clean(server, namespace)
    return workloads / span_s


async def _clean(server: ApiServer, namespace: str) -> None:
    """Remove what the ceiling made, and wait until the control planes are at rest again."""
    kind = AIWORKLOADS if server.name == "hub" else JOBS
    params = {"propagationPolicy": "Background"}
    await server.request("DELETE", kind.path(namespace), params=params, timeout_s=LIMIT_S)
    async with asyncio.timeout(LIMIT_S):
        while (await server.list_all(PODS, namespace=namespace))[0]:  # noqa: ASYNC110 - the clusters decide when
            await asyncio.sleep(0.5)


async def _place(servers: dict[str, ApiServer], workloads: int) -> tuple[list[float], float]:
    """Create all at once; returns seconds from create to copy for each, and from the first create to the last copy."""
    namespace, loop = "default", asyncio.get_running_loop()
    created_s: dict[str, float] = {}

    async def create(index: int) -> None:
        name = f"job-{index}"
        created_s[name] = loop.time()
        await servers["hub"].create(AIWORKLOADS, a_workload(name, namespace), namespace=namespace)

    seen = _Seen(workloads)
    watches = [
        asyncio.create_task(Informer(servers[member], JOBS, seen, namespace=namespace).run()) for member in MEMBERS
    ]
    try:
        await in_bulk(workloads, create)
        async with asyncio.timeout(LIMIT_S):
            await seen.complete.wait()
    except TimeoutError:
        missing = sorted(created_s.keys() - seen.at_s.keys())
        some = ", ".join(missing[:5])
        raise RetryableError("NotPlaced", f"{len(missing)} of {workloads} have no copy: {some}") from None
    finally:
        for watch in watches:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
    seconds = [seen.at_s[name] - created_s[name] for name in created_s]
    return seconds, max(seen.at_s.values()) - min(created_s.values())


class _Seen:
    """Notes when each copy is first seen. An informer feeds it, since API servers end the watches of slow clients."""

    def __init__(self, wanted: int) -> None:
        self.at_s: dict[str, float] = {}
        self.complete = asyncio.Event()
        self._wanted = wanted

    def replace(self, items: list[Manifest]) -> None:
        """Take a full list."""
        for item in items:
            self.change("ADDED", item)

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change."""
        del kind
        self.at_s.setdefault(item["metadata"]["name"], asyncio.get_running_loop().time())
        if len(self.at_s) == self._wanted:
            self.complete.set()

    def stale(self) -> None:
        """Keep what was seen."""
