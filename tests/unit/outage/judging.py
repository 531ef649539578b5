"""A fleet before the judge: one letter a probe, two seconds a letter, four judgements a letter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tradewind.model.health import UNHEARD, Judgement, Verdict
from tradewind.model.policy import Detection
from tradewind.outage.evidence import Evidence, Fault, Heard, Probe, Write, Wrote, forgive, hear, see_write
from tradewind.outage.heartbeats import Reading, read_witness
from tradewind.outage.verdict import Case, judge, settle

if TYPE_CHECKING:
    from tradewind.outage.freeze import Anchors

INTERVAL_S = 2.0
TICK_S = 0.5
WALL_S = 1_700_000_000.0
HEARD = {"A": Heard.ANSWER, "C": Heard.CREDENTIALS, "S": Heard.SILENCE, "U": Heard.UNKNOWN}
DETECTION = Detection(
    probe_interval_s=INTERVAL_S, down_after_one_kind_s=30.0, down_after_two_kinds_s=8.0, up_after_s=60.0
)
WITNESS = "witness"


@dataclass
class Court:
    """Judges a fleet; a small letter is a probe that was started late, a dot none at all.

    Attributes:
        writes: what becomes of the small write beside each answer; None where none is tried.
        fault: of the probes that fail on our side.
        unreached, reached: what each agent says of other clusters.
        beats: when the heartbeat of each agent was first seen.
    """

    detection: Detection = DETECTION
    max_unhealthy_percent: int = 60
    now_s: float = 0.0
    dirty: set[str] = field(default_factory=set)
    rebuilt: set[str] = field(default_factory=set)
    announced: dict[str, str] = field(default_factory=dict)
    near_hub: set[str] = field(default_factory=set)
    anchors: Anchors | None = None
    writes: Wrote | None = Wrote.WRITTEN
    fault: Fault = Fault.RESOLVER
    unreached: dict[str, frozenset[str]] = field(default_factory=dict)
    reached: dict[str, frozenset[str]] = field(default_factory=dict)
    beats: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    health: dict[str, Judgement] = field(default_factory=dict)
    history: list[dict[str, Judgement]] = field(default_factory=list)

    def hear(self, **patterns: str) -> Court:
        """Let each cluster be probed by its letters, and judge between them."""
        for index in range(max(len(pattern) for pattern in patterns.values())):
            for name, pattern in patterns.items():
                letter = pattern[index]
                if letter != ".":
                    probe = Probe(self.now_s, HEARD[letter.upper()], name, letter.isupper(), self.fault)
                    self.evidence[name] = hear(self.evidence.get(name, Evidence()), probe)
                if letter == "A" and self.writes is not None:
                    self.write(name, self.writes)
            self.wait(INTERVAL_S)
        return self

    def write(self, name: str, wrote: Wrote) -> Court:
        """Let one small write end."""
        self.evidence[name] = see_write(self.evidence[name], Write(self.now_s, wrote, "so it was written"))
        return self

    def beat(self, rounds: int = 1, **agents: str) -> Court:
        """Read the witness every two seconds, and probe: the first letter is the probe, `+` a new heartbeat.

        `gcp="A+"` answers with a heartbeat, `aws="S-"` is silent without one.
        """
        for _ in range(rounds):
            self.beats |= {name: self.now_s for name, both in agents.items() if both[1] == "+"}
            for name in agents:
                others = [at_s for other, at_s in self.beats.items() if other != name]
                reading = Reading(
                    WITNESS,
                    self.now_s,
                    self.beats.get(name),
                    max(others, default=None),
                    self.reached.get(name, frozenset()),
                    self.unreached.get(name, frozenset()),
                )
                known = self.evidence.get(name, Evidence())
                self.evidence[name] = replace(known, agent=read_witness(known.agent, reading))
            self.hear(**{name: both[0] for name, both in agents.items()})
        return self

    def wait(self, seconds: float) -> Court:
        """Judge for some time."""
        for _ in range(int(seconds / TICK_S)):
            self.judge()
            self.now_s += TICK_S
        return self

    def judge(self) -> dict[str, Judgement]:
        """Judge once."""
        cases = {
            name: Case(
                evidence,
                self.detection,
                self.health.get(name, UNHEARD),
                clean=name not in self.dirty,
                rebuilt=name in self.rebuilt,
                announced=self.announced.get(name, ""),
                near_hub=name in self.near_hub,
            )
            for name, evidence in self.evidence.items()
        }
        self.health = judge(
            cases,
            max_unhealthy_percent=self.max_unhealthy_percent,
            now_s=self.now_s,
            wall_s=WALL_S + self.now_s,
            anchors=self.anchors,
        )
        self.evidence = {
            name: settle(self.evidence[name], judgement, detection=self.detection, now_s=self.now_s)
            for name, judgement in self.health.items()
        }
        self.history.append(self.health)
        return self.health

    def stall(self, seconds: float) -> Court:
        """Let the hub itself stand still, as the judging loop notices it."""
        self.now_s += seconds
        self.evidence = {name: forgive(evidence) for name, evidence in self.evidence.items()}
        return self

    def lose_nodes(self, name: str, *, since_s: float | None) -> Court:
        """Say since when no node is ready."""
        self.evidence[name] = replace(self.evidence[name], nodes_gone_since_s=since_s)
        return self

    def verdict(self, name: str) -> Verdict:
        """The present verdict."""
        return self.health[name].verdict

    def reason(self, name: str) -> str:
        """Its reason."""
        return self.health[name].reason

    def ever(self, name: str, verdict: Verdict) -> bool:
        """Whether it was ever reached."""
        return any(name in health and health[name].verdict is verdict for health in self.history)
