"""Finds the addresses of API servers, also for a while after the hub's own resolver has failed."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

RESOLVE_S = 1.0
"""A resolver that takes longer has failed: half of the time of a probe must be left for the API server itself."""
BELIEVED_S = 600.0
"""An API server rarely moves within ten minutes, and one at another address would not show the certificate."""


class LastGoodResolver(AbstractResolver):
    """Asks the system's resolver; while that fails, the last good answer counts."""

    def __init__(self, system: AbstractResolver | None = None) -> None:
        self._system = system or ThreadedResolver()
        self._good: dict[tuple[str, int, int], tuple[float, list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Find a host's addresses.

        Raises:
            OSError: the resolver fails, and no answer is new enough.
        """
        key, now_s = (host, port, int(family)), asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(RESOLVE_S):
                found = await self._system.resolve(host, port, family)
        except (OSError, TimeoutError) as error:
            at_s, good = self._good.get(key, (0.0, []))
            if good and now_s - at_s <= BELIEVED_S:
                return good
            if isinstance(error, TimeoutError):
                # A time-out of its own would look like a silent API server.
                raise socket.gaierror(socket.EAI_AGAIN, f"no answer from the resolver for {host}") from error
            raise
        self._good[key] = now_s, found
        return found

    async def close(self) -> None:
        """End the system's resolver."""
        await self._system.close()
