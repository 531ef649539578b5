"""The outage as the demo sees it: what stood at the kill, and the timeline of what came of it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tradewind.cli.demo_audit import EPOCH_LABEL, PODS, owner_of
from tradewind.cli.demo_picture import AT_MOST_ONCE, HELD, Member, Work
from tradewind.model.units import format_usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.cli.demo_audit import Ledger
    from tradewind.cli.demo_picture import Picture
    from tradewind.cli.demo_watch import Event

VERDICTS = {"Suspect": "suspect", "Down": "detected", "Recovering": "recovering", "Healthy": "healthy"}
RUNNING = "running"


class Outage:
    """What happens to the work of the cluster that is killed, told as events come in.

    Attributes:
        lost: the cluster. before: its work when it was killed.
        detected_s: when the operator knew, in seconds since the kill.
        reached: per workload that moves, when it was decided, delivered and running, in seconds since the kill.
        waited: work that was held, for fear of a second copy.
        removed: moved work whose old copy went after the return.
        timeline: every line, for -o json.
    """

    def __init__(self, lost: Member, before: list[Work], *, mark: Callable[[float, str, str], None]) -> None:
        self.lost = lost
        self.before = {work.key: work for work in before}
        self.detected_s = 0.0
        self.reached: dict[str, dict[str, float]] = {}
        self.waited: set[str] = set()
        self.removed: set[str] = set()
        self.timeline: list[dict[str, Any]] = []
        self._mark = mark
        self._arrived_s: dict[str, float] = {}
        self._returning = False
        self._zero_s, self._zero_wall_s = time.monotonic(), time.time()
        self._clock_s = self._zero_s

    @property
    def movable(self) -> list[str]:
        """The work that may move at once."""
        return [key for key, work in self.before.items() if work.guarantee != AT_MOST_ONCE]

    @property
    def bound(self) -> list[str]:
        """The work that may never have two copies."""
        return [key for key, work in self.before.items() if work.guarantee == AT_MOST_ONCE]

    @property
    def moved(self) -> bool:
        """Whether all that may move runs elsewhere."""
        return all(RUNNING in self.reached.get(key, {}) for key in self.movable)

    @property
    def recovery_s(self) -> float:
        """When the last workload that moved ran, in seconds since the kill."""
        return max((times[RUNNING] for times in self.reached.values() if RUNNING in times), default=0.0)

    def begin_return(self) -> None:
        """From now on, the timeline counts from here."""
        self._returning = True
        self._clock_s = time.monotonic()

    def tell(self, what: str, text: str, *, at_s: float | None = None) -> None:
        """Write one line of the timeline."""
        seconds = max(0.0, (time.monotonic() if at_s is None else at_s) - self._clock_s)
        since = "return" if self._returning else "kill"
        self.timeline.append({"since": since, "seconds": round(seconds, 3), "what": what, "text": text})
        self._mark(seconds, what, text)

    def take(self, event: Event, *, before: Work | Member | None, picture: Picture, ledger: Ledger) -> None:
        """Take one event that the picture and the ledger have taken already; `before` is what it replaced."""
        if event.obj is not None and event.source.startswith(PODS):
            self._see_pod(event, picture)
        elif isinstance(before, Member):
            self._see_member(picture.members[before.name], before, event.at_s)
        elif isinstance(before, Work) and before.key in self.before:
            self._see_work(picture.works[before.key], before, event.at_s)
        if self._returning:
            self._see_removed(ledger, event.at_s)

    def _see_member(self, member: Member, before: Member, at_s: float) -> None:
        if before.verdict == member.verdict:
            return
        # What follows is the error of the connection: for the operator's log.
        evidence = member.message.partition(":")[0].rstrip(".")
        if member.name == self.lost.name and member.verdict == "Down":
            self._detected(at_s, f"{member.name} is Down: {evidence}")
        else:
            what = VERDICTS.get(member.verdict, member.verdict)
            self.tell(what, f"{member.name} is {member.verdict}: {evidence}", at_s=at_s)

    def _detected(self, at_s: float, text: str) -> None:
        if not self.detected_s:
            self.detected_s = at_s - self._zero_s
            self.tell("detected", text, at_s=at_s)

    def _see_work(self, work: Work, before: Work, at_s: float) -> None:
        if work.epoch > self.before[work.key].epoch:
            self._see_move(work, at_s)
        elif work.reason == HELD and before.reason != HELD:
            self._detected(at_s, f"{self.lost.name} is Down")
            self.waited.add(work.key)
            self.tell("waits", f"{work.key} ({HELD})", at_s=at_s)
        elif work.running and before.reason == HELD:
            self.tell("runs on", f"{work.key}: the same copy on {work.cluster}", at_s=at_s)

    def _see_move(self, work: Work, at_s: float) -> None:
        """Tell the stages of a move that are new, in their order, whichever watch was the first to show them."""
        reached = self.reached.setdefault(work.key, {})
        place = f"{work.cluster}/{work.offer}"
        if work.detected_at:
            # The status of the cluster is written a moment after the moves are.
            at_wall_s = datetime.fromisoformat(work.detected_at).timestamp()
            self._detected(self._zero_s + at_wall_s - self._zero_wall_s, f"{self.lost.name} is Down")
        self._reach(reached, "decided", at_s, f"{work.key} -> {place}, {format_usd(work.usd)} in all")
        if work.key in self._arrived_s:
            self._reach(reached, "delivered", max(self._arrived_s[work.key], at_s), f"{work.key} to {place}")
        if work.running:
            self._reach(reached, RUNNING, at_s, f"{work.key} on {place}")

    def _reach(self, reached: dict[str, float], stage: str, at_s: float, text: str) -> None:
        if stage not in reached:
            reached[stage] = at_s - self._zero_s
            self.tell(stage, text, at_s=at_s)

    def _see_pod(self, event: Event, picture: Picture) -> None:
        """Learn that a member has pods of a new copy: it was delivered."""
        if event.obj is None or event.deleted:
            return
        key, cluster = owner_of(event.obj), event.source.removeprefix(PODS)
        first = self.before.get(key)
        if first is None or cluster == first.cluster or key in self._arrived_s:
            return
        if int(event.obj["metadata"]["labels"].get(EPOCH_LABEL, 0)) > first.epoch:
            self._arrived_s[key] = event.at_s
            if picture.works[key].epoch > first.epoch:
                self._see_move(picture.works[key], event.at_s)

    def _see_removed(self, ledger: Ledger, at_s: float) -> None:
        for key in self.movable:
            old = (self.lost.name, str(self.before[key].epoch))
            if key not in self.removed and old not in ledger.copies(key):
                self.removed.add(key)
                self.tell("removed", f"{key}: its old copy on {self.lost.name}", at_s=at_s)
