"""The judging of clusters alone, in virtual time: what is true, what the hub can see of it, and what it makes of that.

The real fold of evidence, freeze and verdicts, with agents and anchors, which the operator's own simulator has not.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from tradewind.model.health import UNHEARD, Judgement, Verdict
from tradewind.model.policy import Detection
from tradewind.outage.evidence import Evidence, Fault, Heard, Probe, Write, Wrote, forgive, hear, see_write
from tradewind.outage.freeze import Anchors
from tradewind.outage.heartbeats import FRESH_S, Reading, read_witness
from tradewind.outage.verdict import MAX_LOOP_GAP_S, Case, judge, settle

NAMES = ("a", "b", "c", "d")
PROBE_S = 2.0
ONE_KIND_S, TWO_KINDS_S, UP_AFTER_S = 10.0, 8.0, 4.0
SLACK_S = 8.0
"""On top of the patience: a probe and its time-out, a reading, a round of judging, and that probes are counted."""
MAX_UNHEALTHY_PERCENT = 60
ROUNDS = 60
FAULTS = (
    "die",
    "die",
    "cut",
    "cut",
    "agent",
    "expire",
    "return",
    "return",
    "return",
    "hub",
    "hub",
    "resolver",
    "stall",
)


@dataclass
class Truth:
    """A cluster as it is.

    Attributes:
        up: its API server and nodes run. cut: the hub can't reach it. agent: its agent runs. expired: our key is.
        sick_since_s: since which probe its API server has not answered; `well_since_s`: since which it has in full.
        dead_since_s: since when it is off. lives_since_s: since when its agent runs. observes_since_s: since when that
            can tell of others.
    """

    up: bool = True
    cut: bool = False
    agent: bool = True
    expired: bool = False
    sick_since_s: float | None = None
    dead_since_s: float | None = None
    well_since_s: float | None = 0.0
    lives_since_s: float | None = None
    observes_since_s: float | None = None
    evidence: Evidence = field(default_factory=Evidence)
    health: Judgement = UNHEARD


class History:
    """Plays one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a replayable choice
        self.detection = Detection(PROBE_S, ONE_KIND_S, TWO_KINDS_S, UP_AFTER_S)
        self.fleet = {name: Truth() for name in NAMES[: self.chance.randint(2, 4)]}
        self.agents, self.anchors = self.chance.random() < 0.5, self.chance.random() < 0.5
        self.hub_cut = self.resolver_fails = False
        self.hub_sound_since_s = 0.0
        self.now_s, self.judged_s = 100.0, 100.0
        self.log: list[str] = []

    def play(self) -> None:
        """Let things happen, and judge every second."""
        for _ in range(8):
            self._round()
        for _ in range(ROUNDS):
            if self.chance.random() < 0.15:
                self._fault(self.chance.choice(FAULTS), self.chance.choice(list(self.fleet.values())))
            self._round()

    def _fault(self, kind: str, truth: Truth) -> None:
        self.log.append(f"{self.now_s:.0f} {kind}")
        match kind:
            case "die":
                truth.up = False
            case "cut":
                truth.cut = True
            case "agent":
                truth.agent = not truth.agent
            case "expire":
                truth.expired = True
            case "return":
                truth.up, truth.cut, truth.agent, truth.expired = True, False, True, False
            case "hub":
                self.hub_cut = not self.hub_cut
            case "resolver":
                self.resolver_fails = not self.resolver_fails
            case _:
                self.now_s += self.chance.choice((3.0, 30.0))

    def _round(self) -> None:
        self.now_s += 1.0
        self._note_truth()
        if self.now_s - self.judged_s > MAX_LOOP_GAP_S:
            for truth in self.fleet.values():
                truth.evidence = forgive(truth.evidence)
                truth.sick_since_s = None if truth.sick_since_s is None else self.now_s
                truth.dead_since_s = None if truth.dead_since_s is None else self.now_s
            self.hub_sound_since_s = self.now_s
        self.judged_s = self.now_s
        for name, truth in self.fleet.items():
            if round(self.now_s) % round(PROBE_S) == 0:
                self._probe(truth)
            if self.agents and not self.hub_cut:
                self._read(name, truth)
        self._judge()

    def _note_truth(self) -> None:
        if self.hub_cut or self.resolver_fails:
            self.hub_sound_since_s = self.now_s
        for truth in self.fleet.values():
            lives = truth.up and truth.agent
            truth.lives_since_s = self._since(truth.lives_since_s, holds=lives)
            truth.observes_since_s = self._since(truth.observes_since_s, holds=lives and not truth.cut)
            truth.dead_since_s = self._since(truth.dead_since_s, holds=not truth.up)

    def _since(self, since_s: float | None, *, holds: bool) -> float | None:
        if not holds:
            return None
        return self.now_s if since_s is None else since_s

    def _probe(self, truth: Truth) -> None:
        answers = truth.up and not truth.cut and not self.hub_cut
        if self.resolver_fails:
            heard, fault = Heard.UNKNOWN, Fault.RESOLVER
        elif not answers:
            heard, fault = Heard.SILENCE, None
        else:
            heard, fault = (Heard.CREDENTIALS if truth.expired else Heard.ANSWER), None
        detail = "refused" if heard is Heard.CREDENTIALS else ""
        # A silence is known once its time is up.
        started_s = self.now_s - PROBE_S if heard is Heard.SILENCE else self.now_s
        truth.evidence = hear(truth.evidence, Probe(started_s, heard, detail, fault=fault))
        if heard is not Heard.UNKNOWN:
            first_s = started_s if truth.sick_since_s is None else truth.sick_since_s
            truth.sick_since_s = first_s if heard is Heard.SILENCE else None
            truth.well_since_s = self._since(truth.well_since_s, holds=heard is Heard.ANSWER)
        if heard is Heard.ANSWER:
            truth.evidence = see_write(truth.evidence, Write(self.now_s, Wrote.WRITTEN))

    def _read(self, name: str, truth: Truth) -> None:
        """Read a witness, which shows the heartbeat of each agent that runs."""
        beats = {each: other.up and other.agent for each, other in self.fleet.items()}
        others = [each for each, beat in beats.items() if beat and each != name]
        heard = truth.evidence.agent.heard_s if truth.evidence.agent is not None else None
        reached = frozenset(each for each, other in self.fleet.items() if other.up)
        reading = Reading(
            "witness",
            self.now_s,
            self.now_s if beats[name] else heard,
            self.now_s if others else None,
            reached - {name} if beats[name] else frozenset(),
            frozenset(self.fleet) - reached - {name} if beats[name] else frozenset(),
        )
        truth.evidence = replace(truth.evidence, agent=read_witness(truth.evidence.agent, reading))

    def _judge(self) -> None:
        cases = {name: Case(truth.evidence, self.detection, truth.health) for name, truth in self.fleet.items()}
        anchors = Anchors(3, 0 if self.hub_cut else 3, self.now_s) if self.anchors else None
        found = judge(
            cases, max_unhealthy_percent=MAX_UNHEALTHY_PERCENT, now_s=self.now_s, wall_s=self.now_s, anchors=anchors
        )
        for name, judgement in found.items():
            truth = self.fleet[name]
            self._check(name, truth, judgement)
            truth.evidence = settle(truth.evidence, judgement, detection=self.detection, now_s=self.now_s)
            truth.health = judgement
        self._check_found()

    # What must hold.

    def _check(self, name: str, truth: Truth, after: Judgement) -> None:
        before = truth.health
        if after.verdict is Verdict.DOWN and before.verdict is not Verdict.DOWN:
            sick_s = 0.0 if truth.sick_since_s is None else self.now_s - truth.sick_since_s
            least_s = TWO_KINDS_S if self.agents else ONE_KIND_S
            assert sick_s >= least_s - PROBE_S, f"I7: {name} is Down after {sick_s:.0f} s"
            # A hub that has been cut off since goes by what it has read last, as long as that is fresh.
            known = truth.lives_since_s is not None and (not self.hub_cut or self.now_s - truth.lives_since_s > FRESH_S)
            assert not (self.agents and known), f"I7: {name} is Down, and its agent lives"
            # What an agent has confirmed before the hub was cut off holds.
            unproven = self.anchors and not self.agents and self.hub_cut
            assert not unproven, f"I8: {name} is Down, and the hub is cut off"
            assert self.agents or self.anchors or not self._most_fail(), f"I8: {name} is Down, as most are"
        if after.takes_work and before.verdict in (Verdict.DOWN, Verdict.RECOVERING):
            last = truth.evidence.last
            assert last is not None, f"I2: {name} takes work unheard"
            assert last.heard is Heard.ANSWER, f"I2: {name} takes work after {last.heard}"
            well_s = -1.0 if truth.well_since_s is None else self.now_s - truth.well_since_s
            assert well_s >= UP_AFTER_S - PROBE_S, f"I2: {name} takes work after {well_s:.0f} s"

    def _most_fail(self) -> bool:
        """Whether so many have missed two probes together that the hub's network is the likelier cause."""
        known_s = self.now_s - 2 * PROBE_S
        silent = [
            each
            for each in self.fleet.values()
            if each.health.verdict is not Verdict.DOWN and each.sick_since_s is not None and each.sick_since_s < known_s
        ]
        return len(silent) > 1 and 100 * len(silent) > MAX_UNHEALTHY_PERCENT * len(self.fleet)

    def _check_found(self) -> None:
        """I6: what is off, with somebody to confirm it, is Down in time."""
        sound_s = self.now_s - self.hub_sound_since_s
        patience_s = ONE_KIND_S + SLACK_S
        for name, truth in self.fleet.items():
            off_s = 0.0 if truth.dead_since_s is None else self.now_s - truth.dead_since_s
            others = [other for other in self.fleet.values() if other is not truth]
            confirmed_s = max(
                (self.now_s - other.observes_since_s for other in others if other.observes_since_s is not None),
                default=0.0,
            )
            confirmed = confirmed_s > patience_s if self.agents else self.anchors
            if confirmed and min(off_s, sound_s) > patience_s:
                assert truth.health.verdict is Verdict.DOWN, f"I6: {name} is {truth.health.verdict} after {off_s:.0f} s"


def play(seed: int) -> None:
    """Play one history."""
    history = History(seed)
    try:
        history.play()
    except AssertionError as error:
        error.add_note(f"seed {seed}: agents {history.agents}, anchors {history.anchors}: {'; '.join(history.log)}")
        raise
