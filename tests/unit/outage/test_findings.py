"""The evidence in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.model.health import EvidenceKind
from tradewind.outage.evidence import Evidence, Fault, Heard, Probe, Write, Wrote, hear, see_launches, see_nodes
from tradewind.outage.evidence import see_write as wrote
from tradewind.outage.findings import Finding, findings
from tradewind.outage.heartbeats import HeartbeatEvidence

READS, WRITES = EvidenceKind.READS, EvidenceKind.WRITES


def after(*probes: Probe) -> Evidence:
    evidence = Evidence()
    for probe in probes:
        evidence = hear(evidence, probe)
    return evidence


GOOD, BAD = Probe(1.0, Heard.ANSWER, took_s=0.003), Probe(2.0, Heard.SILENCE, "refused")


@pytest.mark.parametrize(
    ("evidence", "finding"),
    [
        pytest.param(after(GOOD, GOOD), Finding(READS, "Answered", "answered within 256 ms", 1.0), id="answers"),
        pytest.param(after(GOOD, BAD), Finding(READS, "Silent", "1 probes in a row: refused", 2.0), id="silence"),
        pytest.param(
            after(Probe(3.0, Heard.CREDENTIALS, "expired")), Finding(READS, "Refused", "expired"), id="a refusal"
        ),
        pytest.param(
            after(Probe(3.0, Heard.UNKNOWN, "no name", fault=Fault.RESOLVER)),
            Finding(READS, "OwnFault", "the fault is on the hub's side (Resolver: no name)"),
            id="a fault of our own",
        ),
        pytest.param(
            wrote(wrote(after(GOOD), Write(5.0, Wrote.WRITTEN)), Write(15.0, Wrote.WRITTEN, took_s=0.9)),
            Finding(WRITES, "Stored", "stored within 1024 ms", 5.0),
            id="writes",
        ),
        pytest.param(
            wrote(wrote(after(GOOD), Write(5.0, Wrote.WRITTEN)), Write(15.0, Wrote.FAILED, "full")),
            Finding(WRITES, "Failed", "full", 15.0),
            id="a write that failed",
        ),
        pytest.param(
            see_nodes(Evidence(), total=2, ready=0, now_s=7.0),
            Finding(EvidenceKind.NODES, "NoneReady", "not one node is ready", 7.0),
            id="nodes",
        ),
        pytest.param(
            see_launches(Evidence(), waiting=2, launched=0, now_s=8.0),
            Finding(
                EvidenceKind.LAUNCHES, "Waiting", "no controller or scheduler has looked at what was accepted", 8.0
            ),
            id="launches",
        ),
        pytest.param(
            Evidence(agent=HeartbeatEvidence(1.0, "gcp")),
            Finding(EvidenceKind.AGENT, "Heard", "heard through gcp"),
            id="an agent",
        ),
        pytest.param(
            Evidence(agent=HeartbeatEvidence(1.0, "gcp", 4.0, 6.0, "own")),
            Finding(EvidenceKind.AGENT, "Silent", "no heartbeat at own, which shows others", 4.0),
            id="an agent that is silent",
        ),
    ],
)
def test_each_kind_says_what_it_knows_and_since_when(evidence: Evidence, finding: Finding) -> None:
    assert findings(evidence)[-1] == finding


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert findings(Evidence()) == ()


@given(took_s=st.floats(0.0, 60.0))
def test_a_latency_is_never_told_too_small_nor_four_times_too_large(took_s: float) -> None:
    message = findings(after(Probe(0.0, Heard.ANSWER, took_s=took_s)))[0].message
    bound_ms = int(message.removeprefix("answered within ").removesuffix(" ms"))
    assert took_s * 1000 <= bound_ms
    assert bound_ms == 256 or bound_ms < 4 * took_s * 1000 + 1e-6
