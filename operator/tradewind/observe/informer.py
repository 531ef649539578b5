"""List, then watch, one kind on one API server, so that what is known never holds ghosts.

kopf and the Kubernetes clients replay survivors after a gap and say nothing of what was deleted meanwhile; here
every list replaces all that was known before.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from tradewind.errors import RetryableError, TradewindError
from tradewind.kube.backoff import backoff_s
from tradewind.kube.errors import ExpiredError
from tradewind.kube.waiting import set_within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tradewind.kube.client import ApiServer, Manifest
    from tradewind.kube.resources import Resource

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 20.0
SHORT_WATCH_S = 1.0
"""A watch that ends sooner, without news, is a failure: asked again at once, it would be asked all the time."""
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
    """Keeps one sink in step with one collection, for ever; run it as a task.

    Attributes:
        failures: how often in a row it has failed; 0 once a watch has brought news or has held for some time.
        listed: set while the last list that was asked for has come.
    """

    def __init__(
        self,
        server: ApiServer,
        resource: Resource,
        sink: Sink,
        *,
        namespace: str = "",
        params: Mapping[str, str] | None = None,
        confirm: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`confirm` is asked after each list, before that counts; where it raises, the list is made again."""
        self._server = server
        self._resource = resource
        self._sink = sink
        self._namespace = namespace
        self._params = dict(params or {})
        self._confirm = confirm
        self._again = asyncio.Event()
        self.failures = 0
        self.listed = asyncio.Event()

    def list_again(self) -> None:
        """Drop the present stream and back-off, and list: after an outage the stream may hang on a dead connection."""
        self.listed.clear()
        self._again.set()

    async def run(self) -> None:
        """List and watch until cancelled. Errors are retried with a growing, jittered back-off."""
        while True:
            stream = asyncio.create_task(self._list_and_watch())
            again = asyncio.create_task(self._again.wait())
            try:
                await asyncio.wait((stream, again), return_when=asyncio.FIRST_COMPLETED)
                if again.done():
                    self._again.clear()
                    self.failures = 0
                    continue
                expired = self._ended(stream.exception())
            finally:
                for task in (stream, again):
                    task.cancel()
                await asyncio.gather(stream, again, return_exceptions=True)
            if not expired:
                await self._back_off()

    def _ended(self, error: BaseException | None) -> bool:
        """Count a failure; a version that has merely expired calls for a new list at once."""
        self.failures += 1
        if isinstance(error, ExpiredError) and self.failures == 1:
            return True
        if isinstance(error, TradewindError):
            log.debug("informer cluster=%s kind=%s error=%s", self._server.name, self._resource.plural, error)
        else:
            # A bug or an object of a shape never seen must not end the operator's eyes on everything else.
            log.error("informer failed cluster=%s kind=%s", self._server.name, self._resource.plural, exc_info=error)
        self._sink.stale()
        return False

    async def _back_off(self) -> None:
        pause_s = backoff_s(self.failures, first_s=FIRST_BACKOFF_S, most_s=MAX_BACKOFF_S)
        await set_within(self._again, pause_s)

    async def _list_and_watch(self) -> None:
        # A 404 is an error like any other: all that is watched here is part of Kubernetes, and a proxy that has lost
        # its server answers so too. Taken for an empty list, it would have all work placed a second time.
        items, version = await self._server.list_all(self._resource, namespace=self._namespace, params=self._params)
        if self._confirm is not None:
            await self._confirm()
        self._sink.replace(items)
        if not self._again.is_set():
            self.listed.set()
        while True:
            version = await self._watch(version)

    async def _watch(self, version: str) -> str:
        """Follow one stream to its end; returns the version to go on from."""
        loop = asyncio.get_running_loop()
        started_s, since = loop.time(), version
        try:
            async for kind, item in self._server.watch(
                self._resource, since=version, namespace=self._namespace, params=self._params
            ):
                before, version = version, item["metadata"]["resourceVersion"]
                if _goes_back(before, version):
                    raise ExpiredError("Restored", f"The API server went back from version {before} to {version}.")
                self.failures = 0
                if kind != "BOOKMARK":
                    self._sink.change(kind, item)
        finally:
            if loop.time() - started_s > MAX_BACKOFF_S:
                self.failures = 0
        if version == since and loop.time() - started_s < SHORT_WATCH_S:
            raise RetryableError("WatchEnded", "The stream ended as soon as it had begun.")
        return version


def _goes_back(before: str, after: str) -> bool:
    """Whether a server was restored from a backup: what it held until then it may hold no more, and says nothing of."""
    return before.isdigit() and after.isdigit() and int(after) < int(before)
