"""Wiring of the operator: everything is made once, here, and runs in one task group."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING

import kopf

from tradewind.apply.events import EventWriter
from tradewind.apply.executor import Executor
from tradewind.apply.report import Report
from tradewind.kube.client import ApiServer
from tradewind.kube.kubeconfig import own_configuration
from tradewind.observe.feed import Feed
from tradewind.observe.measuring import Measuring
from tradewind.observe.members import Members
from tradewind.observe.shell import Shell
from tradewind.observe.status_feeds import StatusFeeds
from tradewind.runtime.chores import Chores
from tradewind.runtime.endpoints import serve
from tradewind.runtime.judging import TICK_S, Judging
from tradewind.runtime.lease import Lease, LeaseLostError
from tradewind.runtime.loop import Loop
from tradewind.runtime.metrics import Metrics
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from tradewind.observe.informer import Informer
    from tradewind.settings import Settings

log = logging.getLogger(__name__)

EXIT_LEASE_LOST = 3
MAX_SILENT_TICKS_S = 10.0
"""A judging loop that has not ticked for this long makes /healthz fail."""

MAX_WAIT_FOR_FIGURES_S = 3.0
"""A Prometheus or a status feed that does not answer must not keep work from fleeing an outage."""


class Stopped(Exception):  # noqa: N818 - a signal, not an error
    """SIGTERM or SIGINT asked the operator to end."""


class Operator:
    """One operator process."""

    def __init__(self, settings: Settings, configuration: Any) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._configuration = configuration
        self._hub = ApiServer("hub", configuration, on_call=self.metrics.count_request)
        self._lease = Lease(
            self._hub, namespace=settings.namespace, identity=f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        )
        self._ticked_s = 0.0
        self._loop: Loop | None = None
        self._members: Members | None = None

    # What the executor asks of the rest.

    def server(self, cluster: str) -> ApiServer | None:
        """Find the client of a member."""
        return self._members.server(cluster) if self._members else None

    def may_write(self) -> bool:
        """Whether this operator leads."""
        holds = self._lease.holds()
        self.metrics.leader.set(holds)
        return holds

    def placed(self, seconds: float) -> None:
        """Count a placement."""
        self.metrics.placement_seconds.observe(seconds)

    def moved(self, seconds: float) -> None:
        """Count a move."""
        self.metrics.move_seconds.observe(seconds)

    async def run(self) -> None:
        """Run until a signal or the loss of the lease ends it.

        Raises:
            LeaseLostError: another operator leads now.
        """
        settings = self._settings
        self._ticked_s = asyncio.get_running_loop().time()
        async with serve(
            self.metrics,
            host=settings.listen_host,
            port=settings.listen_port,
            healthy=self._unhealthy,
            ready=self._unready,
        ) as port:
            log.info("listening port=%s", port)
            try:
                async with asyncio.TaskGroup() as tasks:
                    self._stop_on_signals(tasks)
                    await self._lease.acquire()
                    await self._start(tasks)
            except* Stopped:
                log.info("asked to stop")
            finally:
                await self._lease.give_back()
                await self._hub.close()

    async def _start(self, tasks: asyncio.TaskGroup) -> None:
        """Start every part, sources first; the loop decides once all of them have listed."""
        settings = self._settings
        store = Store(woken=lambda: self._loop.wake() if self._loop else None)
        members = self._members = Members(
            store, tasks, namespace=settings.namespace, hub_name=settings.hub_name, on_call=self.metrics.count_request
        )
        feed = Feed(self._hub, store, members, namespace=settings.namespace)
        events = EventWriter(self._hub)
        report = Report(events, self, wall=time.time)
        executor = Executor(store, self._hub, self, report, hub_name=settings.hub_name, wall=time.time)
        chores = Chores(
            store, self._hub, self, feed, hub_name=settings.hub_name, config_period_s=settings.config_period_s
        )
        shell = Shell(self._login, feed.take, restarted=self.metrics.watch_restarts.inc)

        informers = feed.informers()
        for informer in informers:
            tasks.create_task(informer.run())
        # Their pauses have grown while the hub was away; what was written since should not wait for their end.
        back = partial(_list_again, informers)
        tasks.create_task(self._lease.keep(back=back), name="lease")
        await feed.wait_for_lists()
        await feed.list_until_complete()
        tasks.create_task(shell.run(), name="kopf")
        tasks.create_task(feed.resync_for_ever(), name="resync")
        tasks.create_task(self._judge_for_ever(Judging(store, self.metrics)), name="judging")
        tasks.create_task(events.run(quiet=executor.quiet), name="events")
        tasks.create_task(chores.write_statuses(), name="statuses")
        tasks.create_task(chores.sweep(), name="sweep")
        tasks.create_task(chores.keep_config(), name="config")
        measuring = Measuring(store, tell=events.say, on_answer=self.metrics.count_answer)
        self.metrics.figure_times.read = measuring.times
        tasks.create_task(measuring.run(), name="measuring")
        feeds = StatusFeeds(store, tell=events.say, on_reading=self.metrics.count_reading)
        tasks.create_task(feeds.run(), name="status feeds")
        waits = (measuring.wait_until_read, feeds.wait_until_read)
        await asyncio.gather(*(wait(MAX_WAIT_FOR_FIGURES_S) for wait in waits))
        self._loop = Loop(store, executor, self.metrics, may_write=self.may_write)
        tasks.create_task(self._loop.run(tasks), name="loop")

    async def _judge_for_ever(self, judging: Judging) -> None:
        loop = asyncio.get_running_loop()
        while True:
            judging.tick()
            self._ticked_s = loop.time()
            await asyncio.sleep(TICK_S)

    def _login(self) -> kopf.ConnectionInfo:
        """Give kopf the very connection that the operator's own client has."""
        configuration = self._configuration
        token = configuration.api_key.get("BearerToken") or configuration.api_key.get("authorization")
        return kopf.ConnectionInfo(
            server=configuration.host,
            ca_path=configuration.ssl_ca_cert,
            token=token.removeprefix("Bearer ") if token else None,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
        )

    def _unhealthy(self) -> str:
        silent_s = asyncio.get_running_loop().time() - self._ticked_s
        leads = self._loop is not None
        return (
            f"the judging loop has been silent for {silent_s:.0f} s" if leads and silent_s > MAX_SILENT_TICKS_S else ""
        )

    def _unready(self) -> str:
        if self._loop is None:
            return "waiting for the lease, or for the hub's first lists"
        return "" if self._loop.started else "waiting for the members' first lists"

    def _stop_on_signals(self, tasks: asyncio.TaskGroup) -> None:
        stopping = asyncio.Event()

        async def stop() -> None:
            await stopping.wait()
            raise Stopped

        tasks.create_task(stop(), name="signals")
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)


def _list_again(informers: Iterable[Informer]) -> None:
    for informer in informers:
        informer.list_again()


async def _operate(settings: Settings) -> int:
    operator = Operator(settings, await own_configuration(settings.kubeconfig, settings.context))
    code = 0
    try:
        await operator.run()
    except* LeaseLostError as lost:
        log.error("ending: %s", lost.exceptions[0])  # noqa: TRY400 - no traceback: this is how it is meant to end
        code = EXIT_LEASE_LOST
    return code


def run(settings: Settings) -> int:
    """Run the operator; returns the process' exit code.

    Raises:
        TerminalError: there is no usable kubeconfig.
    """
    logging.basicConfig(
        level=os.environ.get("TRADEWIND_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for noisy in ("kopf", "asyncio", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return asyncio.run(_operate(settings))
