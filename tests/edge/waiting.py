"""Waiting for a condition, not for a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_S = 0.005


async def until(condition: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Return once the condition holds; the limit only ends a test that hangs."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is another task's state
            await asyncio.sleep(LOOK_S)
