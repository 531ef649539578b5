"""The fence: no write of any kind leaves a client while it is closed, and none outlasts the time it was given."""

from __future__ import annotations

import ast
import asyncio
import inspect
import math
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.waiting import until

import tradewind
from tradewind.kube import fence as fence_module
from tradewind.kube.client import ApiServer
from tradewind.kube.errors import NotLeadingError, UnreachableError
from tradewind.kube.fence import MARGIN_S, MIN_WRITE_S, WIRE_S, Fence, boot_s
from tradewind.kube.resources import JOBS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.edge.fakeapi import FakeApi

SOURCES = Path(tradewind.__file__).parent
BODY: dict[str, Any] = {"metadata": {"name": "train"}}
WRITES: dict[str, Callable[[ApiServer], Awaitable[object]]] = {
    "create": lambda server: server.create(JOBS, BODY, namespace="research"),
    "apply": lambda server: server.apply(JOBS, BODY, namespace="research"),
    "merge": lambda server: server.merge(JOBS, "train", BODY, namespace="research"),
    "replace": lambda server: server.replace(JOBS, "train", BODY, namespace="research"),
    "delete": lambda server: server.delete(JOBS, "train", namespace="research"),
    "request": lambda server: server.request("POST", "/apis/batch/v1/namespaces/research/jobs", body=BODY),
}
READS = {"get", "list_all", "watch", "close"}


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_every_method_of_a_client_is_known_to_read_or_to_write() -> None:
    """A new one has to be added here, and so to be tried with a closed fence."""
    methods = {name for name, _ in inspect.getmembers(ApiServer, inspect.isfunction) if not name.startswith("_")}
    assert methods == READS | WRITES.keys()


@pytest.mark.parametrize("method", WRITES)
async def test_no_write_leaves_while_the_fence_is_closed(api: FakeApi, method: str) -> None:
    fence = Fence()
    server = api.client(fence=fence)
    with pytest.raises(NotLeadingError):
        await WRITES[method](server)
    assert api.calls == []
    await server.list_all(JOBS)
    assert [call.method for call in api.calls] == ["GET"], "what is read is read"


def _users_of(name: str) -> list[str]:
    """The modules of the operator that name something, once for each time, but for where it is defined."""
    operator = [path for path in SOURCES.rglob("*.py") if path.relative_to(SOURCES).parts[0] not in ("cli", "lab")]
    return [
        path.name
        for path in operator
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr == name)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name)
    ]


def test_requests_are_made_by_the_client_alone() -> None:
    """Whoever opened a connection to an API server by another way would pass the fence."""
    assert set(_users_of("pool_manager")) == {"transport.py"}
    assert _users_of("Transport") == ["client.py"]


def test_only_the_lease_has_a_client_without_a_fence() -> None:
    assert _users_of("unfenced") == ["main.py"]


async def test_a_fence_that_closes_while_a_write_is_connecting_keeps_it_back(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process does that is paused for a minute between its decision and the first byte."""
    clock = Clock()
    fence = Fence(clock)
    fence.open(clock.now_s + 15.0)
    server = api.client(fence=fence)
    monkeypatch.setattr("tradewind.kube.transport._a_socket", lambda address: _paused_by(clock, address))
    with pytest.raises(NotLeadingError):
        await server.create(JOBS, BODY, namespace="research")
    assert api.writes() == []


def _paused_by(clock: Clock, address: Any) -> socket.socket:
    clock.now_s += 60.0
    return socket.socket(*address[:3])


@given(st.floats(0.1, 60.0), st.floats(-1.0, 30.0), st.floats(0.0, 10.0))
def test_whatever_is_asked_for_a_write_is_over_before_anybody_else_may_lead(
    wanted_s: float, left_s: float, connecting_s: float
) -> None:
    """Over for us, in the kernel's buffers and at the API server, which begins to count when it has arrived."""
    clock = Clock()
    fence = Fence(clock)
    fence.open(clock.now_s + left_s)
    try:
        with fence.write(at_most_s=wanted_s) as permit:
            clock.now_s += connecting_s
            permit.send()
            arrives_s = clock.now_s + WIRE_S
            assert 0 < permit.timeout_s <= wanted_s
            assert arrives_s + permit.timeout_s <= 1000.0 + left_s + 1e-6
    except NotLeadingError:
        enough_s = min(wanted_s, MIN_WRITE_S) + MARGIN_S - MIN_WRITE_S
        assert left_s < enough_s or connecting_s > fence_module.SLACK_S - 1e-6


async def test_a_write_has_no_more_time_than_leadership_and_tells_the_api_server_so(api: FakeApi) -> None:
    clock = Clock()
    fence = Fence(clock)
    fence.open(clock.now_s + MARGIN_S + 0.5)
    server = api.client(fence=fence)
    released = api.hang("POST /jobs")
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    with pytest.raises(UnreachableError):
        await server.create(JOBS, BODY, namespace="research")
    assert loop.time() - began_s < 10.0
    released.set()
    assert api.calls[0].query["timeout"] == f"{MIN_WRITE_S + 0.5:.3f}s"


async def test_the_kernel_keeps_nothing_for_longer_than_the_margin(api: FakeApi) -> None:
    server = api.client()
    await server.list_all(JOBS)
    rest: Any = server._transport._rest  # noqa: SLF001 - the very socket that was used
    [held] = rest.pool_manager._connector._conns.values()  # noqa: SLF001 - as above
    [(protocol, _)] = held
    found = protocol.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert found == WIRE_S * 1000


async def test_a_write_without_an_answer_counts_until_it_cannot_arrive_any_more(api: FakeApi) -> None:
    clock = Clock()
    fence = Fence(clock)
    fence.open(math.inf)
    server = api.client(fence=fence)
    assert await fence.still(within_s=0.0)
    api.drop("POST /jobs", times=1)
    with pytest.raises(UnreachableError):
        await server.create(JOBS, BODY, namespace="research")
    assert not await fence.still(within_s=-1.0)
    clock.now_s += 10.0 + WIRE_S
    assert await fence.still(within_s=0.0)


async def test_a_write_that_was_never_sent_keeps_nobody_waiting(api: FakeApi) -> None:
    fence = Fence()
    fence.open(math.inf)
    server = api.client(fence=fence)
    await api.stop()
    with pytest.raises(UnreachableError):
        await server.create(JOBS, BODY, namespace="research")
    assert await fence.still(within_s=0.0)


async def test_a_write_under_way_is_waited_for(api: FakeApi) -> None:
    fence = Fence()
    fence.open(math.inf)
    server = api.client(fence=fence)
    released = api.hang("POST /jobs")
    writing = asyncio.create_task(server.create(JOBS, BODY, namespace="research"))
    await until(lambda: api.calls)
    fence.close()
    waiting = asyncio.create_task(fence.still(within_s=30.0))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    released.set()
    assert await waiting
    await writing


def test_the_clock_of_leadership_goes_on() -> None:
    before_s = boot_s()
    assert boot_s() >= before_s
