"""Placements per second: AIWorkloads created at once on a hub with three members, until the last copy is seen.

The ceiling is measured in the same run, on the same clusters: the same creates, one status patch and one copy write
for each workload, by a bare asyncio client with 32 requests in flight and nothing to decide.
"""

from __future__ import annotations

import asyncio
import base64
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console

from tradewind.cli.bench_writes import MEMBERS, a_workload, federated_cluster, same_writes
from tradewind.cli.operator_process import OperatorProcess
from tradewind.errors import RetryableError
from tradewind.kube.client import ApiServer
from tradewind.kube.kubeconfig import own_configuration
from tradewind.kube.resources import AIWORKLOADS, FEDERATED_CLUSTERS, JOBS, NAMESPACES, PODS, SECRETS
from tradewind.lab import nodes
from tradewind.lab.lab import Lab
from tradewind.observe.informer import Informer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Manifest = dict[str, Any]
IN_FLIGHT = 32
LIMIT_S = 120.0
LOG_TAIL = 4000
OPERATOR_NAMESPACE = "tradewind-system"
CRDS = Path(__file__).parents[3] / "crds"


def measure(workloads: int) -> dict[str, Any]:
    """Run the benchmark in a lab of its own; returns the figures under the names of the JSON output."""
    console = Console(stderr=True)
    per_member = -(-workloads // len(MEMBERS) // 8) + 2
    name = f"bench-{os.getpid()}"
    pools = {member: nodes.default_pools(MEMBERS[0], nodes=per_member) for member in MEMBERS}
    with console.status("starting the lab"):
        lab = Lab.up(name, members=MEMBERS, pools=pools)
    try:
        lab.kubectl("hub", "apply", "--server-side", "-f", str(CRDS))
        lab.kubectl("hub", "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        return asyncio.run(_measure(lab, workloads, console))
    finally:
        with console.status("ending the lab"):
            lab.down()


async def _measure(lab: Lab, workloads: int, console: Console) -> dict[str, Any]:
    servers = {n: ApiServer(n, await own_configuration(str(lab.kubeconfig(n)))) for n in ("hub", *MEMBERS)}
    try:
        with console.status("what a bare client reaches"):
            ceiling_per_s = await _ceiling(servers, workloads)
        await _declare(servers["hub"], lab)
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "operator.log"
            with OperatorProcess(lab.kubeconfig("hub"), log=log) as operator:
                await _until_healthy(servers["hub"])
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
    finally:
        for server in servers.values():
            await server.close()
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
    for server in servers.values():
        await server.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
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
    await _all(workloads, one)
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


async def _declare(hub: ApiServer, lab: Lab) -> None:
    await hub.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR_NAMESPACE}})
    for index, member in enumerate(MEMBERS):
        kubeconfig = base64.b64encode(lab.kubeconfig(member).read_bytes()).decode()
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": member},
            "data": {"kubeconfig": kubeconfig},
        }
        await hub.create(SECRETS, secret, namespace=OPERATOR_NAMESPACE)
        await hub.create(FEDERATED_CLUSTERS, federated_cluster(member, usd_per_hour=2 + index))


async def _until_healthy(hub: ApiServer) -> None:
    async with asyncio.timeout(60):
        while True:
            items, _ = await hub.list_all(FEDERATED_CLUSTERS)
            if all((item.get("status") or {}).get("verdict") == "Healthy" for item in items):
                return
            await asyncio.sleep(0.2)


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
        await _all(workloads, create)
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


async def _all(count: int, do: Callable[[int], Awaitable[None]]) -> None:
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(index: int) -> None:
        async with slots:
            await do(index)

    await asyncio.gather(*(one(index) for index in range(count)))
