"""Waiting for an event, for so long."""

from __future__ import annotations

import asyncio


async def set_within(event: asyncio.Event, at_most_s: float) -> bool:
    """Wait until an event is set; says whether it was, in time.

    Not by `asyncio.wait_for`, which up to Python 3.11 forgets a cancellation that comes with the event: the task would
    go on for ever, and whoever cancelled it would wait for its end as long.
    """
    try:
        async with asyncio.timeout(at_most_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
