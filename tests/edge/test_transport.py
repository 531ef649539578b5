"""The connections to one API server: what becomes of those who wait for one, and of the secrets of a proxy."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from kubernetes.aio import client as k8s
from tests.edge.waiting import until

from tradewind.kube import transport
from tradewind.kube.client import ApiServer
from tradewind.kube.errors import UnreachableError
from tradewind.kube.fence import unfenced
from tradewind.kube.resources import JOBS, NODES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.edge.fakeapi import FakeApi


async def watched(client: ApiServer) -> list[str]:
    """Watch until the server ends the stream; say what came."""
    return [kind async for kind, _ in client.watch(NODES, since="5")]


async def queued(client: ApiServer, api: FakeApi, how: str) -> tuple[asyncio.Task[object], ...]:
    """Have one request be under way, and another wait for its turn; returns both."""
    api.hang("GET /train")
    first = asyncio.create_task(client.get(JOBS, "train", namespace="research"))
    await until(lambda: api.calls)
    second = asyncio.create_task(watched(client) if how == "watch" else client.list_all(NODES))
    await asyncio.sleep(0.05)
    return first, second


@pytest.mark.parametrize("how", ["list", "watch"])
async def test_who_waits_for_a_turn_when_the_client_is_closed_is_told_so_and_is_not_cancelled(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(transport, "MAX_CONNECTIONS", 1)
    client = api.client()
    tasks = await queued(client, api, how)
    await client.close()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(error) for error in told] == [UnreachableError, UnreachableError]
    assert isinstance(told[1], UnreachableError)
    assert told[1].reason == "Closed"


async def test_who_is_really_cancelled_then_is_cancelled(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_CONNECTIONS", 1)
    client = api.client()
    first, second = await queued(client, api, "list")
    second.cancel()
    await client.close()
    await asyncio.gather(first, second, return_exceptions=True)
    assert second.cancelled()


@asynccontextmanager
async def a_proxy_that_refuses() -> AsyncIterator[tuple[str, list[str]]]:
    """Serve 407; yields its address and the heads of the requests that it got."""
    heads: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


def names_a_proxy(monkeypatch: pytest.MonkeyPatch, **proxies: str) -> None:
    """Have the environment name proxies, by scheme."""
    monkeypatch.setattr(transport, "getproxies", lambda: proxies)
    monkeypatch.setattr(transport, "proxy_bypass", lambda _: False)


@pytest.mark.parametrize("by", ["environment", "kubeconfig"])
@pytest.mark.parametrize(
    ("login", "password"),
    [
        pytest.param("http://user:s3cr3t", "s3cr3t", id="plain"),
        pytest.param("http://user:s3%2Fcr3t", "s3/cr3t", id="escaped"),
        pytest.param("http://user:s3/cr@3t", "s3/cr@3t", id="not escaped, as it should be"),
        pytest.param("user:s3cr3t", "s3cr3t", id="without a scheme"),
    ],
)
async def test_a_proxy_is_told_its_password_and_no_error_shows_it(
    monkeypatch: pytest.MonkeyPatch, by: str, login: str, password: str
) -> None:
    async with a_proxy_that_refuses() as (address, heads):
        configuration = k8s.Configuration(host="https://api.example:6443")
        if by == "kubeconfig":
            configuration.proxy = f"{login}@{address}"
        else:
            names_a_proxy(monkeypatch, https=f"{login}@{address}")
        client = ApiServer("aws", configuration, fence=unfenced())
        with pytest.raises(UnreachableError, match="407") as caught:
            await client.list_all(NODES)
        await client.close()
    [head] = heads
    assert f"Proxy-Authorization: Basic {b64encode(f'user:{password}'.encode()).decode()}\r\n" in head
    for secret in (login.rpartition(":")[2], password):
        assert secret not in f"{caught.value} {caught.value.__cause__!r} {configuration.proxy}"


async def test_what_is_not_encrypted_tells_the_proxy_too(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    names_a_proxy(monkeypatch, http=api.url.replace("://", "://user:s3cr3t@"))
    client = ApiServer("aws", k8s.Configuration(host="http://api.example"), fence=unfenced())
    await client.create(JOBS, {"metadata": {"name": "train", "namespace": "research"}}, namespace="research")
    await client.close()
    [call] = api.calls
    assert call.proxy_authorization == f"Basic {b64encode(b'user:s3cr3t').decode()}"
