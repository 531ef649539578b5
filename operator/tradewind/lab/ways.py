"""The ways to one API server, one for each cluster that looks at it from a place of its own, to be cut one by one.

The hub and people come by 127.0.0.1; the n-th member comes by 127.0.0.(n + 1), to the same port, once it asks for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.lab.ports import HOST
from tradewind.lab.proxy import STANDS_IN, Mode, Proxy
from tradewind.lab.standin import TOO_MANY_REQUESTS, StandIn
from tradewind.lab.state import HUB

if TYPE_CHECKING:
    from tradewind.lab.state import LabRecord


@dataclass(frozen=True, slots=True)
class Cut:
    """What is wrong with a way. ``status`` is what mode answer answers."""

    mode: Mode = Mode.PASS
    delay_s: float = 0.0
    status: int = TOO_MANY_REQUESTS


class Ways:
    """All ways to one cluster of a lab."""

    def __init__(self, record: LabRecord, cluster: str) -> None:
        self._ports = record.clusters[cluster].ports
        self._hosts = {name: f"127.0.0.{number}" for number, name in enumerate(record.clusters, start=1)}
        self._proxies = {HUB: Proxy(port=self._ports.proxy, target=self._ports.apiserver, host=HOST)}
        # Both runtimes keep the keys there.
        self._pki = record.folder / "clusters" / cluster / "pki"
        self._stand_ins: dict[str, StandIn] = {}
        self._everywhere = Cut()

    async def start(self) -> None:
        """Open the way of the hub. Raises OSError where the port is taken."""
        await self._proxies[HUB].start()

    async def stop(self) -> None:
        """Close all ways."""
        for proxy in self._proxies.values():
            await proxy.stop()
        for stand_in in self._stand_ins.values():
            await stand_in.stop()

    async def open(self, observer: str) -> str:
        """Make the way of one cluster, if it is not there; returns the host that it leads by.

        Raises KeyError for a cluster that is none, OSError where loopback has but one address.
        """
        host = self._hosts[observer]
        if observer not in self._proxies:
            proxy = Proxy(port=self._ports.proxy, target=self._ports.apiserver, host=host)
            await proxy.start()
            self._proxies[observer] = proxy
            await self._set(observer, self._everywhere)
        return host

    async def cut(self, cut: Cut, *, observer: str) -> None:
        """Cut or mend the way of one cluster, or all of them with ``observer`` empty."""
        if observer:
            await self.open(observer)
            await self._set(observer, cut)
            return
        self._everywhere = cut
        for each in self._proxies:
            await self._set(each, cut)

    def status(self) -> dict[str, Any]:
        """How the hub's way is, and in ``from`` those of members that have one."""
        described = {
            name: {"mode": proxy.mode, "delaySeconds": proxy.delay_s, "connections": proxy.connections}
            for name, proxy in self._proxies.items()
        }
        return described.pop(HUB) | {"from": described}

    async def _set(self, observer: str, cut: Cut) -> None:
        stand_in, target = self._stand_ins.setdefault(observer, StandIn(self._pki)), None
        if cut.mode in STANDS_IN:
            target = await stand_in.start(status=cut.status, expired=cut.mode is Mode.EXPIRED)
        await self._proxies[observer].set_mode(cut.mode, delay_s=cut.delay_s, target=target)
        if target is None:
            await stand_in.stop()
