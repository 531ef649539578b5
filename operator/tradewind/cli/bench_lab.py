"""What the benchmarks on the lab share: clients of its API servers, the declared fleet, writes in bulk."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tradewind.errors import RetryableError
from tradewind.kube.backoff import backoff_s
from tradewind.kube.client import ApiServer
from tradewind.kube.errors import AlreadyExistsError
from tradewind.kube.fence import unfenced
from tradewind.kube.kubeconfig import own_configuration
from tradewind.kube.resources import FEDERATED_CLUSTERS, NAMESPACES, SECRETS
from tradewind.lab.state import HUB

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from tradewind.lab.lab import Lab

Manifest = dict[str, Any]
T = TypeVar("T")
CRDS = Path(__file__).parents[3] / "crds"
IN_FLIGHT = 32
OPERATOR_NAMESPACE = "tradewind-system"
HEALTHY_S = 120.0
POLL_S = 0.2
INSIST_S = 120.0
MAX_PAUSE_S = 5.0


def install(lab: Lab) -> None:
    """Install the CRDs on the hub."""
    lab.kubectl(HUB, "apply", "--server-side", "-f", str(CRDS))
    lab.kubectl(HUB, "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


@asynccontextmanager
async def clients(lab: Lab, *, direct: bool = False) -> AsyncIterator[dict[str, ApiServer]]:
    """Open a client of each API server of the lab; `direct`: one that feels no cut of the network."""
    names = (HUB, *lab.members)
    servers = {
        n: ApiServer(n, await own_configuration(str(lab.kubeconfig(n, direct=direct))), fence=unfenced()) for n in names
    }
    try:
        yield servers
    finally:
        for server in servers.values():
            await server.close()


async def declare(hub: ApiServer, lab: Lab, clusters: Iterable[Manifest]) -> None:
    """Declare the fleet, with a kubeconfig for each cluster."""
    await hub.create(NAMESPACES, namespace(OPERATOR_NAMESPACE))
    for cluster in clusters:
        name = cluster["metadata"]["name"]
        secret = a_secret(name, lab.kubeconfig(name).read_text(encoding="utf-8"))
        await hub.create(SECRETS, secret, namespace=OPERATOR_NAMESPACE)
        await hub.create(FEDERATED_CLUSTERS, cluster)


def a_secret(name: str, kubeconfig: str) -> Manifest:
    """Write the Secret that a FederatedCluster names."""
    data = {"kubeconfig": base64.b64encode(kubeconfig.encode()).decode()}
    return {"apiVersion": "v1", "kind": SECRETS.kind, "metadata": {"name": name}, "data": data}


def namespace(name: str) -> Manifest:
    """Write a namespace."""
    return {"apiVersion": "v1", "kind": NAMESPACES.kind, "metadata": {"name": name}}


async def make_namespaces(servers: Iterable[ApiServer], name: str) -> None:
    """Make a namespace everywhere, where it is not there."""
    for server in servers:
        try:
            await server.create(NAMESPACES, namespace(name))
        except AlreadyExistsError:
            continue


async def until_healthy(hub: ApiServer) -> None:
    """Wait until every declared cluster is Healthy."""
    async with asyncio.timeout(HEALTHY_S):
        while True:
            items, _ = await insist(partial(hub.list_all, FEDERATED_CLUSTERS))
            if items and all((item.get("status") or {}).get("verdict") == "Healthy" for item in items):
                return
            await asyncio.sleep(POLL_S)


async def insist(ask: Callable[[], Awaitable[T]], *, within_s: float = INSIST_S) -> T:
    """Ask again, after growing pauses, for as long as a busy machine keeps an API server from answering.

    Raises:
        RetryableError: it did not answer in all that time.
    """
    deadline_s, failures = time.monotonic() + within_s, 0
    while True:
        try:
            return await ask()
        except RetryableError:
            if time.monotonic() > deadline_s:
                raise
            failures += 1
            await asyncio.sleep(backoff_s(failures, first_s=POLL_S, most_s=MAX_PAUSE_S))


async def in_bulk(count: int, do: Callable[[int], Awaitable[None]]) -> None:
    """Do something for each number below `count`, with bounded concurrency; what fails for a moment is repeated."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(index: int) -> None:
        async with slots:
            await insist(partial(do, index))

    await asyncio.gather(*(one(index) for index in range(count)))
