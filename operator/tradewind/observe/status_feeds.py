"""Reads the status feeds that the policy names, and tells each cluster what is announced for its region."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from tradewind.kube.backoff import backoff_s
from tradewind.kube.waiting import set_within
from tradewind.observe.answer import MAX_WORDS, NoAnswer, answer_to, session_with_strangers
from tradewind.outage.feeds.event import EventState, FeedProblem, FeedReading, ProviderEvent
from tradewind.outage.feeds.incidents import Incident, announced, concerning, confirm, forget
from tradewind.outage.feeds.sources import SOURCES
from tradewind.state.record import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.model.policy import FeedProvider, StatusFeed
    from tradewind.observe.answer import Answer
    from tradewind.observe.measuring import Tell
    from tradewind.state.fleet import ClusterEntry
    from tradewind.state.store import Store

Manifest = dict[str, Any]
log = logging.getLogger(__name__)

TICK_S = 0.5
"""How often it is looked whether a reading is due, or an event has gone unconfirmed for too long."""
TIMEOUT_S = 10.0
MAX_PAUSE_S = 600.0
"""Between two readings of a feed that fails: a third of the time after which its events are forgotten."""
OK = 200
NOT_MODIFIED = 304
REDIRECT = range(300, 400)
TOO_MANY = 429
SERVER_ERROR = range(500, 600)


@dataclass(slots=True)
class Watched:
    """One feed.

    Attributes:
        incidents: its open events by their ids.
        last: the last reading that was understood, which HTTP 304 confirms; `unless` are the headers that ask for it.
        failures: readings in a row that gave nothing.
        due_s: when it is to be read again, by the loop's clock.
    """

    feed: StatusFeed
    incidents: dict[str, Incident] = field(default_factory=dict)
    last: FeedReading | None = None
    unless: dict[str, str] = field(default_factory=dict)
    failures: int = 0
    readings: int = 0
    due_s: float = 0.0
    task: asyncio.Task[None] | None = None


class StatusFeeds:
    """Runs as one task.

    Args:
        store: whose policy names the feeds, and whose clusters are told.
        tell: takes one Event for each change of what concerns a cluster.
        on_reading: told (provider, reason, time) of each reading; reason "" of one that was understood whole.
    """

    def __init__(
        self,
        store: Store,
        *,
        tell: Tell,
        on_reading: Callable[[str, str, float], None] = lambda *_: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._tell = tell
        self._on_reading = on_reading
        self._wall = wall
        self._feeds: dict[FeedProvider, Watched] = {}
        self._told: dict[str, frozenset[str]] = {}
        self._read_once = asyncio.Event()

    async def run(self) -> None:
        """Read, for ever."""
        async with session_with_strangers({"User-Agent": "tradewind"}) as session, asyncio.TaskGroup() as group:
            while True:
                self.tick(group, session)
                await asyncio.sleep(TICK_S)

    async def wait_until_read(self, at_most_s: float) -> None:
        """Wait until each feed has been read once, so that nothing is placed where an outage is announced."""
        if not await set_within(self._read_once, at_most_s):
            log.warning("deciding without status feeds")

    def tick(self, group: asyncio.TaskGroup, session: aiohttp.ClientSession) -> None:
        """Start the readings that are due, and tell clusters what has begun, ended or been forgotten."""
        now_s = asyncio.get_running_loop().time()
        self._follow_policy(now_s)
        for provider, watched in self._feeds.items():
            watched.incidents = forget(watched.incidents, now_s=now_s)
            if watched.task is None and watched.due_s <= now_s:
                watched.task = group.create_task(self._read(watched, session), name=f"status feed {provider}")
        for entry in self._store.clusters.values():
            self._share(entry)
        self._told = {name: told for name, told in self._told.items() if name in self._store.clusters}
        if all(watched.readings for watched in self._feeds.values()):
            self._read_once.set()

    def _follow_policy(self, now_s: float) -> None:
        """Read what the policy names now; what another address has said is not believed any longer."""
        wanted = {feed.provider: feed for feed in self._store.hub.policy.feeds}
        for provider, watched in list(self._feeds.items()):
            feed = wanted.get(provider)
            if feed is not None and feed.url == watched.feed.url:
                watched.feed = feed
                continue
            del self._feeds[provider]
            self._store.feeds.pop(provider, None)
            if watched.task is not None:
                watched.task.cancel()
        for provider, feed in wanted.items():
            if provider not in self._feeds:
                self._feeds[provider] = Watched(feed, self._recall(provider, now_s))

    def _recall(self, provider: FeedProvider, now_s: float) -> dict[str, Incident]:
        """Take over what an operator before this one has written: a new start ends no event."""
        known: dict[str, Incident] = {}
        for entry in self._store.clusters.values():
            if entry.spec is None or entry.spec.provider != provider:
                continue
            for each in _written(entry):
                before = known.get(each["id"])
                regions = (*(before.event.regions if before else ()), entry.spec.region)
                began_s = seconds_of(each["began"])
                event = ProviderEvent(
                    each["id"], provider, regions, each["service"], EventState.OUTAGE, began_s, None, each["title"]
                )
                known[each["id"]] = Incident(event, now_s)
        return known

    async def _read(self, watched: Watched, session: aiohttp.ClientSession) -> None:
        """Read a feed once, and say when it is to be read again."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            outcome = await self._ask(watched, session)
        except Exception:
            # An answer of a shape never seen must not end the readings of all other feeds.
            log.exception("reading failed provider=%s", watched.feed.provider)
            outcome = FeedProblem("ReadingFailed", "The answer could not be dealt with; see the operator's log.")
        pause_s = watched.feed.poll_interval_s
        watched.readings += 1
        if isinstance(outcome, FeedProblem):
            watched.failures += 1
            pause_s = backoff_s(watched.failures, first_s=2 * watched.feed.poll_interval_s, most_s=MAX_PAUSE_S)
        else:
            watched.failures = 0
            watched.incidents = confirm(watched.incidents, outcome.events, now_s=loop.time(), wall_s=self._wall())
        watched.due_s = started_s + pause_s
        watched.task = None
        self._report(watched, outcome)

    async def _ask(self, watched: Watched, session: aiohttp.ClientSession) -> FeedReading | FeedProblem:
        source = SOURCES[watched.feed.provider]
        url, unless = watched.feed.url or source.url, watched.unless
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        request = session.get(url, headers=unless, timeout=timeout, allow_redirects=False)
        answer = await answer_to(request, timeout_s=TIMEOUT_S, max_bytes=source.max_bytes)
        if isinstance(answer, NoAnswer):
            return FeedProblem(answer.reason, answer.message)
        if answer.status == NOT_MODIFIED and watched.last is not None and unless:
            return watched.last
        if answer.status != OK:
            return _refused(answer)
        # Large answers take a while, for which the judging loop must not wait.
        reading = await asyncio.to_thread(source.read, answer.body)
        if isinstance(reading, FeedReading):
            watched.last, watched.unless = reading, _validators(answer)
        return reading

    def _report(self, watched: Watched, outcome: FeedReading | FeedProblem) -> None:
        provider, count = watched.feed.provider, len(watched.incidents)
        found = f"{count} event{' is' if count == 1 else 's are'} open that clusters may feel"
        if isinstance(outcome, FeedProblem):
            reason, message = outcome.reason, f"{outcome.message} Of what it said before, {found}."
        elif outcome.unread:
            total = outcome.unread + len(outcome.events)
            words = f"{outcome.unread} of {total} entries can't be read: the format may have changed."
            reason, message = "UnknownEntries", f"{words} {found.capitalize()}."
        else:
            reason, message = "Read", f"{found.capitalize()}."
        before = self._store.feeds.get(provider, ("Read", ""))[0]
        if reason != before:
            level = logging.INFO if reason == "Read" else logging.WARNING
            log.log(level, "status feed provider=%s from=%s to=%s message=%s", provider, before, reason, message)
        self._store.feeds[provider] = reason, message
        self._on_reading(provider.value, "" if reason == "Read" else reason, self._wall())

    def _share(self, entry: ClusterEntry) -> None:
        """Give a cluster the events that concern it, and say each change once."""
        spec = entry.spec
        if spec is None:
            return
        watched = next((each for provider, each in self._feeds.items() if provider == spec.provider), None)
        events = concerning(watched.incidents.values(), region=spec.region) if watched is not None else ()
        told = self._told.get(entry.name)
        if told is None:
            told = frozenset(each["id"] for each in _written(entry))
        elif events == entry.incidents:
            return
        is_news, entry.incidents = events != entry.incidents, events
        if is_news and entry.health.lost:
            self._store.health_changed(entry.name)  # how long its outage is expected to last has changed
        self._told[entry.name] = now = frozenset(event.id for event in events)
        if new := tuple(event for event in events if event.id not in told):
            self._say(entry, "ProviderIncident", announced(new), warning=True)
        if told - now:
            rest = announced(events) or "No event is open that its provider announces for its region."
            self._say(entry, "ProviderIncidentEnded", rest)

    def _say(self, entry: ClusterEntry, reason: str, note: str, *, warning: bool = False) -> None:
        log.info("%s cluster=%s note=%s", reason, entry.name, note)
        self._tell(entry.raw, reason=reason, note=note, action="ReadFeed", at_s=self._wall(), warning=warning)


def _written(entry: ClusterEntry) -> list[Manifest]:
    incidents: list[Manifest] = (entry.raw.get("status") or {}).get("incidents") or []
    return incidents


def _validators(answer: Answer) -> dict[str, str]:
    """Ask for the next answer only if it differs from this one."""
    known = {"If-None-Match": answer.headers.get("ETag"), "If-Modified-Since": answer.headers.get("Last-Modified")}
    return {name: value for name, value in known.items() if value}


def _refused(answer: Answer) -> FeedProblem:
    status = answer.status
    if status == NOT_MODIFIED:
        return FeedProblem("BadAnswer", "HTTP 304 to a question without conditions.")
    if status in REDIRECT:
        where = answer.headers.get("Location", "")[:MAX_WORDS]
        return FeedProblem("Redirected", f"The server names another address, which is not followed: {where}")
    if status in SERVER_ERROR or status == TOO_MANY:
        return FeedProblem("ServerError", f"HTTP {status}.")
    return FeedProblem("Refused", f"HTTP {status}. Does the address lead to the feed?")
