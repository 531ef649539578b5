"""The demo's story: place by price, lose the cheapest cloud, move what may move, let it return, count, check."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tradewind.cli.demo_audit import PODS, WORKLOAD_LABEL, Count, Ledger, count
from tradewind.cli.demo_checks import Check, checks_of
from tradewind.cli.demo_forecast import Outcomes, compared, foresee
from tradewind.cli.demo_outage import Outage
from tradewind.cli.demo_picture import CLUSTERS, HELD, WORKLOADS, Member, Picture
from tradewind.cli.demo_stage import NAMESPACE
from tradewind.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.cli.demo_stage import Stage
    from tradewind.cli.demo_view import Screen
    from tradewind.cli.demo_watch import Event, Watches
    from tradewind.cli.forecast import Forecast

STEP_S = 90.0
"""No step may take longer."""
TICK_S = 0.25


class Story:
    """Tells it, step by step; every wait is for a condition on what the watches have shown."""

    def __init__(self, stage: Stage, screen: Screen, watches: Watches) -> None:
        self.picture = Picture()
        self.ledger = Ledger()
        self.foreseen: list[Outcomes] = []
        self._forecast: Forecast | None = None
        self._outage: Outage | None = None
        self._stage, self._screen, self._watches = stage, screen, watches

    @property
    def outage(self) -> Outage:
        """The outage, once there is one."""
        if self._outage is None:
            raise RuntimeError("there is no outage yet")
        return self._outage

    def place(self) -> int:
        """Apply the examples, and wait until all work runs or says why it can't; returns how much has a place."""
        self._screen.step("kubectl apply -f examples/")
        began_s = time.monotonic()
        objects = self._stage.apply_examples()
        hub = self._stage.kubectl("hub")
        self._watches.watch(CLUSTERS, hub, "federatedclusters.tradewind.dev")
        self._watches.watch(WORKLOADS, hub, "aiworkloads.tradewind.dev")
        wanted = len(hub.list_all("aiworkloads.tradewind.dev"))
        clusters = len(hub.list_all("federatedclusters.tradewind.dev"))
        self._until(lambda: len(self.picture.members) == clusters, "reading the hub")
        for member in self.picture.members.values():
            kubectl = self._stage.kubectl(member.secret)
            self._watches.watch(PODS + member.name, kubectl, "pods", selector=WORKLOAD_LABEL)
        self._until(lambda: self._settled(wanted), "the work starts; pools grow from zero")
        placed = sum(bool(work.cluster) for work in self.picture.works.values())
        minute_s = 60 * self._stage.lab.record.time_scale
        self._screen.say(
            f"{objects} objects; {placed} of {wanted} workloads run after {time.monotonic() - began_s:.1f} s, "
            f"on machines that pools added (here a minute of provisioning takes {minute_s:.1f} s)"
        )
        self._screen.step("Where it went, and what it costs")
        self._screen.decisions(self.picture.works.values())
        dearest = max(self.picture.on(self._cheapest().name), key=lambda work: (len(work.candidates), work.usd))
        self._screen.step(f"Why {dearest.key} is where it is: every term of its price")
        self._screen.terms(dearest)
        return placed

    def foresee(self) -> None:
        """Forecast what will come of the outage, before it is there."""
        lost = self._cheapest().name
        self._screen.step(f"What if {lost} were lost? (tradewind whatif --lose cluster={lost})")
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead = pool.submit(foresee, self._stage.lab.kubeconfig(), namespace=NAMESPACE, lost=lost)
            self._until(ahead.done, "the hub's figures settle")
        self._forecast = ahead.result()
        self._screen.forecast(self._forecast)

    def lose(self) -> None:
        """Kill the cloud that won most of the work, and wait until all of it has moved or waits."""
        lost = self._cheapest()
        before = self.picture.on(lost.name)
        self._screen.step(f"{lost.name}, the cheapest cloud, dies with {len(before)} workloads on it")
        outage = self._outage = Outage(lost, before, mark=self._screen.mark)
        killed = self._stage.lab.kill(lost.secret)
        outage.tell("killed", f"{lost.name}: API server, etcd, controllers, nodes ({killed} processes)")
        self._until(self._all_moved_or_held, f"the work leaves {lost.name}")
        if outage.bound:
            self._screen.say(f"Those that wait: {self.picture.works[outage.bound[0]].message}", "yellow")
        if self._forecast is not None:
            self._screen.step("What was forecast, and what happened")
            self.foreseen = compared(self._forecast, self.picture.works, lost=lost.name)
            self._screen.compared(self.foreseen)

    def recover(self) -> None:
        """Let the cloud return, and wait until it is healthy and clean, and what waited runs on."""
        self._screen.step(f"{self.outage.lost.name} returns")
        self.outage.begin_return()
        with ThreadPoolExecutor(max_workers=1) as pool:
            back = pool.submit(self._stage.lab.resume, self.outage.lost.secret)
            self._until(back.done, "its control plane starts on the data that it had")
        self.outage.tell("restarted", ", ".join(back.result()))
        self._until(self._all_as_it_was, "stale copies go, then it is healthy")

    def check(self, *, placed: int) -> tuple[list[Check], Count]:
        """Count on the members with kubectl, and say what holds."""
        self._screen.step("What kubectl counts on the members")
        members = {name: self._stage.kubectl(member.secret) for name, member in self.picture.members.items()}
        counted = count(self._stage.kubectl("hub"), members)
        self._screen.closing(counted, self.outage, works=self.picture.works)
        checks = checks_of(
            counted, self.outage, placed=placed, foreseen=self.foreseen, picture=self.picture, ledger=self.ledger
        )
        return checks, counted

    # What is waited for.

    def _settled(self, wanted: int) -> bool:
        works = self.picture.works.values()
        seen = all(len(self.ledger.copies(work.key)) == 1 for work in works if work.cluster)
        return len(works) == wanted and seen and all(work.settled for work in works)

    def _all_moved_or_held(self) -> bool:
        return self.outage.moved and all(self.picture.works[key].reason == HELD for key in self.outage.bound)

    def _all_as_it_was(self) -> bool:
        outage, works = self.outage, self.picture.works
        healthy = self.picture.members[outage.lost.name].verdict == "Healthy"
        runs_on = all(works[key].running and works[key].cluster == outage.lost.name for key in outage.bound)
        return healthy and runs_on and outage.removed == set(outage.movable)

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + STEP_S
        with self._screen.waiting(what):
            while not holds():
                if time.monotonic() > deadline_s:
                    raise RetryableError("DemoStuck", f"{what}: not within {STEP_S:.0f} s; {self._where_it_stands()}")
                _ = self._stage.operator.pid
                event = self._watches.take(timeout_s=TICK_S)
                if event is not None:
                    self._take(event)

    def _take(self, event: Event) -> None:
        before = self.picture.take(event)
        self.ledger.take(event)
        if self._outage is not None:
            self._outage.take(event, before=before, picture=self.picture, ledger=self.ledger)

    def _where_it_stands(self) -> str:
        members = [f"{each.name} is {each.verdict} ({each.message})" for each in self.picture.members.values()]
        works = [f"{work.key} is {work.phase} ({work.reason})" for work in self.picture.works.values()]
        return "; ".join(members + works)

    def _cheapest(self) -> Member:
        clouds = [member for member in self.picture.members.values() if member.tier == "Cloud"]
        best = max(clouds, key=lambda member: (len(self.picture.on(member.name)), member.name), default=None)
        if best is None or not self.picture.on(best.name):
            raise RetryableError("NoCloud", "none of the examples' clusters of tier Cloud won any work")
        return best
