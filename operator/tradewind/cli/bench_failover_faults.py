"""The faults of the fail-over benchmark: how each is begun on the lab, and ended."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

import yaml

from tradewind.cli.bench_failover_cells import FLAPS, Cell
from tradewind.cli.bench_failover_fleet import LOST, set_policy, status_feed
from tradewind.cli.bench_lab import OPERATOR_NAMESPACE, a_secret
from tradewind.kube.resources import SECRETS
from tradewind.lab import processes
from tradewind.lab.processes import Component
from tradewind.lab.proxy import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.kube.client import ApiServer
    from tradewind.lab.lab import Lab
    from tradewind.lab.loopback import Loopback

Manifest = dict[str, Any]
RESTART_S = 3.0
"""What an API server takes to start: it belongs to the time for which it is away."""


class Fault:
    """One fault on the lab. `begin()` before `end()`, which may be called in any state."""

    def __init__(self, cell: Cell, lab: Lab, hub: ApiServer) -> None:
        self._cell = cell
        self._lab = lab
        self._hub = hub
        self._feed: Loopback | None = None

    async def begin(self) -> float:
        """Begin it; returns the moment by the monotonic clock. What takes time to find is found before."""
        match self._cell.fault:
            case "kill":
                return await self._signal(signal.SIGKILL, Component)
            case "hang":
                return await self._signal(signal.SIGSTOP, (Component.APISERVER,))
            case "upgrade":
                return await self._signal(signal.SIGKILL, (Component.APISERVER,))
            case "credentials":
                return await self._change_secret(_with_token(self._kubeconfig(), "no-such-token"))
            case "feed":
                self._feed = status_feed()
                self._feed.__enter__()
                begun_s = time.monotonic()
                await self._apply(feed=self._feed.url)
                return begun_s
            case "hub-cut":
                return await self._cut(self._lab.members, Mode.BLACKHOLE)
            case "one-way":
                return await self._cut([LOST], Mode.ONE_WAY)
            case _:
                return await self._cut([LOST], Mode.BLACKHOLE)

    async def hold(self) -> None:
        """Let it last, where nothing may move meanwhile; a flap comes and goes."""
        if self._cell.fault == "flap":
            for _ in range(FLAPS - 1):
                await asyncio.sleep(self._cell.flap_s)
                await asyncio.to_thread(self._lab.heal, LOST)
                await asyncio.sleep(self._cell.flap_s)
                await self._cut([LOST], Mode.BLACKHOLE)
            await asyncio.sleep(self._cell.flap_s)
        else:
            away_s = RESTART_S if self._cell.fault == "upgrade" else 0.0
            await asyncio.sleep(self._cell.held_s - away_s)

    async def end(self) -> None:
        """End it, and return when what was broken works again."""
        match self._cell.fault:
            case "kill" | "hang" | "upgrade":
                await asyncio.to_thread(self._lab.resume, LOST)
            case "credentials":
                await self._change_secret(self._kubeconfig())
            case "feed":
                await self._apply()
                if self._feed is not None:
                    await asyncio.to_thread(self._feed.__exit__)
            case _:
                for member in self._lab.members:
                    await asyncio.to_thread(self._lab.heal, member)

    async def _signal(self, number: signal.Signals, components: Iterable[Component]) -> float:
        found = await asyncio.to_thread(processes.of_cluster, self._lab.folder, LOST, tuple(components))
        begun_s = time.monotonic()
        processes.send(found, number)
        return begun_s

    async def _cut(self, members: Iterable[str], mode: Mode) -> float:
        begun_s = time.monotonic()
        await asyncio.gather(*(asyncio.to_thread(self._lab.cut, member, mode=mode) for member in members))
        return begun_s

    def _kubeconfig(self) -> str:
        return self._lab.kubeconfig(LOST).read_text(encoding="utf-8")

    async def _change_secret(self, kubeconfig: str) -> float:
        begun_s = time.monotonic()
        body = {"data": a_secret(LOST, kubeconfig)["data"]}
        await self._hub.merge(SECRETS, LOST, body, namespace=OPERATOR_NAMESPACE)
        return begun_s

    async def _apply(self, *, feed: str = "") -> None:
        await set_policy(self._hub, self._cell, feed=feed)


def _with_token(kubeconfig: str, token: str) -> str:
    document: Manifest = yaml.safe_load(kubeconfig)
    document["users"][0]["user"] = {"token": token}
    return str(yaml.safe_dump(document))
