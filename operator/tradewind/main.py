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

from tradewind.apply.events import EventWriter
from tradewind.apply.executor import Executor
from tradewind.apply.report import Report
from tradewind.kube.client import ApiServer
from tradewind.kube.fence import Fence, boot_s, unfenced
from tradewind.kube.kubeconfig import own_configuration
from tradewind.observe.anchors import AnchorChecks
from tradewind.observe.canaries import Canaries
from tradewind.observe.feed import Feed
from tradewind.observe.measuring import Measuring
from tradewind.observe.members import Members
from tradewind.observe.shell import Shell, connection_info
from tradewind.observe.status_feeds import StatusFeeds
from tradewind.runtime.chores import Chores
from tradewind.runtime.collector import make_seldom
from tradewind.runtime.endpoints import serve
from tradewind.runtime.judging import TICK_S, Judging
from tradewind.runtime.lease import Lease, LeaseLostError
from tradewind.runtime.loop import Loop
from tradewind.runtime.metrics import Metrics
from tradewind.runtime.noting import Noting
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

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
    """One operator process: it watches and judges from the first moment on, and acts once it leads."""

    def __init__(self, settings: Settings, configuration: Any) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._configuration = configuration
        self._fence = Fence(boot_s)
        self._hub = self._client(self._fence)
        # A client of its own: a renewal must not queue behind the writes that depend on it.
        self._lease = Lease(
            self._client(unfenced()),
            self._fence,
            namespace=settings.namespace,
            identity=f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}",
        )
        self.metrics.leader.set_function(lambda: float(self._fence.is_open))
        self._judge: Callable[[], None] = lambda: None
        self._ticked_s: float | None = None
        self._warm = False
        self._loop: Loop | None = None
        self._members: Members | None = None

    def _client(self, fence: Fence) -> ApiServer:
        return ApiServer("hub", self._configuration, fence=fence, on_call=self.metrics.count_request)

    # What the executor asks of the rest.

    def server(self, cluster: str) -> ApiServer | None:
        """Find the client of a member."""
        return self._members.server(cluster) if self._members else None

    def may_write(self) -> bool:
        """Whether this operator leads, and knows what the one before it has written."""
        return self._loop is not None and self._fence.is_open

    def placed(self, seconds: float) -> None:
        """Count a placement."""
        self.metrics.placement_seconds.observe(seconds)

    def moved(self, seconds: float) -> None:
        """Count a move."""
        self.metrics.move_seconds.observe(seconds)

    def passed(self, phase: str, seconds: float) -> None:
        """Count a phase of a move."""
        self.metrics.phase_seconds.labels(phase).observe(seconds)

    async def run(self) -> None:
        """Run until a signal or the loss of the lease ends it.

        Raises:
            LeaseLostError: another operator leads now.
        """
        settings = self._settings
        async with serve(
            self.metrics,
            host=settings.listen_host,
            port=settings.listen_port,
            healthy=self._unhealthy,
            ready=self._unready,
            state=self._state,
        ) as port:
            log.info("listening port=%s", port)
            try:
                async with asyncio.TaskGroup() as tasks:
                    self._stop_on_signals(tasks)
                    await self._work(tasks)
            except* Stopped:
                log.info("asked to stop")
            finally:
                await self._end()

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        """Get to know the fleet, wait for the lease, take over, and decide.

        The lease is asked for only now: one that is given back goes to a standby that can act, not to one that starts.
        """
        store = Store(woken=lambda: self._loop.wake() if self._loop else None, wall=time.time)
        members = self._members = Members(
            store,
            tasks,
            namespace=self._settings.namespace,
            hub_name=self._settings.hub_name,
            fence=self._fence,
            on_call=self.metrics.count_request,
        )
        feed = Feed(self._hub, store, members, namespace=self._settings.namespace)
        await self._watch(tasks, feed)
        loop = await self._start(tasks, store, feed)
        await loop.wait_for_members()
        self._warm = True
        await self._lease.acquire()
        tasks.create_task(self._lease.keep(back=feed.list_again), name="lease")
        # Another has led until a moment ago: decided by what was seen before its last writes, its work would be undone.
        members.list_copies_again()
        await feed.list_anew()
        store.recall()
        self._judge()
        self._loop = loop
        tasks.create_task(loop.run(tasks), name="loop")

    async def _start(self, tasks: asyncio.TaskGroup, store: Store, feed: Feed) -> Loop:
        """Start all that judges, and what writes only while this operator leads."""
        settings = self._settings
        events = EventWriter(self._hub)
        report = Report(events, self, wall=time.time)
        executor = Executor(store, self._hub, self, report, hub_name=settings.hub_name, wall=time.time)
        chores = Chores(
            store, self._hub, self, feed, hub_name=settings.hub_name, config_period_s=settings.config_period_s
        )
        noting = Noting(store, self._hub, may_write=self.may_write)
        tasks.create_task(noting.run(), name="noting")
        self._judge = Judging(store, self.metrics, on_lost=noting.wake).tick
        tasks.create_task(self._judge_for_ever(), name="judging")
        tasks.create_task(AnchorChecks(store).run(), name="anchors")
        canaries = Canaries(
            store,
            self.server,
            namespace=settings.namespace,
            hub_name=settings.hub_name,
            may_write=self.may_write,
            tell=events.say,
            wall=time.time,
        )
        tasks.create_task(canaries.run(), name="canaries")
        tasks.create_task(events.run(quiet=executor.quiet), name="events")
        tasks.create_task(chores.write_statuses(), name="statuses")
        tasks.create_task(chores.sweep(), name="sweep")
        tasks.create_task(chores.keep_config(), name="config")
        await self._ask_others(tasks, store, events)
        return Loop(store, executor, self.metrics, may_write=self.may_write)

    async def _watch(self, tasks: asyncio.TaskGroup, feed: Feed) -> None:
        """Watch the hub, and through it the members; returns once the hub has been listed."""
        login = partial(connection_info, self._configuration)
        shell = Shell(login, feed.take, restarted=self.metrics.watch_restarts.inc)
        for informer in feed.informers():
            tasks.create_task(informer.run())
        await feed.wait_for_lists()
        await feed.list_until_complete()
        tasks.create_task(shell.run(), name="kopf")
        tasks.create_task(feed.resync_for_ever(), name="resync")

    async def _ask_others(self, tasks: asyncio.TaskGroup, store: Store, events: EventWriter) -> None:
        """Ask servers of metrics and status feeds for ever, and wait for the first answers, but not for long."""
        measuring = Measuring(store, tell=events.say, on_answer=self.metrics.count_answer)
        self.metrics.figure_times.read = measuring.times
        tasks.create_task(measuring.run(), name="measuring")
        feeds = StatusFeeds(store, tell=events.say, on_reading=self.metrics.count_reading)
        tasks.create_task(feeds.run(), name="status feeds")
        waits = (measuring.wait_until_read, feeds.wait_until_read)
        await asyncio.gather(*(wait(MAX_WAIT_FOR_FIGURES_S) for wait in waits))

    async def _judge_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._judge()
            self._ticked_s = loop.time()
            await asyncio.sleep(TICK_S)

    async def _end(self) -> None:
        """Give the lease back, if a signal has not done that already, and close what is open."""
        await self._lease.give_back()
        await self._lease.close()
        await self._hub.close()

    def _unhealthy(self) -> str:
        if self._ticked_s is None:
            return ""
        silent_s = asyncio.get_running_loop().time() - self._ticked_s
        return f"the judging loop has been silent for {silent_s:.0f} s" if silent_s > MAX_SILENT_TICKS_S else ""

    def _unready(self) -> str:
        return "" if self._warm else "waiting for the first lists of the hub and of the members"

    def _state(self) -> str:
        return "ok" if self._loop is not None and self._loop.started else "ok, on standby"

    def _stop_on_signals(self, tasks: asyncio.TaskGroup) -> None:
        stopping = asyncio.Event()

        async def stop() -> None:
            await stopping.wait()
            # Before anything is cancelled: what is under way ends in order, so that the standby need not wait for it.
            await self._lease.give_back()
            raise Stopped

        tasks.create_task(stop(), name="signals")
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)


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
    make_seldom()
    return asyncio.run(_operate(settings))
