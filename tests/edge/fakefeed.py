"""A provider's status feed over real HTTP, whole or broken."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Self

from aiohttp import web


class FakeFeed:
    """Use as `async with FakeFeed() as server`; it answers with `body`, and with 304 to whoever has it.

    Attributes:
        slow: it takes longer than anyone waits.
        asked: the headers of each request.
    """

    def __init__(self, body: bytes = b"[]") -> None:
        self.body = body
        self.status = 200
        self.headers: dict[str, str] = {}
        self.slow = False
        self.conditional = True
        self.asked: list[dict[str, str]] = []
        self.answered: list[int] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/feed", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/feed"

    async def _serve(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        if self.slow:
            await asyncio.sleep(60)
        answer = self._answer(request)
        self.answered.append(answer.status)
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        mark = f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'
        headers = {"ETag": mark, "Last-Modified": "Sun, 01 Mar 2026 12:51:25 GMT"} if self.conditional else {}
        if self.status == web.HTTPOk.status_code and request.headers.get("If-None-Match") == mark:
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.body, status=self.status, headers=headers | self.headers)
