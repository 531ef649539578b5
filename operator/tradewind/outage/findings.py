"""The evidence on a cluster in words, one finding a kind, each with the time since when it has been so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.model.health import EvidenceKind
from tradewind.outage.evidence import Heard, Wrote

if TYPE_CHECKING:
    from tradewind.outage.evidence import Evidence, Probe, Write
    from tradewind.outage.heartbeats import HeartbeatEvidence

LATENCY_STEP = 4
"""Latencies are told in steps of this factor: one that wavers is no news,"""
LATENCY_FLOOR_MS = 256
"""and neither is one below this, which a busy minute makes of the best: a fleet at rest is not written to."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one kind of evidence says.

    Attributes:
        says: a stable CamelCase word.
        since_s: since when, by the clock of the evidence; None where that is not known.
    """

    kind: EvidenceKind
    says: str
    message: str
    since_s: float | None = None


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """Say what is known, of each kind of which anything is."""
    found = (
        None if evidence.last is None else _reads(evidence, evidence.last),
        None if evidence.write is None else _writes(evidence, evidence.write),
        None if evidence.agent is None else _agent(evidence.agent),
        None
        if evidence.nodes_gone_since_s is None
        else Finding(EvidenceKind.NODES, "NoneReady", "not one node is ready", evidence.nodes_gone_since_s),
        None
        if evidence.launches_wait_since_s is None
        else Finding(
            EvidenceKind.LAUNCHES,
            "Waiting",
            "no controller or scheduler has looked at what was accepted",
            evidence.launches_wait_since_s,
        ),
    )
    return tuple(finding for finding in found if finding is not None)


def _reads(evidence: Evidence, last: Probe) -> Finding:
    match last.heard:
        case Heard.ANSWER:
            return Finding(
                EvidenceKind.READS, "Answered", f"answered {_within(last.took_s)}", evidence.answering_since_s
            )
        case Heard.SILENCE:
            lost = f"{evidence.silent_probes} probes in a row: {last.detail}"
            return Finding(EvidenceKind.READS, "Silent", lost, evidence.silent_since_s)
        case Heard.CREDENTIALS:
            return Finding(EvidenceKind.READS, "Refused", last.detail)
        case _:
            kind = f"{last.fault}: " if last.fault else ""
            return Finding(EvidenceKind.READS, "OwnFault", f"the fault is on the hub's side ({kind}{last.detail})")


def _writes(evidence: Evidence, write: Write) -> Finding:
    match write.wrote:
        case Wrote.WRITTEN:
            return Finding(EvidenceKind.WRITES, "Stored", f"stored {_within(write.took_s)}", evidence.writes_since_s)
        case Wrote.FAILED:
            return Finding(EvidenceKind.WRITES, "Failed", write.detail, evidence.writes_since_s)
        case Wrote.REFUSED:
            words = f"not allowed, so it says nothing: {write.detail}"
            return Finding(EvidenceKind.WRITES, "Refused", words, evidence.writes_since_s)
        case _:
            return Finding(EvidenceKind.WRITES, "OwnFault", f"the fault is on the hub's side ({write.detail})")


def _agent(agent: HeartbeatEvidence) -> Finding:
    if agent.silent_since_s is None:
        return Finding(EvidenceKind.AGENT, "Heard", f"heard through {agent.witness}")
    return Finding(
        EvidenceKind.AGENT, "Silent", f"no heartbeat at {agent.silent_at}, which shows others", agent.silent_since_s
    )


def _within(took_s: float) -> str:
    """Say a latency by the next power of the step, in milliseconds."""
    bound_ms = LATENCY_FLOOR_MS
    while bound_ms < took_s * 1000:
        bound_ms *= LATENCY_STEP
    return f"within {bound_ms} ms"
