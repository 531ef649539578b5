"""The verdict on a cluster: what the evidence amounts to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What may be done with a cluster."""

    UNKNOWN = "Unknown"  # nothing has been heard yet, and not for long enough to call it silence
    HEALTHY = "Healthy"
    SUSPECT = "Suspect"  # silent, not long enough: no new work, nothing moves
    DOWN = "Down"
    DEGRADED = "Degraded"  # the API server answers and nothing can start: no new work
    PARTITIONED = "Partitioned"  # silent to the hub, and its agent is heard: no new work, nothing moves
    AGENT_DOWN = "AgentDown"  # answers, and its agent is silent: no new work that may run at most once
    CREDENTIALS_INVALID = "CredentialsInvalid"  # alive, but we may not speak to it: nothing moves
    RECOVERING = "Recovering"  # answers again, not yet for long enough


class EvidenceKind(StrEnum):
    """The kinds of evidence that a verdict rests on."""

    READS = "Reads"
    WRITES = "Writes"
    AGENT = "Agent"
    NODES = "Nodes"
    LAUNCHES = "Launches"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason.

    Attributes:
        since_s: when the verdict began, in seconds since the Unix epoch (for people; never compared).
        nodes_lost: the API server answers, but every node has been gone for the time that makes an outage.
    """

    verdict: Verdict
    reason: str
    message: str
    since_s: float = 0.0
    nodes_lost: bool = False

    @property
    def takes_work(self) -> bool:
        """Whether new work may be placed here; without its agent, only work that may run twice."""
        return self.verdict in (Verdict.HEALTHY, Verdict.AGENT_DOWN)

    def takes(self, *, at_most_once: bool) -> bool:
        """Whether new work may be placed here that may run at most once, or may run twice."""
        return self.takes_work and not (at_most_once and self.verdict is Verdict.AGENT_DOWN)

    @property
    def lost(self) -> bool:
        """Whether what was placed here can't be counted on to run."""
        return self.verdict is Verdict.DOWN or self.nodes_lost


UNHEARD = Judgement(Verdict.UNKNOWN, "NotProbedYet", "No probe has ended yet.")
