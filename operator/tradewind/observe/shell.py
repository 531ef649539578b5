"""kopf as the shell: its login and watches on the hub, on a thread and an event loop of their own.

kopf cancels every task of its loop when it ends, and it ends on faults that an outage tool must outlive (an in-stream
error, an HTTP 410 on a watch). So it gets a loop to itself, its handlers only hand objects over, and it is started
again whenever it ends. What was deleted while it did not look is found by a list of our own.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import kopf
from kopf._cogs.structs.references import Insights  # an argument of kopf.spawn_tasks, and exported nowhere else

from tradewind.kube.backoff import backoff_s
from tradewind.kube.resources import FEW

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

FIRST_RESTART_S = 0.5
MAX_RESTART_S = 20.0
EXIT_S = 5.0
"""How long kopf's tasks have for their end."""
CHUNK_SIZE = 500
"""Objects a page: unpaged lists cost kopf two tasks an object at once."""


def connection_info(configuration: Any) -> kopf.ConnectionInfo:
    """Make of a configuration of kubernetes.aio, as it is now, what kopf takes for its own connections."""
    # In a pod the library writes "bearer TOKEN", of a kubeconfig "Bearer TOKEN"; kopf puts the scheme in front itself.
    token = (configuration.api_key.get("BearerToken") or "").rpartition(" ")[2].strip()
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=configuration.proxy,
    )


class Backoffs:
    """An endless, growing, jittered back-off: the hub's API server may be away for as long as it likes."""

    def __iter__(self) -> Iterator[float]:
        """Start from the shortest pause."""
        for failures in itertools.count(1):
            yield backoff_s(failures, first_s=FIRST_RESTART_S, most_s=MAX_RESTART_S)


class NoDiffs(kopf.DiffBaseStorage):
    """No record of what was handled last: nothing here asks kopf for differences, and each costs a deep copy."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        """Have nothing to compare."""
        del body, extra_fields
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Remember nothing."""
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Write nothing."""


async def _see_all_kinds(insights: Insights) -> None:
    """End if kopf has found fewer kinds than it is to watch; else never.

    It looks once, and an API server that has just been started does not serve custom resources from the first moment.
    """
    await insights.ready_resources.wait()
    if len(insights.watched_resources) < len(FEW):
        raise RuntimeError("the hub does not serve all kinds of tradewind.dev yet")
    await asyncio.Event().wait()


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run on a loop of its own, as asyncio.run does, but without waiting for ever for tasks that do not end."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main)
    finally:
        # What kopf's callbacks stumble over at the end is nobody's concern.
        loop.set_exception_handler(lambda _, context: log.debug("kopf ending message=%s", context.get("message")))
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=EXIT_S))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class Shell:
    """Runs kopf on a thread; `hand_over(plural, event_type, object)` is called on the operator's own loop."""

    def __init__(
        self,
        login: Callable[[], kopf.ConnectionInfo],
        hand_over: Callable[[str, str | None, Manifest], None],
        *,
        restarted: Callable[[], None],
    ) -> None:
        self._login = login
        self._hand_over = hand_over
        self._main = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._ended = asyncio.Event()
        self._stop_kopf: Callable[[], object] = lambda: None
        self._restarted = restarted

    async def run(self) -> None:
        """Keep kopf running until cancelled."""
        thread = threading.Thread(target=self._thread, name="kopf", daemon=True)
        thread.start()
        try:
            await self._ended.wait()
        finally:
            self._stop.set()
            # A loop that has just closed has nothing left to stop.
            with suppress(RuntimeError):
                self._stop_kopf()

    def _thread(self) -> None:
        try:
            pauses = iter(Backoffs())
            while not self._stop.is_set():
                started = threading.Event()
                try:
                    _run(self._operate(started))
                except Exception as error:  # noqa: BLE001 - whatever ended kopf, the watches must go on
                    log.warning("kopf ended, starting it again error=%s", error)
                self._restarted()
                if started.is_set():
                    pauses = iter(Backoffs())
                self._stop.wait(next(pauses))
        finally:
            # When the operator ends, its loop may be closed before kopf has come to its own end.
            with suppress(RuntimeError):
                self._main.call_soon_threadsafe(self._ended.set)

    async def _operate(self, started: threading.Event) -> None:
        registry = kopf.OperatorRegistry()
        settings = kopf.OperatorSettings()
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.watching.chunk_size = CHUNK_SIZE
        settings.networking.error_backoffs = Backoffs()
        settings.persistence.diffbase_storage = NoDiffs()
        settings.process.ultimate_exiting_timeout = None
        self._register(registry, started)
        stop = asyncio.Event()
        self._stop_kopf = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
        if self._stop.is_set():
            return
        insights = Insights()
        tasks = {
            *await kopf.spawn_tasks(
                registry=registry,
                settings=settings,
                insights=insights,
                standalone=True,
                clusterwide=True,
                stop_flag=stop,
            ),
            asyncio.create_task(_see_all_kinds(insights), name="kinds"),
        }
        # kopf.operator() would now wait for all of them to end, which some of them never do once one has failed.
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()

    def _register(self, registry: kopf.OperatorRegistry, started: threading.Event) -> None:
        """Register one handler of two lines for each kind: it returns None, and decides nothing."""

        @kopf.on.login(registry=registry)
        def login(**_: Any) -> kopf.ConnectionInfo:
            return self._login()

        for resource in FEW:
            group, version = resource.api_version.split("/")

            @kopf.on.event(group, version, resource.plural, registry=registry)
            async def seen(event: Any, plural: str = resource.plural, **_: Any) -> None:
                started.set()
                with suppress(RuntimeError):
                    self._main.call_soon_threadsafe(self._hand_over, plural, event["type"], dict(event["object"]))
