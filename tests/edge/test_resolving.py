"""A resolver that fails must not make API servers seem to be silent."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from tradewind.kube import resolving
from tradewind.kube.client import ApiServer
from tradewind.kube.errors import UnreachableError
from tradewind.kube.fence import unfenced
from tradewind.kube.resolving import LastGoodResolver
from tradewind.kube.resources import NODES
from tradewind.observe.probe import classify, probe
from tradewind.outage.evidence import Fault, Heard

if TYPE_CHECKING:
    from tests.edge.fakeapi import FakeApi


class System(AbstractResolver):
    """A resolver that can fail, or hang."""

    def __init__(self) -> None:
        self.fails = False
        self.hangs = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


async def test_while_it_fails_the_last_good_address_counts() -> None:
    system = System()
    resolver = LastGoodResolver(system)
    good = await resolver.resolve("api.example", 6443)
    system.fails = True
    assert await resolver.resolve("api.example", 6443) == good
    with pytest.raises(socket.gaierror):
        await resolver.resolve("other.example", 6443)


async def test_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System()
    resolver = LastGoodResolver(system)
    await resolver.resolve("api.example", 6443)
    system.fails = True
    monkeypatch.setattr(resolving, "BELIEVED_S", -1.0)
    with pytest.raises(socket.gaierror):
        await resolver.resolve("api.example", 6443)


async def test_one_that_hangs_has_failed_and_that_is_no_silence_of_the_api_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolving, "RESOLVE_S", 0.05)
    system = System()
    resolver = LastGoodResolver(system)
    good = await resolver.resolve("api.example", 6443)
    system.hangs = True
    assert await resolver.resolve("api.example", 6443) == good
    with pytest.raises(socket.gaierror) as raised:
        await resolver.resolve("other.example", 6443)
    outcome = classify(raised.value)
    assert (outcome.heard, outcome.fault) == (Heard.UNKNOWN, Fault.RESOLVER)


async def test_a_member_goes_on_answering_while_the_hubs_resolver_fails(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = System()
    monkeypatch.setattr(resolving, "ThreadedResolver", lambda: system)
    configuration = api.configuration()
    configuration.host = configuration.host.replace("127.0.0.1", "api.example")
    server = ApiServer("aws", configuration, fence=unfenced())
    assert (await probe(server, timeout_s=5.0)).heard is Heard.ANSWER
    system.fails = True
    rest = server._transport._rest  # noqa: SLF001 - or wait 10 s
    connector = rest.pool_manager.connector if rest.pool_manager else None
    assert isinstance(connector, TCPConnector)
    connector.clear_dns_cache()
    api.drop("GET /namespaces/kube-system", times=1)  # so that the next probe needs a new connection
    await probe(server, timeout_s=5.0)
    assert (await probe(server, timeout_s=5.0)).heard is Heard.ANSWER
    await server.close()


async def test_who_waits_for_an_address_when_the_client_is_closed_is_told_so_and_is_not_cancelled(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = System()
    system.hangs = True
    monkeypatch.setattr(resolving, "ThreadedResolver", lambda: system)
    monkeypatch.setattr(resolving, "RESOLVE_S", 60.0)
    configuration = api.configuration()
    configuration.host = configuration.host.replace("127.0.0.1", "api.example")
    server = ApiServer("aws", configuration, fence=unfenced())
    asking = [asyncio.create_task(server.list_all(NODES)) for _ in range(2)]  # the second waits for the first's answer
    await asyncio.sleep(0.05)
    await server.close()
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(error) for error in told] == [UnreachableError, UnreachableError]
