"""Waiting for an event; and that a cancellation is never forgotten meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from tradewind.kube.waiting import set_within


async def test_an_event_that_comes_in_time_is_told_from_one_that_does_not() -> None:
    event = asyncio.Event()
    assert not await set_within(event, 0.01)
    asyncio.get_running_loop().call_soon(event.set)
    assert await set_within(event, 30.0)
    assert await set_within(event, 0.0)


@pytest.mark.parametrize("turns", range(4))
async def test_what_is_cancelled_at_the_moment_of_the_event_is_cancelled(turns: int) -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(set_within(event, 30.0))
    for _ in range(3):
        await asyncio.sleep(0)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    if not waiting.done():
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
