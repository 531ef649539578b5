"""An API server over real HTTP: resourceVersions, compare-and-swap, status, finalizers, watches, and faults on demand.

kmock's emulator knows no resourceVersion conflicts and no status subresource, which are the very things that the
operator's safety rests on.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from kubernetes.aio import client as k8s
from tests.edge.objects import Objects, Problem

from tradewind.kube.client import ApiServer
from tradewind.kube.fence import unfenced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tradewind.kube.fence import Fence

Manifest = dict[str, Any]
Answer = web.StreamResponse
CLOSE = ""


@dataclass(frozen=True)
class Call:
    """One request: what it asked for, and how it was answered (0: not, or not yet)."""

    method: str
    path: str
    query: dict[str, str]
    body: Manifest
    content_type: str = ""
    status: int = 0
    proxy_authorization: str = ""

    @property
    def verb(self) -> str:
        """The verb and the path, for assertions."""
        return f"{'WATCH' if 'watch' in self.query else self.method} {self.path}"


@dataclass
class Rule:
    """A fault: matching requests are dealt with by `act`; its result is the answer, None lets the request go on.

    Attributes:
        times: how often it still applies; None for ever.
        hits: how often it has applied.
    """

    verb: str
    act: Callable[[web.Request], Awaitable[Answer | None]]
    times: int | None = None
    hits: int = 0

    def applies(self, call: Call) -> bool:
        """Whether it is about this request; counts it if so."""
        wanted, _, path = self.verb.partition(" ")
        if self.times == 0 or (wanted not in ("*", call.verb.partition(" ")[0])) or not call.path.endswith(path):
            return False
        self.hits += 1
        self.times = None if self.times is None else self.times - 1
        return True


@dataclass
class FakeApi:
    """Use as `async with FakeApi("hub") as hub`."""

    name: str
    objects: Objects = field(default_factory=Objects)
    calls: list[Call] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    port: int = 0
    discovery: dict[str, Manifest] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    _watches: set[asyncio.Queue[bytes]] = field(default_factory=set)
    _clients: list[ApiServer] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.close()
        await self.stop()

    async def start(self) -> None:
        """Listen; after a stop on the same port."""
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        self.end_watches()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def configuration(self) -> k8s.Configuration:
        """Make a configuration of a client."""
        return k8s.Configuration(host=self.url)

    def client(
        self, on_call: Callable[[str, str, int], None] = lambda *_: None, *, fence: Fence | None = None
    ) -> ApiServer:
        """Make a client of it, which is closed with it; it may always write where there is no fence."""
        server = ApiServer(self.name, self.configuration(), fence=fence or unfenced(), on_call=on_call)
        self._clients.append(server)
        return server

    # Faults.

    def answer(
        self, verb: str, status: int, *, reason: str = "", message: str = "", times: int | None = None, **headers: str
    ) -> Rule:
        """Let requests whose verb and end of path match be refused."""
        body = {"kind": "Status", "code": status, "reason": reason, "message": message or f"told to say {status}"}

        async def act(_: web.Request) -> Answer:
            return web.json_response(body, status=status, headers=headers)

        return self._rule(verb, act, times)

    def raw(self, verb: str, text: str, *, status: int = 200, times: int | None = None) -> Rule:
        """Let requests be answered with anything."""

        async def act(_: web.Request) -> Answer:
            return web.Response(text=text, status=status)

        return self._rule(verb, act, times)

    def drop(self, verb: str, *, times: int | None = None) -> Rule:
        """Let connections be closed without an answer."""

        async def act(request: web.Request) -> Answer:
            return _hung_up(request)

        return self._rule(verb, act, times)

    def lose_answer(self, verb: str, *, times: int | None = 1) -> Rule:
        """Let requests be carried out, and their answers be lost."""

        async def act(request: web.Request) -> Answer:
            await self._handle(request, self._call(request, await request.read()))
            return _hung_up(request)

        return self._rule(verb, act, times)

    def answer_last(self, verb: str, *, times: int | None = None) -> Rule:
        """Let connections be closed after the answer, by `Connection: close`."""

        async def act(request: web.Request) -> Answer:
            answer = await self._handle(request, self._call(request, await request.read()))
            answer.force_close()
            return answer

        return self._rule(verb, act, times)

    def hang(self, verb: str, *, times: int | None = None) -> asyncio.Event:
        """Let requests wait until the returned event is set."""
        released = asyncio.Event()

        async def act(_: web.Request) -> None:
            await released.wait()

        self._rule(verb, act, times)
        return released

    def before(self, verb: str, change: Callable[[], object], *, times: int | None = 1) -> Rule:
        """Let something else happen just before a request is carried out."""

        async def act(_: web.Request) -> None:
            change()

        return self._rule(verb, act, times)

    def _rule(self, verb: str, act: Callable[[web.Request], Awaitable[Answer | None]], times: int | None) -> Rule:
        rule = Rule(verb, act, times)
        self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """End all faults."""
        self.rules.clear()

    # Requests.

    def verbs(self, *, ends: str = "") -> list[str]:
        """Say what was asked, as `METHOD /path`."""
        return [call.verb for call in self.calls if call.path.endswith(ends)]

    def writes(self) -> list[str]:
        """Say what was written."""
        return [call.verb for call in self.calls if call.method != "GET"]

    def _call(self, request: web.Request, raw: bytes) -> Call:
        return Call(
            request.method,
            request.path,
            dict(request.query),
            json.loads(raw) if raw else {},
            request.content_type if raw else "",
            proxy_authorization=request.headers.get("Proxy-Authorization", ""),
        )

    async def _serve(self, request: web.Request) -> Answer:
        call = self._call(request, await request.read())
        index = len(self.calls)
        self.calls.append(call)
        answer: Answer | None = None
        for rule in list(self.rules):
            if rule.applies(call):
                answer = await rule.act(request)
                break
        answer = answer if answer is not None else await self._handle(request, call)
        self.calls[index] = Call(**{**call.__dict__, "status": answer.status})
        return answer

    async def _handle(self, request: web.Request, call: Call) -> Answer:
        if call.path in self.discovery:
            return web.json_response(self.discovery[call.path])
        try:
            if call.method == "GET" and "watch" in call.query:
                return await self._watch(request, call)
            status, body = self.objects.handle(call.method, call.path, call.query, call.body, call.content_type)
        except Problem as problem:
            return web.json_response(problem.body, status=problem.status)
        return web.json_response(body, status=status)

    async def _watch(self, request: web.Request, call: Call) -> Answer:
        queue: asyncio.Queue[bytes] = asyncio.Queue()

        def tell(kind: str, item: Manifest) -> None:
            queue.put_nowait(json.dumps({"type": kind, "object": item}).encode() + b"\n")

        with self.objects.watching(call.path, call.query, tell):
            self.objects.replay(call.path, call.query, tell)
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            try:
                await response.prepare(request)
                self._watches.add(queue)
                while line := await queue.get():
                    await response.write(line)
            except ConnectionResetError:
                pass
            finally:
                self._watches.discard(queue)
        return response

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def say(self, event: Manifest) -> None:
        """Put a line into all open watches; an error ends them, as it does on an API server."""
        for queue in self._watches:
            queue.put_nowait(json.dumps(event).encode() + b"\n")
            if event["type"] == "ERROR":
                queue.put_nowait(CLOSE.encode())

    def end_watches(self) -> None:
        """End all open watches, as an API server does now and then."""
        for queue in self._watches:
            queue.put_nowait(CLOSE.encode())


def _hung_up(request: web.Request) -> Answer:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
