"""/healthz, /readyz and /metrics over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tradewind.runtime.metrics import Metrics


@asynccontextmanager
async def serve(
    metrics: Metrics,
    *,
    host: str,
    port: int,
    healthy: Callable[[], str],
    ready: Callable[[], str],
    state: Callable[[], str] = lambda: "ok",
) -> AsyncIterator[int]:
    """Serve the endpoints; yields the port, which is chosen freely for 0.

    `healthy` and `ready` return "" where all is well, else what is not; `state` says what a ready one does.
    """

    async def healthz(_: web.Request) -> web.Response:
        return _answer(healthy())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(ready(), well=state())

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", show_metrics)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _answer(problem: str, *, well: str = "ok") -> web.Response:
    return web.Response(status=503 if problem else 200, text=(problem or well) + "\n")
