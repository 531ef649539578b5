"""Fixtures of the edge: fake API servers over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from tests.edge.fakeapi import FakeApi
from tests.edge.rig import Rig, a_rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    """One API server."""
    async with FakeApi("aws") as server:
        yield server


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    """A hub and two members, of which aws is the cheaper."""
    async with a_rig() as made:
        yield made
