"""One history: a seed chooses what happens, and after each event the invariants are asserted."""

from __future__ import annotations

import random
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from tests.builders import constraints
from tests.sim.lifecycle.invariants import check_always, check_at_rest, check_recovered
from tests.sim.lifecycle.world import Site, Wanted, World

from tradewind.decide.checkpoints import serves
from tradewind.decide.ledger import spent_usd
from tradewind.decide.plan import decide, moves_in, savings_in
from tradewind.model.placement import Copy, CopyState
from tradewind.model.policy import Guarantee

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.decide.step import Step
    from tradewind.model.placement import Placement

EVENTS = 50
WORKS = 5
MOST = 0.7
HOUR_S = 3600.0
ROUNDS_TO_ACT = 8
ROUNDS_TO_REST = 16
LONGEST = EVENTS + 40
"""By then it must have come to rest."""
TOKENS = 2
KINDS = ("Job", "Resumable", "Resumable", "Deployment", "Deployment", "Spread")


class History:
    """Plays one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a replayable choice
        nodes = [self.chance.randint(1, 3) for _ in range(3)]
        self.world = World(
            {name: Site(name, count, usd) for name, count, usd in zip("abc", nodes, (1.0, 2.0, 3.0), strict=True)}
        )
        self.log: list[str] = []

    def play(self) -> None:
        """Let things happen, then let all faults end, and see that it all comes to rest."""
        events = self._events()
        for _ in range(WORKS):
            self._create()
        for _ in range(EVENTS):
            event = self.chance.choice(events)
            self.log.append(event.__name__)
            event()
            self.world.now_s += self.chance.choice((0.5, 5.0, 60.0, 400.0))
            check_always(self.world)
        self._rest()

    def _events(self) -> list[Callable[[], None]]:
        often = [self._round, self._look, self._progress, self._judge]
        members = [self._die, self._cut, self._lose_nodes, self._return, self._return, self._vanish, self._finish]
        users = [self._create, self._create, self._delete, self._suspend, self._guarantee, self._edit, self._constrain]
        owners = [self._drain, self._drain, self._price, self._budget]
        hub = [self._round, self._round, self._crash, self._restart, self._sweep]
        return [*often * 4, *members, *users, *owners, *hub]

    def _site(self) -> Site:
        return self.chance.choice(list(self.world.sites.values()))

    def _some(self) -> list[Site]:
        return [site for site in self.world.sites.values() if self.chance.random() < MOST]

    def _work(self) -> Wanted | None:
        alive = [wanted for wanted in self.world.works.values() if not wanted.deleting]
        return self.chance.choice(alive) if alive else None

    # What happens to members.

    def _die(self) -> None:
        self._site().up = False

    def _cut(self) -> None:
        self._site().cut = True

    def _lose_nodes(self) -> None:
        self._site().nodeless = True

    def _return(self) -> None:
        site = self._site()
        site.up, site.cut, site.nodeless, site.fresh = True, False, False, False

    def _look(self) -> None:
        """Let news arrive, not from everywhere."""
        for site in self._some():
            site.look()

    def _judge(self) -> None:
        for site in self._some():
            self.world.judge(site)

    def _sweep(self) -> None:
        self.world.sweep(self._site())

    def _progress(self) -> None:
        """Let controllers and kubelets do what they do, not everywhere."""
        for site in self._some():
            if site.runs:
                self._go_on(site)

    @staticmethod
    def _go_on(site: Site) -> None:
        for key, copy in sorted(site.copies.items()):
            if copy.state is CopyState.RELEASING:
                del site.copies[key]
                site.bound.discard(key)
            elif copy.state is CopyState.PENDING and (key in site.bound or len(site.bound) < site.nodes):
                site.bound.add(key)
                site.copies[key] = replace(copy, state=CopyState.RUNNING)

    def _finish(self) -> None:
        site = self._site()
        jobs = [copy for copy in site.copies.values() if copy.kind == "Job"]
        running = [copy for copy in jobs if copy.state is CopyState.RUNNING]
        if running and site.runs:
            copy = self.chance.choice(running)
            ended = replace(copy, state=CopyState.FINISHED, succeeded=self.chance.random() < 0.8, pods_wanted=0)
            site.copies[copy.key] = ended
            site.bound.discard(copy.key)

    def _vanish(self) -> None:
        """Somebody deletes a copy by hand."""
        site = self._site()
        if site.copies and site.runs:
            key = self.chance.choice(sorted(site.copies))
            del site.copies[key]
            site.bound.discard(key)

    # What users do.

    def _create(self) -> None:
        guarantee = self.chance.choice(list(Guarantee))
        self.world.add(
            guarantee,
            kind=self.chance.choice(KINDS),
            priority=self.chance.randint(0, 2),
            denied=self.chance.choice(["", "", "a"]),
            budget_usd=self.chance.choice([None, None, 2000.0]),
        )

    def _delete(self) -> None:
        if wanted := self._work():
            wanted.deleting = True

    def _suspend(self) -> None:
        if wanted := self._work():
            wanted.workload = replace(wanted.workload, suspended=not wanted.workload.suspended)

    def _guarantee(self) -> None:
        if wanted := self._work():
            wanted.guarantee = self.chance.choice(list(Guarantee))
            wanted.overlap_allowed = wanted.overlap_allowed or wanted.guarantee is Guarantee.AT_LEAST_ONCE

    def _edit(self) -> None:
        if wanted := self._work():
            wanted.generation += 1

    def _constrain(self) -> None:
        if wanted := self._work():
            deny = self.chance.choice(["", "a", "b"])
            limits = constraints(deny_providers=(deny,) if deny else ())
            wanted.workload, wanted.generation = replace(wanted.workload, constraints=limits), wanted.generation + 1

    # What those who own clusters and money do.

    def _drain(self) -> None:
        site = self._site()
        site.draining = not site.draining

    def _price(self) -> None:
        self._site().usd = self.chance.choice((1.0, 2.0, 3.0, 6.0))
        self.world.prices += 1

    def _budget(self) -> None:
        """Set a budget that is about to be spent, or has been, or raise it."""
        if wanted := self._work():
            wanted.budget_usd = self.chance.choice((None, 1.0, 20.0, 5000.0))

    # What the hub does.

    def _restart(self) -> None:
        """Begin anew from what status holds."""
        for site in self.world.sites.values():
            site.fresh, site.seen, site.seen_bound = False, {}, set()
            site.look()

    def _crash(self) -> None:
        self._round(crash=True)
        self._restart()

    def _round(self, *, crash: bool = False) -> None:
        steps = decide(self.world.snapshot(), move_tokens=TOKENS, saving_tokens=1)
        assert moves_in(steps) <= TOKENS
        assert savings_in(steps) <= 1
        for step in steps:
            stages = self.chance.randint(0, 3) if crash else 4
            self.carry_out(step, stages=stages)

    def carry_out(self, step: Step, *, stages: int = 4) -> None:
        """Do as the executor does, and perhaps no further than some stage."""
        wanted = self.world.works[step.view.key]
        if stages == 0:
            return
        if step.forget:
            for name in step.abandon:
                self.world.sites[name].orphans.add((step.view.key, wanted.workload.uid))
            del self.world.works[step.view.key]
            return
        if step.deliver:
            ends = [site.seen.get(step.view.key) for site in self.world.sites.values()]
            uid = wanted.workload.uid
            assert not any(end and end.succeeded and end.workload_uid == uid for end in ends), (
                "I4: a success is run again"
            )
        wanted.record, wanted.situation = step.record, step.situation or wanted.situation
        if stages == 1:
            return
        for copy in step.release:
            if self.world.sites[copy.cluster].reachable:
                self.world.release(copy)
        if stages > 2:
            for place in step.deliver:
                self._deliver(wanted, place, answered=stages > 3)

    def _deliver(self, wanted: Wanted, place: Placement, *, answered: bool) -> None:
        """Create the copy unless one is there; where the answer is lost the hub sees it by its watch only."""
        site, key = self.world.sites[place.cluster], wanted.workload.key
        if not site.reachable:
            return
        found = site.copies.get(key)
        if found is None:
            wanted.made.append((place.epoch, place.cluster))
            assert place.cluster not in {*wanted.workload.constraints.providers.deny}, "I10: the law does not hold"
            budget_usd = inf if wanted.budget_usd is None else wanted.budget_usd
            assert spent_usd(wanted.record, self.world.now_s) < budget_usd, "I10: its budget is spent"
            self.world.serial += 1
            site.copies[key] = Copy(
                cluster=site.name,
                kind="Deployment" if serves(wanted.workload) else "Job",
                key=key,
                object_uid=f"object-{self.world.serial}",
                workload_uid=wanted.workload.uid,
                epoch=place.epoch,
                offer="h100",
                market="OnDemand",
                generation=place.generation,
                state=CopyState.PENDING,
                pods_wanted=1,
            )
        elif (found.workload_uid, found.epoch) == (wanted.workload.uid, place.epoch):
            site.copies[key] = replace(found, generation=place.generation)
        if answered and key in site.copies:
            site.seen[key] = site.copies[key]

    # The end.

    def _rest(self) -> None:
        """Let the hub act on what has happened; then end all faults, and let everybody work until nothing changes."""
        self._until_calm(ROUNDS_TO_ACT)
        check_recovered(self.world)
        for site in self.world.sites.values():
            site.up, site.cut, site.nodeless = True, False, False
        self._until_calm(ROUNDS_TO_REST)
        # Time goes on at rest too, and brings checkpoints and the ends of budgets: they are let pass.
        while self._acts() and len(self.log) < LONGEST:
            self.log.append("rest")
            self._settle()
        check_at_rest(self.world)

    def _until_calm(self, most: int) -> None:
        """Let everybody work until nothing changes, nor an hour later, by when all that waits for time has had it."""
        calm = 0
        for _ in range(most):
            before = self._state()
            self._settle()
            calm = calm + 1 if self._state() == before else 0
            if calm > 1:
                return
            if calm:
                self.world.now_s += HOUR_S

    def _state(self) -> tuple[object, ...]:
        """All that a round may change."""
        works = [(wanted.record, wanted.situation, wanted.deleting) for wanted in self.world.works.values()]
        sites = [
            (site.health, site.was_down, dict(site.copies), set(site.orphans)) for site in self.world.sites.values()
        ]
        return works, sites

    def _acts(self) -> bool:
        """Look once more, and say whether there is something left to do now."""
        for site in self.world.sites.values():
            site.look()
        before = {key: wanted.record for key, wanted in self.world.works.items()}
        self._round()
        return before != {key: wanted.record for key, wanted in self.world.works.items()}

    def _settle(self) -> None:
        """Let everybody do what can be done, without new faults."""
        for site in self.world.sites.values():
            self.world.sweep(site)
            site.look()
            self.world.judge(site)
        self._round()
        for site in self.world.sites.values():
            if site.runs:
                self._go_on(site)
                self._go_on(site)
        self.world.now_s += 601.0
        check_always(self.world)


def play(seed: int) -> None:
    """Play one history."""
    history = History(seed)
    try:
        history.play()
    except Exception as error:
        error.add_note(f"seed {seed}, events: {' '.join(history.log)}")
        raise
