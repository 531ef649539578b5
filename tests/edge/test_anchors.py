"""Anchors are asked only while a cluster is silent, and any HTTP answer of theirs counts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.edge.fakefeed import FakeFeed
from tests.edge.waiting import until

from tradewind.observe import anchors
from tradewind.observe.anchors import AnchorChecks
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEAD = "http://127.0.0.1:1/"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "TICK_S", 0.01)
    monkeypatch.setattr(anchors, "EVERY_S", 0.05)
    monkeypatch.setattr(anchors, "TIMEOUT_S", 0.5)


@asynccontextmanager
async def checking(*urls: str) -> AsyncIterator[Store]:
    store = Store()
    store.hub.policy = replace(store.hub.policy, anchors=urls)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(AnchorChecks(store).run())
        yield store
        task.cancel()


def counted(store: Store) -> tuple[int, int]:
    return (0, 0) if store.anchors is None else (store.anchors.asked, store.anchors.answered)


async def test_nobody_is_asked_while_no_cluster_is_silent() -> None:
    async with FakeFeed() as server, checking(server.url) as store:
        await asyncio.sleep(0.2)
        assert (store.anchors, server.asked, server.answered) == (None, [], [])


async def test_while_one_is_silent_they_are_asked_again_and_again_and_those_that_answer_are_counted() -> None:
    async with FakeFeed() as one, FakeFeed() as two, checking(one.url, two.url, DEAD) as store:
        two.status = 503
        store.suspects = frozenset({"aws"})
        await until(lambda: counted(store) == (3, 2))
        first = store.anchors
        await until(lambda: store.anchors is not first)
        assert counted(store) == (3, 2)


async def test_one_that_is_slower_than_the_time_for_it_does_not_count() -> None:
    async with FakeFeed() as slow, checking(slow.url, DEAD) as store:
        slow.slow = True
        store.suspects = frozenset({"aws"})
        await until(lambda: counted(store) == (2, 0))
