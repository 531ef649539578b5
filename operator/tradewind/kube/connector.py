"""Connections that carry no write before they have said which cluster they lead to.

An address may lead elsewhere from one moment to the next: its cluster was rebuilt, or the name or the balancer before
it points to another. A connection leads where it led when it was made, for as long as it lasts; so each is asked once,
before its first write, and one that is used again costs nothing more.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.connector import Connection

READS = ("GET", "HEAD")
MOST_ENDED = 2
"""So many connections may end with their first answer, as those to a server that is shutting down."""
_ASKED: ContextVar[list[Connection] | None] = ContextVar("asked", default=None)
"""The connection that is being asked, until the question has taken it: no other may carry that."""


class AskingConnector(aiohttp.TCPConnector):
    """A connector that has `ask` read, over each connection, whose it is.

    `ask` makes at most one request, in the session of this connector and in its own task. It raises where the answer
    is not the one that is hoped for: then so does the write, and nothing of it is sent.
    """

    def __init__(self, *, ask: Callable[[], Awaitable[None]], **more: Any) -> None:
        super().__init__(**more)
        self._ask = ask
        self._known: WeakSet[object] = WeakSet()
        """The sockets, as asyncio has them, of connections that were asked."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, passed on
    ) -> Connection:
        """Lend a connection, for a write one that is known."""
        asked = _ASKED.get()
        if asked is not None:
            if not asked:
                raise aiohttp.ClientConnectionError("The connection ended before it had said whose it is.")
            return asked.pop()
        ended = 0
        while ended < MOST_ENDED:
            connection = await super().connect(req, traces, timeout)
            transport = connection.transport
            if req.method in READS or transport is None or transport in self._known:
                return connection
            await self._learn(connection)
            self._known.add(transport)
            if connection.transport is not None:
                return connection  # nothing had to be asked
            # With its answer it went back to the others, one of which is taken; or that answer was its last.
            ended += transport.is_closing()
        raise aiohttp.ClientConnectionError(
            "The server, or a proxy before it, ends each connection after one answer, so that no write can be sent "
            "over one that has said whose it is."
        )

    async def _learn(self, connection: Connection) -> None:
        token = _ASKED.set([connection])
        try:
            await self._ask()
        except BaseException:
            connection.close()
            raise
        finally:
            _ASKED.reset(token)
