"""The TCP proxy in front of one API server: the network between a member and the rest of the world, to be cut at will.

Modes: ``pass`` forwards; ``blackhole`` accepts and keeps connections but moves no byte, also on those that exist;
``one-way`` passes on what the client sends, and holds what is answered; ``refuse`` listens no more and resets what
exists; ``delay`` holds every chunk from the client for a while, which adds that time to each round trip. Healing
delivers what was held meanwhile, as TCP would. ``answer`` and ``expired`` lead new connections to a stand-in for the
API server, and reset those that exist (see ``standin``).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from enum import StrEnum
from typing import cast

from tradewind.lab.ports import HOST

_RESET = struct.pack("ii", 1, 0)
_CONNECT_TIMEOUT_S = 10.0
_HELD_LIMIT = 1 << 20


class Mode(StrEnum):
    """What the proxy does with what passes through it."""

    PASS = "pass"  # noqa: S105 - a mode, not a password
    BLACKHOLE = "blackhole"
    ONE_WAY = "one-way"
    REFUSE = "refuse"
    DELAY = "delay"
    ANSWER = "answer"
    EXPIRED = "expired"


STANDS_IN = frozenset({Mode.ANSWER, Mode.EXPIRED})
"""Modes in which something else answers in place of the API server."""


class Proxy:
    """Forwards ``port`` of an address of loopback to ``target``, another port of loopback."""

    def __init__(self, *, port: int, target: int, host: str = HOST) -> None:
        self.host = host
        self.port = port
        self.target = target
        self._own_target = target
        self.mode = Mode.PASS
        self.delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, self.host, self.port, backlog=512)

    async def stop(self) -> None:
        """Listen no more, and reset every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.reset()

    async def set_mode(self, mode: Mode, *, delay_s: float = 0.0, target: int | None = None) -> None:
        """Change what happens to new and to existing connections, at once.

        ``target``: where connections lead meanwhile, if not to the API server.
        """
        self.mode, self.delay_s = mode, delay_s if mode is Mode.DELAY else 0.0
        target = self._own_target if target is None else target
        if target != self.target:
            self.target = target
            for connection in list(self._connections):
                connection.reset()
        if mode is Mode.REFUSE:
            await self.stop()
            return
        if self._server is None:
            await self.start()
        for connection in list(self._connections):
            connection.mode_changed()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def _accept(self) -> _Side:
        connection = _Connection(self)
        self._connections.add(connection)
        return connection.client

    def forget(self, connection: _Connection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)


class _Connection:
    """A client's connection and the one to the API server that belongs to it."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.client = _Side(self)
        self.server = _Side(self)
        self.client.peer, self.server.peer = self.server, self.client
        self._dialling: asyncio.Task[None] | None = None
        self._over = False

    def mode_changed(self) -> None:
        """Go on, or stand still."""
        if self.proxy.mode is not Mode.BLACKHOLE and self._dialling is None and self.client.transport is not None:
            self._dialling = asyncio.create_task(self._dial())
        self.client.flush()
        self.server.flush()

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await loop.create_connection(lambda: self.server, HOST, self.proxy.target)
        except (OSError, TimeoutError):
            self.reset()

    def ended(self) -> None:
        """One side has closed: the other follows once it has sent what it holds."""
        self.client.finish()
        self.server.finish()
        if self.client.closed and (self.server.closed or self.server.transport is None):
            self._forget()

    def reset(self) -> None:
        """End both sides at once; the peers see a reset."""
        for side in (self.client, self.server):
            side.reset()
        self._forget()

    def _forget(self) -> None:
        if self._over:
            return
        self._over = True
        if self._dialling is not None and not self._dialling.done():
            self._dialling.cancel()
        self.proxy.forget(self)


class _Side(asyncio.Protocol):
    """One end of a connection. ``held`` is what came in and was not passed on yet, with the time when it may be."""

    def __init__(self, connection: _Connection) -> None:
        self.connection = connection
        self.peer: _Side = self
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self._held: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._peer_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self is self.connection.client:
            self.connection.mode_changed()
        else:
            self.peer.flush()

    def data_received(self, data: bytes) -> None:
        proxy = self.connection.proxy
        delay_s = proxy.delay_s if self is self.connection.client else 0.0
        self._held.append((asyncio.get_running_loop().time() + delay_s, data))
        self._held_bytes += len(data)
        self.flush()

    def flush(self) -> None:
        """Pass on what may be passed on, and stop reading while too much is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop, peer, blocked = asyncio.get_running_loop(), self.peer.transport, self.blocked
        now = loop.time()
        while self._held and peer is not None and not blocked and not self._peer_full:
            due, data = self._held[0]
            if due > now:
                self._timer = loop.call_at(due, self.flush)
                break
            self._held.popleft()
            self._held_bytes -= len(data)
            peer.write(data)
        self._throttle(stop=blocked or self._peer_full or self._held_bytes > _HELD_LIMIT)
        if self.closed or self.peer.closed:
            self.peer.finish()

    def _throttle(self, *, stop: bool) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if stop and self.transport.is_reading():
            self.transport.pause_reading()
        elif not stop and not self.transport.is_reading():
            self.transport.resume_reading()

    @property
    def blocked(self) -> bool:
        """Whether nothing that comes in here is passed on."""
        mode = self.connection.proxy.mode
        return mode is Mode.BLACKHOLE or (mode is Mode.ONE_WAY and self is self.connection.server)

    def pause_writing(self) -> None:
        self.peer.set_peer_full(full=True)

    def resume_writing(self) -> None:
        self.peer.set_peer_full(full=False)

    def set_peer_full(self, *, full: bool) -> None:
        """The peer's socket takes no more, or takes more again."""
        self._peer_full = full
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # A reset and a close are the same here: the peer is closed.
        self.closed = True
        self.connection.ended()

    def finish(self) -> None:
        """Close this side once the other has ended and all that it sent was passed on."""
        if not self.peer.closed or self.transport is None or self.peer.blocked:
            return
        if not self.peer.holds_data():
            self.transport.close()

    def holds_data(self) -> bool:
        """Whether something was received that was not passed on."""
        return bool(self._held)

    def reset(self) -> None:
        """End this side with a TCP reset."""
        if self.transport is None:
            return
        sock = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()
