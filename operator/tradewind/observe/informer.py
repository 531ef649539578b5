"""List, then watch, one kind on one API server, so that what is known never holds ghosts.

kopf and the Kubernetes clients replay survivors after a gap and say nothing of what was deleted meanwhile; here
every list replaces all that was known before.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Protocol

from tradewind.errors import TradewindError
from tradewind.kube.errors import ExpiredError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.kube.client import ApiServer, Manifest
    from tradewind.kube.resources import Resource

MAX_BACKOFF_S = 20.0
log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where an informer writes. Calls come from one task, in order."""

    def replace(self, items: list[Manifest]) -> None:
        """Take a complete, fresh list: what is not in it does not exist."""

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change; `kind` is ADDED, MODIFIED or DELETED."""

    def stale(self) -> None:
        """Learn that the picture may be behind, until the next `replace`."""


class Informer:
    """Keeps one sink in step with one collection, for ever; run it as a task."""

    def __init__(
        self,
        server: ApiServer,
        resource: Resource,
        sink: Sink,
        *,
        namespace: str = "",
        params: Mapping[str, str] | None = None,
    ) -> None:
        self._server = server
        self._resource = resource
        self._sink = sink
        self._namespace = namespace
        self._params = dict(params or {})
        self._again = asyncio.Event()

    def list_again(self) -> None:
        """Drop the present stream and back-off, and list: after an outage the stream may hang on a dead connection."""
        self._again.set()

    async def run(self) -> None:
        """List and watch until cancelled. Errors are retried with a growing, jittered back-off."""
        failures = 0
        while True:
            stream = asyncio.create_task(self._list_and_watch())
            again = asyncio.create_task(self._again.wait())
            try:
                await asyncio.wait((stream, again), return_when=asyncio.FIRST_COMPLETED)
                if again.done():
                    self._again.clear()
                    failures = 0
                    continue
                failures = self._ended(stream, failures)
            finally:
                for task in (stream, again):
                    task.cancel()
                await asyncio.gather(stream, again, return_exceptions=True)
            await self._back_off(failures)

    def _ended(self, stream: asyncio.Task[None], failures: int) -> int:
        error = stream.exception()
        if error is None:
            return 0
        if not isinstance(error, TradewindError):
            # A bug or an object of a shape never seen must not end the operator's eyes on everything else.
            log.error("informer failed cluster=%s kind=%s", self._server.name, self._resource.plural, exc_info=error)
        elif isinstance(error, ExpiredError):
            return 0
        else:
            log.debug("informer cluster=%s kind=%s error=%s", self._server.name, self._resource.plural, error)
        self._sink.stale()
        return failures + 1

    async def _back_off(self, failures: int) -> None:
        if failures:
            pause_s = min(MAX_BACKOFF_S, 0.25 * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
            try:
                await asyncio.wait_for(self._again.wait(), pause_s)
            except TimeoutError:
                return

    async def _list_and_watch(self) -> None:
        try:
            items, version = await self._server.list_all(self._resource, namespace=self._namespace, params=self._params)
        except NotFoundError:
            # The kind is not installed there: an empty, true list.
            self._sink.replace([])
            raise
        self._sink.replace(items)
        while True:
            async for kind, item in self._server.watch(
                self._resource, since=version, namespace=self._namespace, params=self._params
            ):
                version = item["metadata"]["resourceVersion"]
                if kind != "BOOKMARK":
                    self._sink.change(kind, item)
