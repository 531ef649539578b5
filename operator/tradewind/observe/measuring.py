"""Reads the figures of all metrics from their Prometheus servers, in rounds, and keeps what is believed of them."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from tradewind.kube.backoff import backoff_s
from tradewind.kube.waiting import set_within
from tradewind.model.fleet import FigureState
from tradewind.observe.answer import session_with_strangers
from tradewind.observe.prometheus import Prometheus, Reading
from tradewind.state.figures import NOT_ASKED, Figure, Problem, Sample, check, hear
from tradewind.state.measured import Measured, differ, market_of, measure, said_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import aiohttp

    from tradewind.model.fleet import Cluster, Metric
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

Manifest = dict[str, Any]
Asked = tuple["ClusterEntry", "Metric"]
log = logging.getLogger(__name__)

TICK_S = 0.5
"""How often it is looked whether a figure has grown too old, or a round is due."""
AT_ONCE = 8
"""Queries to one server at a time: less than half of the twenty that it runs at a time for everybody."""
SILENT = 3
"""A server that has left so many queries in a row unanswered is not asked any more in this round."""
MAX_PAUSE_S = 300.0
"""Between two rounds to a server that does not answer."""
NO_SERVER = Problem(
    FigureState.UNAVAILABLE,
    "NoServer",
    "No server is named: set spec.prometheus.url in the ClusterPlacementPolicy, or prometheus.url in the metric.",
)


class Tell(Protocol):
    """Queues a Kubernetes Event."""

    def __call__(
        self, obj: Manifest, *, reason: str, note: str, action: str, at_s: float, warning: bool = False
    ) -> None:
        """Queue one event about an object."""


@dataclass(slots=True)
class Server:
    """One address.

    Attributes:
        asked: what it is asked for; `new` where there may be metrics that it has not been asked for yet.
        failures: rounds in a row without any answer.
        due_s: when the next round may begin, by the loop's clock.
        answers: queries of this round that were answered.
        silent: queries of this round that were not, in a row; `problem` says why not.
    """

    asked: list[Asked] = field(default_factory=list)
    new: bool = True
    failures: int = 0
    rounds: int = 0
    due_s: float = 0.0
    answers: int = 0
    silent: int = 0
    problem: Problem = NOT_ASKED
    task: asyncio.Task[None] | None = None
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


class Measuring:
    """Runs as one task.

    Args:
        store: whose clusters name the metrics, and which is told of changed prices.
        tell: takes one Event for each change of a figure's state.
        on_answer: told (cluster, reason) of each answer; reason "" of a good one.
    """

    def __init__(
        self,
        store: Store,
        *,
        tell: Tell,
        on_answer: Callable[[str, str], None] = lambda *_: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._tell = tell
        self._on_answer = on_answer
        self._wall = wall
        self._servers: dict[str, Server] = {}
        self._default = ""
        self._specs: dict[str, Cluster | None] = {}
        self._unsettled: set[str] = set()
        self._expires_s: dict[str, float] = {}
        self._read_once = asyncio.Event()

    async def run(self) -> None:
        """Ask, for ever."""
        async with session_with_strangers({"Accept": "application/json"}) as session, asyncio.TaskGroup() as group:
            while True:
                self.tick(group, session)
                await asyncio.sleep(TICK_S)

    async def wait_until_read(self, at_most_s: float) -> None:
        """Wait until each server has been asked once, so that nothing is decided by a spec's figure for no reason."""
        if not await set_within(self._read_once, at_most_s):
            log.warning("deciding without measured figures")

    def times(self) -> Iterator[tuple[str, str, float]]:
        """Say when the oldest sample that is believed was taken, by cluster and field; 0 where none ever was."""
        for entry in self._store.clusters.values():
            oldest: dict[str, float] = {}
            for metric, figure in entry.figures.values():
                at_s = 0.0 if figure.believed is None else figure.believed.at_s
                oldest[metric.field] = min(at_s, oldest.get(metric.field, at_s))
            yield from ((entry.name, field, at_s) for field, at_s in oldest.items())

    def tick(self, group: asyncio.TaskGroup, session: aiohttp.ClientSession) -> None:
        """Start the rounds that are due, and see which figures have grown too old."""
        now_s = asyncio.get_running_loop().time()
        self._look_for_changes()
        for url, server in self._servers.items():
            # A metric that has just been declared does not wait for the next round of all.
            due = server.due_s <= now_s
            if server.task is not None or not (due or (server.new and not server.failures)):
                continue
            server.new = False
            if wanted := server.asked if due else [each for each in server.asked if not _heard(*each)]:
                server.task = group.create_task(self._round(server, url, wanted, session), name=f"prometheus {url}")
        wall_s = self._wall()
        late = [name for name, expires_s in self._expires_s.items() if expires_s < wall_s]
        names, self._unsettled = self._unsettled.union(late), set()
        entries = [entry for name in sorted(names) if (entry := self._store.clusters.get(name)) is not None]
        # All of a tick are told at once: whoever is woken looks at all prices anyway.
        if sum(self._settle(entry) for entry in entries):
            self._store.prices_changed()
        if all(server.rounds for server in self._servers.values()):
            self._read_once.set()

    def _look_for_changes(self) -> None:
        """Sort the metrics by server anew where any has changed; those without one are told so here."""
        default = self._store.hub.policy.prometheus.url
        specs = {name: entry.spec for name, entry in self._store.clusters.items()}
        if default == self._default and same_objects(specs, self._specs):
            return
        self._unsettled.update(name for name, spec in specs.items() if spec is not self._specs.get(name))
        self._default, self._specs = default, specs
        self._expires_s = {name: at_s for name, at_s in self._expires_s.items() if name in specs}
        asked: dict[str, list[Asked]] = {}
        for entry in self._store.clusters.values():
            for metric in entry.spec.metrics if entry.spec is not None else ():
                url = metric.url or default
                if url:
                    asked.setdefault(url, []).append((entry, metric))
                else:
                    self._hear(entry, metric, NO_SERVER)
        for url in self._servers.keys() - asked.keys():
            task = self._servers.pop(url).task
            if task is not None:
                task.cancel()
        for url, metrics in asked.items():
            server = self._servers.setdefault(url, Server())
            server.asked, server.new = metrics, True

    async def _round(self, server: Server, url: str, asked: list[Asked], session: aiohttp.ClientSession) -> None:
        """Ask a server for all its metrics, and say when it is to be asked again."""
        policy = self._store.hub.policy.prometheus
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        prometheus = Prometheus(session, url, timeout_s=policy.timeout_s)
        server.silent = server.answers = 0
        try:
            await asyncio.gather(*(self._ask(server, prometheus, entry, metric) for entry, metric in asked))
        except Exception:
            # An answer of a shape never seen must not end the figures of all other servers.
            log.exception("round failed server=%s", url)
        if server.answers and server.failures:
            log.info("prometheus answers again server=%s", url)
        elif not server.answers and not server.failures:
            log.warning("prometheus does not answer server=%s reason=%s", url, server.problem.reason)
        server.rounds += 1
        server.failures = 0 if server.answers else server.failures + 1
        pause_s = policy.interval_s
        if server.failures:
            longest_s = max(MAX_PAUSE_S, policy.interval_s)
            pause_s = backoff_s(server.failures, first_s=2 * policy.interval_s, most_s=longest_s)
        if server.failures or server.due_s <= started_s:
            server.due_s = started_s + pause_s
        server.task = None

    async def _ask(self, server: Server, prometheus: Prometheus, entry: ClusterEntry, metric: Metric) -> None:
        async with server.limit:
            silent = server.silent >= SILENT
            answer = server.problem if silent else await prometheus.ask(metric.query)
        if isinstance(answer, Problem) and answer.state is FigureState.UNAVAILABLE:
            server.silent += 1
            server.problem = answer
        else:
            server.silent = 0
            server.answers += 1
        self._hear(entry, metric, answer)

    def _hear(self, entry: ClusterEntry, metric: Metric, answer: Reading | Problem) -> None:
        """Take an answer, unless it is one to a question that nobody asks any more."""
        if entry.spec is None or metric not in entry.spec.metrics:
            return
        now_s = self._wall()
        sample: Sample | Problem
        if isinstance(answer, Problem):
            sample = answer
        else:
            market = market_of(entry.spec, metric)
            sample = check(answer.value, answer.at_s, field=metric.field, market=market, now_s=now_s)
        said = said_by(entry.spec, metric)
        figure = figure_of(entry, metric) or Figure()
        figure = hear(figure, sample, said=said, max_age_s=metric.max_age_s, now_s=now_s)
        entry.figures[metric.name] = metric, figure
        self._unsettled.add(entry.name)
        self._on_answer(entry.name, figure.problem.reason if figure.problem else "NotConfirmed" if figure.rival else "")

    def _settle(self, entry: ClusterEntry) -> bool:
        """See what the figures of a cluster say now, and tell of changed states; whether one that counts changed."""
        if entry.spec is None:
            return False
        before = {each.metric.name: each for each in entry.measured}
        now_s = self._wall()
        heard = [(metric, figure_of(entry, metric)) for metric in entry.spec.metrics]
        known = [(metric, figure) for metric, figure in heard if figure is not None and figure.problem is not NOT_ASKED]
        after = tuple(measure(metric, figure, before.get(metric.name), now_s=now_s) for metric, figure in known)
        ends = [figure.believed.at_s + metric.max_age_s for metric, figure in known if figure.believed is not None]
        ends = [at_s for at_s in ends if at_s >= now_s]
        self._expires_s.pop(entry.name, None)
        if ends:
            self._expires_s[entry.name] = min(ends)
        if len(after) == len(before) and all(each is before.get(each.metric.name) for each in after):
            return False
        changed = differ(entry.spec, entry.measured, after)
        entry.measured = after
        entry.figures = {metric.name: (metric, figure) for metric, figure in heard if figure is not None}
        for each in after:
            self._tell_of(entry, each)
        return changed

    def _tell_of(self, entry: ClusterEntry, measured: Measured) -> None:
        """Say each change of state once; that a figure is fresh from the beginning is no news."""
        name, state = measured.metric.name, measured.state
        was, entry.told[name] = entry.told.get(name, FigureState.FRESH), state
        if state is was:
            return
        log.info("metric cluster=%s name=%s from=%s to=%s", entry.name, name, was, state)
        self._tell(
            entry.raw,
            reason=f"Metric{state}",
            note=f"{name}: {measured.message}",
            action="Measure",
            at_s=self._wall(),
            warning=state is not FigureState.FRESH,
        )


def figure_of(entry: ClusterEntry, metric: Metric) -> Figure | None:
    """Find what is known of a metric; nothing where something else was asked under its name."""
    asked, figure = entry.figures.get(metric.name, (None, None))
    same = asked is metric or (asked is not None and replace(asked, max_age_s=metric.max_age_s) == metric)
    return figure if same else None


def same_objects(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two mappings hold the very same objects."""
    return one.keys() == other.keys() and all(each is other[name] for name, each in one.items())


def _heard(entry: ClusterEntry, metric: Metric) -> bool:
    figure = figure_of(entry, metric)
    return figure is not None and figure.problem is not NOT_ASKED
