"""The connections to one API server: what becomes of those who wait for one, and of the secrets of a proxy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.edge.waiting import until

from tradewind.kube import transport
from tradewind.kube.errors import UnreachableError
from tradewind.kube.resources import JOBS, NODES

if TYPE_CHECKING:
    from tests.edge.fakeapi import FakeApi

    from tradewind.kube.client import ApiServer


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
