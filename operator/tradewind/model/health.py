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
    CREDENTIALS_INVALID = "CredentialsInvalid"  # alive, but we may not speak to it: nothing moves
    RECOVERING = "Recovering"  # answers again, not yet for long enough


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
        """Whether new work may be placed here."""
        return self.verdict is Verdict.HEALTHY

    @property
    def lost(self) -> bool:
        """Whether what was placed here can't be counted on to run."""
        return self.verdict is Verdict.DOWN or self.nodes_lost


UNHEARD = Judgement(Verdict.UNKNOWN, "NotProbedYet", "No probe has ended yet.")
