"""A server over real HTTP that answers queries as a Prometheus does, or as one that is broken."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Respond = web.StreamResponse


class FakePrometheus:
    """Use as `async with FakePrometheus() as server`.

    Attributes:
        values: what each query gives; `at_s` is when it was scraped.
        respond: answers instead, where it is set.
        asked: the queries, without those for the time of a scrape.
        busiest: how many were under way at once, at most.
    """

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.at_s = 0.0
        self.respond: Callable[[web.Request], Awaitable[Respond]] | None = None
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.pause_s = 0.0
        self.busiest = 0
        self.port = 0
        self._busy = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after a stop on the same port."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, request: web.Request) -> Respond:
        form = {name: str(value) for name, value in (await request.post()).items()}
        query = form.get("query", "")
        self.forms.append(form)
        self.headers.append(dict(request.headers))
        if not query.startswith("timestamp("):
            self.asked.append(query)
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            await asyncio.sleep(self.pause_s)
            return await self._answer(request, query)
        finally:
            self._busy -= 1

    async def _answer(self, request: web.Request, query: str) -> Respond:
        if self.respond is not None:
            return await self.respond(request)
        if query.startswith("timestamp(("):
            inner = query.removeprefix("timestamp((\n").removesuffix("\n))")
            return web.json_response(vector(self.at_s if inner in self.values else None, at_s=self.at_s + 1))
        return web.json_response(vector(self.values.get(query), at_s=self.at_s + 1, __name__="price"))

    # What a broken one does.

    def says(self, body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Let every query be answered so."""
        text = body if isinstance(body, str) else json.dumps(body)

        async def respond(_: web.Request) -> Respond:
            return web.Response(text=text, status=status, headers=headers, content_type="application/json")

        self.respond = respond

    def halves(self) -> None:
        """Let every answer end in the middle."""

        async def respond(request: web.Request) -> Respond:
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"status": "success", "data"')
            assert request.transport is not None
            request.transport.abort()
            return response

        self.respond = respond

    def trickles(self) -> None:
        """Let every answer go on for ever, a little at a time."""

        async def respond(request: web.Request) -> Respond:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.02)

        self.respond = respond

    def floods(self, bytes_: int) -> None:
        """Let every answer be this long."""
        self.says("[" + " " * bytes_ + "]")


def vector(*values: float | str | None, at_s: float = 0.0, **labels: str) -> dict[str, Any]:
    """Make an instant vector; several values differ by the label `gpu`."""
    written = [value for value in values if value is not None]
    several = len(written) > 1
    result = []
    for number, value in enumerate(written):
        metric = {**labels, "gpu": f"g{number}"} if several else labels
        result.append({"metric": metric, "value": [at_s, str(value)]})
    return {"status": "success", "data": {"resultType": "vector", "result": result}}
