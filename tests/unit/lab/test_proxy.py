"""The proxy in front of an API server, with real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from tradewind.lab import ports
from tradewind.lab.proxy import Mode, Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

SOON_S = 5.0
NOTHING_S = 0.15
"""How long nothing must come for it to count as nothing."""


class Echo:
    """A server that sends back what it gets, and counts."""

    def __init__(self) -> None:
        self.received = 0
        self.open = 0
        self.reading = asyncio.Event()
        self.reading.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                self.received += len(data)
                await self.reading.wait()
                writer.write(data)
                await writer.drain()
        self.open -= 1
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, int]]:
    server = Echo()
    listening = await asyncio.start_server(server.serve, ports.HOST, 0)
    async with listening:
        yield server, listening.sockets[0].getsockname()[1]


def free_port() -> int:
    return next(port for port in range(31000, 32000) if ports.is_free(port))


@pytest.fixture
async def proxy(echo: tuple[Echo, int]) -> AsyncIterator[Proxy]:
    proxy = Proxy(port=free_port(), target=echo[1])
    await proxy.start()
    yield proxy
    await proxy.stop()


@contextlib.asynccontextmanager
async def client(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(ports.HOST, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def ask(proxy: Proxy, words: bytes) -> None:
    """Send something over a new connection, and get it back."""
    async with client(proxy) as (reader, writer):
        writer.write(words)
        assert await soon(reader.readexactly(len(words))) == words


async def soon(awaitable: Awaitable[bytes]) -> bytes:
    return await asyncio.wait_for(awaitable, SOON_S)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 - the condition is on the other side of a socket
            await asyncio.sleep(0.01)


async def assert_silent(reader: asyncio.StreamReader) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), NOTHING_S)


async def test_what_passes_is_whole_and_in_order(proxy: Proxy) -> None:
    data = os.urandom(8 << 20)
    async with client(proxy) as (reader, writer):
        writer.write(data)
        assert await soon(reader.readexactly(len(data))) == data


async def test_a_blackhole_keeps_an_existing_connection_and_moves_nothing(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"before")
        assert await soon(reader.readexactly(6)) == b"before"
        await proxy.set_mode(Mode.BLACKHOLE)
        writer.write(b"during")
        await assert_silent(reader)
        assert echo[0].received == len(b"before")
        await proxy.set_mode(Mode.PASS)
        assert await soon(reader.readexactly(6)) == b"during"


async def test_a_blackhole_holds_back_answers_too(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    async with client(proxy) as (reader, writer):
        echo[0].reading.clear()
        writer.write(b"asked")
        await until(lambda: echo[0].received == 5)
        await proxy.set_mode(Mode.BLACKHOLE)
        echo[0].reading.set()
        await assert_silent(reader)
        await proxy.set_mode(Mode.PASS)
        assert await soon(reader.readexactly(5)) == b"asked"


async def test_a_blackhole_accepts_new_connections_and_connects_none_of_them(
    proxy: Proxy, echo: tuple[Echo, int]
) -> None:
    await proxy.set_mode(Mode.BLACKHOLE)
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        await assert_silent(reader)
        assert echo[0].open == 0
        await proxy.set_mode(Mode.PASS)
        assert await soon(reader.readexactly(5)) == b"hello"


async def test_who_gave_up_in_a_blackhole_is_forgotten_when_it_is_healed(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"x")
        await soon(reader.readexactly(1))
        await proxy.set_mode(Mode.BLACKHOLE)
    await proxy.set_mode(Mode.PASS)
    await until(lambda: proxy.connections == 0 and echo[0].open == 0)


async def test_a_one_way_cut_lets_requests_arrive_and_holds_their_answers(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"before")
        assert await soon(reader.readexactly(6)) == b"before"
        await proxy.set_mode(Mode.ONE_WAY)
        writer.write(b"during")
        await until(lambda: echo[0].received == len(b"beforeduring"))
        await assert_silent(reader)
        await proxy.set_mode(Mode.PASS)
        assert await soon(reader.readexactly(6)) == b"during"


async def test_who_gives_up_in_a_one_way_cut_has_sent_everything(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"x")
        await soon(reader.readexactly(1))
        await proxy.set_mode(Mode.ONE_WAY)
        writer.write(b"last words")
    await until(lambda: echo[0].received == len(b"xlast words") and echo[0].open == 0)
    await proxy.set_mode(Mode.PASS)
    await until(lambda: proxy.connections == 0)


async def test_another_target_takes_new_connections_and_resets_old_ones(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    other = Echo()
    listening = await asyncio.start_server(other.serve, ports.HOST, 0)
    async with listening, client(proxy) as (reader, writer):
        writer.write(b"x")
        await soon(reader.readexactly(1))
        await proxy.set_mode(Mode.ANSWER, target=listening.sockets[0].getsockname()[1])
        with pytest.raises(ConnectionResetError):
            await soon(reader.read(1))
        await ask(proxy, b"yy")
        assert (echo[0].received, other.received) == (1, 2)
        await proxy.set_mode(Mode.PASS)
        await ask(proxy, b"zzz")
    assert (echo[0].received, other.received) == (4, 2)


async def test_a_refusal_resets_what_exists_and_refuses_what_comes(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"x")
        await soon(reader.readexactly(1))
        await proxy.set_mode(Mode.REFUSE)
        with pytest.raises(ConnectionResetError):
            await soon(reader.read(1))
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(ports.HOST, proxy.port)
    await until(lambda: echo[0].open == 0)
    await proxy.set_mode(Mode.PASS)
    async with client(proxy) as (reader, writer):
        writer.write(b"y")
        assert await soon(reader.readexactly(1)) == b"y"


async def test_a_delay_is_added_once_per_round_trip(proxy: Proxy) -> None:
    await proxy.set_mode(Mode.DELAY, delay_s=0.2)
    loop = asyncio.get_running_loop()
    async with client(proxy) as (reader, writer):
        started = loop.time()
        writer.write(b"x")
        await soon(reader.readexactly(1))
        assert 0.2 <= loop.time() - started < 0.4


async def test_a_delay_keeps_the_order_of_what_it_holds(proxy: Proxy) -> None:
    await proxy.set_mode(Mode.DELAY, delay_s=0.05)
    async with client(proxy) as (reader, writer):
        for number in range(50):
            writer.write(b"%02d" % number)
            await asyncio.sleep(0.002)
        assert await soon(reader.readexactly(100)) == b"".join(b"%02d" % number for number in range(50))


async def test_nothing_is_lost_or_mixed_up_however_often_the_mode_changes(proxy: Proxy) -> None:
    sent = b""
    async with client(proxy) as (reader, writer):
        for number in range(60):
            mode = (Mode.PASS, Mode.BLACKHOLE, Mode.DELAY)[number % 3]
            await proxy.set_mode(mode, delay_s=0.01)
            chunk = bytes([number]) * (number * 997 % 5000 + 1)
            sent += chunk
            writer.write(chunk)
            await asyncio.sleep(0.003)
        await proxy.set_mode(Mode.PASS)
        assert await soon(reader.readexactly(len(sent))) == sent


async def test_a_dead_api_server_resets_its_clients(proxy: Proxy) -> None:
    proxy.target = free_port()
    async with client(proxy) as (reader, _):
        with pytest.raises(ConnectionResetError):
            await soon(reader.read(1))
    await until(lambda: proxy.connections == 0)


async def test_an_end_is_passed_on_after_everything_that_was_sent(proxy: Proxy) -> None:
    async def talk_and_leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"z" * (1 << 20))
        writer.close()

    leaving = await asyncio.start_server(talk_and_leave, ports.HOST, 0)
    async with leaving:
        await proxy.set_mode(Mode.PASS, target=leaving.sockets[0].getsockname()[1])
        async with client(proxy) as (reader, _):
            assert len(await soon(reader.read())) == 1 << 20
    await until(lambda: proxy.connections == 0)


async def test_a_client_that_leaves_is_noticed_by_the_api_server(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"x")
        await soon(reader.readexactly(1))
        assert echo[0].open == 1
    await until(lambda: echo[0].open == 0 and proxy.connections == 0)


async def test_a_slow_reader_slows_the_sender_and_fills_no_memory(proxy: Proxy, echo: tuple[Echo, int]) -> None:
    echo[0].reading.clear()
    async with client(proxy) as (_, writer):
        writer.transport.set_write_buffer_limits(high=1 << 16)
        for number in range(256):  # noqa: B007 - used after the loop
            writer.write(b"x" * (1 << 20))
            try:
                await asyncio.wait_for(writer.drain(), NOTHING_S * 2)
            except TimeoutError:
                break
        # What the kernel's own buffers take; the rest waits at the sender.
        assert number < 64
        writer.transport.abort()
    echo[0].reading.set()
