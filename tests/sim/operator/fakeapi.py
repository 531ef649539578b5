"""API servers inside the process, and the operator's client of them: the real client's methods, over a simulated wire.

What an API server does with a request is that of tests/edge/objects; here is what happens on the way there and back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tests.edge.objects import Objects, Problem, copied
from tests.sim.operator.clock import START_S, WALL_S, ProcessLoop

from tradewind.kube.client import REQUEST_TIMEOUT_S, WATCH_SILENCE_S, ApiServer
from tradewind.kube.errors import UnreachableError, raise_for
from tradewind.outage.inflow import TOO_MANY_REQUESTS
from tradewind.state.record import iso

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from tests.edge.objects import Where
    from tests.sim.operator.clock import Clock
    from tests.sim.operator.process import Process

    from tradewind.kube.fence import Fence, Permit
    from tradewind.kube.resources import Resource

Manifest = dict[str, Any]
BOOKMARK_S = 60.0
KINDS = {"v1": ["Pod", "Service"], "batch/v1": ["Job"], "apps/v1": ["Deployment"]}
T = TypeVar("T")
OPEN, HOLE, REFUSED, EXPIRED, BUSY, LOSSY, SLOW = "open", "hole", "refused", "expired", "busy", "lossy", "slow"


class Stored(Objects):
    """Objects with the simulated time on them, which are shared, never changed."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name, self.clock = name, clock
        super().__init__()

    def _create(self, where: Where, item: Manifest) -> Manifest:
        defaults = {
            "creationTimestamp": iso(WALL_S - START_S + self.clock.now_s)[:19] + "Z",
            "uid": f"{self.name}-{where[2]}-{self.serial + 1}",
        }
        item["metadata"] = {**defaults, **item["metadata"]}
        return super()._create(where, item)

    def _write(self, kind: str, where: Where, item: Manifest) -> Manifest:
        self.version += 1
        item = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self.version)}}
        self.items[where] = item
        self._history.append((self.version, where[0], kind, item))
        for listener in list(self.listeners):
            listener(where[0], kind, item)
        return item

    def restore(self, items: dict[Where, Manifest], version: int) -> None:
        """Be as at the time of a backup."""
        self.items, self.version = dict(items), version
        self._history = [each for each in self._history if each[0] <= version]


@dataclass(eq=False)
class Stream:
    """A watch as its client sees it.

    Attributes:
        since: it shows nothing of this version or an older one: on a server that was restored, nothing for a while.
        broken: nothing comes any more, and nobody says so.
    """

    loop: ProcessLoop
    since: int = 0
    events: deque[tuple[str, Manifest] | None] = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    last_s: float = 0.0
    broken: bool = False

    def put(self, event: tuple[str, Manifest] | None) -> None:
        """Let something arrive."""
        if self.loop.is_closed():
            return
        self.events.append(event)
        self.loop.call_soon(self.filled.set)


class Api:
    """One API server and the link to it.

    Attributes:
        link: what becomes of requests. up: it has power.
        lives: how often its server has begun anew. No connection outlasts that.
        delay_s: the longest time that news is under way; `twice` of them come two times.
        asked, told: what hears of each write, just before it is carried out and just after.
        refused: what hears of each write that is answered 429.
    """

    def __init__(self, name: str, clock: Clock, chance: random.Random) -> None:
        self.name, self.clock, self.chance = name, clock, chance
        self.objects = Stored(name, clock)
        self.link = OPEN
        self.up = True
        self.lives = 0
        self.delay_s = 0.0
        self.twice = 0.0
        self.told: Callable[[Process, str, str, Manifest], None] = lambda *_: None
        self.asked: Callable[[Process, str, str, Manifest], None] = lambda *_: None
        self.refused: Callable[[Process, str], None] = lambda *_: None
        self._streams: dict[Stream, None] = {}
        self._away_since_s: float | None = None
        clock.every(BOOKMARK_S, self._bookmark)

    @property
    def away_s(self) -> float:
        """For how long it has not been reached."""
        return self.clock.now_s - self._away_since_s if self._away_since_s is not None else 0.0

    @property
    def state(self) -> str:
        """What a request meets."""
        return self.link if self.up else HOLE

    def set_link(self, state: str) -> None:
        """Change the link; streams die with it, and unless it refuses nobody says so."""
        self.link = state
        if state in (HOLE, REFUSED):
            self._away_since_s = self.clock.now_s if self._away_since_s is None else self._away_since_s
        else:
            self._away_since_s = None
        if state in (HOLE, REFUSED, EXPIRED):
            self.cut(told=state == REFUSED)

    def set_power(self, *, up: bool) -> None:
        """Switch it on or off."""
        self.up = up
        self.lives += not up
        self.cut(told=False)

    def cut(self, *, told: bool) -> None:
        """End all streams."""
        for stream in self._streams:
            stream.broken = True
            if told:
                stream.put(None)
        self._streams.clear()

    def _bookmark(self) -> None:
        for stream in list(self._streams):
            self._send(stream, "BOOKMARK", {"metadata": {"resourceVersion": str(self.objects.version)}})

    def _send(self, stream: Stream, kind: str, item: Manifest) -> None:
        if stream.broken or (kind != "BOOKMARK" and int(item["metadata"]["resourceVersion"]) <= stream.since):
            return
        times = 2 if self.twice and self.chance.random() < self.twice else 1
        delay_s = self.chance.uniform(0.0, self.delay_s) if self.delay_s else 0.0
        for _ in range(times):
            if not delay_s and stream.last_s <= self.clock.now_s:
                stream.put((kind, copied(item)))
                continue
            stream.last_s = max(stream.last_s, self.clock.now_s + delay_s)
            self.clock.at(stream.last_s, lambda: None if stream.broken else stream.put((kind, copied(item))))

    async def open_stream(self, path: str, query: dict[str, str]) -> tuple[Stream, Callable[[], None]]:
        """Begin to watch; returns the stream, and what ends it."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ProcessLoop)
        stream = Stream(loop, int(query.get("resourceVersion") or 0))
        watching = self.objects.watching(path, query, lambda kind, item: self._send(stream, kind, item))
        self.objects.replay(path, query, lambda kind, item: self._send(stream, kind, item))
        watching.__enter__()
        self._streams[stream] = None

        def end() -> None:
            self._streams.pop(stream, None)
            watching.__exit__(None, None, None)

        return stream, end


class Client(ApiServer):
    """The operator's client; what it asks goes over a simulated wire."""

    def __init__(
        self, name: str, api: Any, *, fence: Fence, on_call: Callable[[str, str, int], None] = lambda *_: None
    ) -> None:
        self.name = name
        self._fence = fence
        self._api: Api = api
        self._on_call = on_call
        self.on_write: Callable[[int, float], None] = lambda *_: None
        self.confirm: Callable[[], Awaitable[None]] | None = None
        self._known = -1
        """The life of the server that it has asked whose it is: its connections are those of one life."""
        self._closed = False
        loop: Any = asyncio.get_running_loop()
        self._process: Process = loop.process

    async def close(self) -> None:
        """Close it."""
        self._closed = True

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        body: Manifest | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout_s: float,
        permit: Permit | None = None,
    ) -> Manifest:
        started_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(timeout_s):
                if permit is not None:
                    await self._learn()
                    permit.send()
                status, answer = await self._ask(method, path, dict(params or {}), body or {}, content_type)
        except (TimeoutError, OSError) as error:
            self._tell(method, 0, started_s)
            raise UnreachableError(type(error).__name__, str(error) or type(error).__name__) from error
        if permit is not None:
            permit.answered = True
        self._tell(method, status, started_s)
        raise_for(status, answer)
        return answer

    async def _learn(self) -> None:
        """Ask whose the connection is before its first write, as the real connector does."""
        life = self._api.lives
        if self.confirm is not None and self._known != life:
            await self.confirm()
            self._known = life
            if self._api.lives != life:
                raise ConnectionResetError("reset")

    async def _ask(
        self, method: str, path: str, query: dict[str, str], body: Manifest, content_type: str
    ) -> tuple[int, Manifest]:
        api, process, chance = self._api, self._process, self._api.chance
        if self._closed or process.dead:
            raise ConnectionResetError("closed")
        state, led, life = api.state, process.leads(), api.lives
        writes = method != "GET"
        if (refused := await self._meet(state)) is not None:
            if writes and refused[0] == TOO_MANY_REQUESTS:
                api.refused(process, path)
            return refused
        if writes and process.crashes(before=True):
            await asyncio.Event().wait()
        if state != SLOW and not api.delay_s:
            await asyncio.sleep(0)
            found = self._carry_out(method, path, query, body, content_type, led=led, life=life)
        else:
            # What is under way arrives by the world's time: a process that is paused meanwhile delays nothing.
            found = await self._travel(
                chance.uniform(0.0, 12.0 if state == SLOW else api.delay_s),
                lambda: self._carry_out(method, path, query, body, content_type, led=led, life=life),
            )
        return await self._answer(found, state, writes=writes)

    def _carry_out(
        self, method: str, path: str, query: dict[str, str], body: Manifest, content_type: str, *, led: bool, life: int
    ) -> tuple[int, Manifest]:
        """Let the API server do it; `led` says whether it was asked by one that led, `life` in which of its lives."""
        api, process, writes = self._api, self._process, method != "GET"
        if process.dead or api.lives != life:
            raise ConnectionResetError("closed")
        if writes:
            process.led = led
            api.asked(process, method, path, body)
        try:
            found = self._discovered(path) or api.objects.handle(method, path, query, copied(body), content_type)
        except Problem as problem:
            return problem.status, problem.body
        if writes:
            api.told(process, method, path, body)
        process.sees(path, found[1])
        return found

    async def _answer(self, found: tuple[int, Manifest], state: str, *, writes: bool) -> tuple[int, Manifest]:
        """Bring the answer back, unless it is lost on its way, or who asked dies first."""
        process, chance, slow = self._process, self._api.chance, state == SLOW
        answer = copied(found[1])
        if writes and process.crashes(before=False):
            await asyncio.Event().wait()
        if state == LOSSY and chance.random() < 0.5:
            await asyncio.Event().wait()
        if slow:
            await self._travel(chance.uniform(0.0, 6.0), lambda: None)
        return found[0], answer

    async def _meet(self, state: str) -> tuple[int, Manifest] | None:
        """Meet what the link does; returns the answer, as status and body, where the request does not get through."""
        chance = self._api.chance
        if state == REFUSED:
            raise ConnectionRefusedError(111, "refused")
        if state == HOLE or (state == LOSSY and chance.random() < 0.3):
            await asyncio.Event().wait()
        if state == EXPIRED:
            return 401, {"reason": "Unauthorized", "message": "expired"}
        if state == BUSY and chance.random() < 0.7:
            return TOO_MANY_REQUESTS, {"reason": "TooManyRequests", "message": "busy"}
        return None

    async def _travel(self, seconds: float, then: Callable[[], T]) -> T:
        """Be under way, and do something at the end, unless nobody waits for it any more."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[T] = loop.create_future()

        def arrive() -> None:
            if loop.is_closed() or arrived.done():
                return
            try:
                found = then()
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                arrived.set_exception(error)
            else:
                arrived.set_result(found)

        self._api.clock.at(self._api.clock.now_s + seconds, arrive)
        return await arrived

    @staticmethod
    def _discovered(path: str) -> tuple[int, Manifest] | None:
        if path == "/version":
            return 200, {"gitVersion": "v1.34.0"}
        group = path.removeprefix("/apis/").removeprefix("/api/")
        if group in KINDS:
            return 200, {"resources": [{"name": kind.lower(), "kind": kind} for kind in KINDS[group]]}
        return None

    async def watch(
        self, resource: Resource, *, since: str, namespace: str = "", params: Mapping[str, str] | None = None
    ) -> AsyncIterator[tuple[str, Manifest]]:
        """Stream as the real client does."""
        api = self._api
        query = {"watch": "true", "resourceVersion": since, **(params or {})}
        end: Callable[[], None] = lambda: None  # noqa: E731 - replaced once there is a stream
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                if self._closed or self._process.dead:
                    raise ConnectionResetError("closed")
                if (refused := await self._meet(api.state)) is not None:
                    raise_for(*refused)
                stream, end = await api.open_stream(resource.path(namespace), query)
            while True:
                while stream.events:
                    event = stream.events.popleft()
                    if event is None:
                        return
                    self._process.sees(resource.path(namespace), event[1])
                    yield event
                stream.filled.clear()
                async with asyncio.timeout(WATCH_SILENCE_S):
                    await stream.filled.wait()
        except Problem as problem:
            raise_for(problem.status, problem.body)
        except (TimeoutError, OSError) as error:
            raise UnreachableError(type(error).__name__, str(error) or type(error).__name__) from error
        finally:
            with suppress(ValueError):
                end()
