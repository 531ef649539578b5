"""Heartbeats of the agents in the clusters, as they are read at witnesses: the second kind of evidence.

An agent writes its heartbeat to its cluster's witnesses, with a number that rises. The hub times it by when it has
itself first seen a new number, by its own monotonic clock: no two clocks are ever compared. An agent that is not seen
is silent only at a witness that shows another agent's fresh heartbeat: a witness that itself is stuck proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FRESH_S = 5.0
"""A heartbeat this old still shows that its agent lives, and that its witness takes heartbeats."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a witness, as it concerns the agent of one cluster.

    Attributes:
        read_s: when the reading was begun.
        heard_s: when the newest heartbeat of this agent at this witness was first seen; None where there is none.
        other_s: the same of the newest of all other agents there.
        reached, unreached: clusters whose API server that heartbeat says to answer its agent, or not to.
    """

    witness: str
    read_s: float
    heard_s: float | None
    other_s: float | None = None
    reached: frozenset[str] = frozenset()
    unreached: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HeartbeatEvidence:
    """What is known of one agent.

    Attributes:
        heard_s: when its newest heartbeat was first seen, through `witness`.
        silent_since_s: the first of the readings without a gap that count as silence; None after a heartbeat.
        read_s: the last reading that counts as silence, through `silent_at`.
        reached, unreached: as its newest heartbeat says.
    """

    heard_s: float
    witness: str
    silent_since_s: float | None = None
    read_s: float = 0.0
    silent_at: str = ""
    reached: frozenset[str] = frozenset()
    unreached: frozenset[str] = frozenset()


def read_witness(agent: HeartbeatEvidence | None, reading: Reading) -> HeartbeatEvidence | None:
    """Fold one reading into what is known of an agent."""
    heard_s = reading.heard_s
    if heard_s is not None and (agent is None or heard_s > agent.heard_s):
        return HeartbeatEvidence(heard_s, reading.witness, reached=reading.reached, unreached=reading.unreached)
    if agent is None or reading.other_s is None or reading.read_s - reading.other_s > FRESH_S:
        return agent
    if reading.read_s <= agent.heard_s:
        return agent
    # Silence accrues over readings that were made: a gap between them may have hidden a heartbeat's way.
    gap = agent.silent_since_s is None or reading.read_s - agent.read_s > FRESH_S
    return replace(
        agent,
        silent_since_s=reading.read_s if gap else agent.silent_since_s,
        read_s=reading.read_s,
        silent_at=reading.witness,
    )


def is_heard(agent: HeartbeatEvidence | None, *, now_s: float, within_s: float) -> bool:
    """Whether a heartbeat is new enough to show that the agent lives."""
    return agent is not None and now_s - agent.heard_s <= within_s


def agent_silent_for_s(agent: HeartbeatEvidence | None, *, now_s: float) -> float:
    """Say how long the agent has been silent, up to the last reading of a witness that shows another."""
    if agent is None or agent.silent_since_s is None or now_s - agent.read_s > FRESH_S:
        return 0.0
    return agent.read_s - agent.silent_since_s
