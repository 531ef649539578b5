"""Heartbeats read at witnesses, and what they make of the silence or the answers of an API server."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.outage.judging import DETECTION, INTERVAL_S, Court

from tradewind.model.health import Verdict
from tradewind.outage.heartbeats import FRESH_S, HeartbeatEvidence, Reading, agent_silent_for_s, read_witness

DOWN, SUSPECT, HEALTHY = Verdict.DOWN, Verdict.SUSPECT, Verdict.HEALTHY


def read(*times: tuple[float, float | None, float | None]) -> HeartbeatEvidence | None:
    """Read a witness, as (when, own heartbeat, newest other)."""
    agent = None
    for at_s, own_s, other_s in times:
        agent = read_witness(agent, Reading("w", at_s, own_s, other_s))
    return agent


def silent_s(*times: tuple[float, float | None, float | None]) -> float:
    return agent_silent_for_s(read(*times), now_s=times[-1][0])


@pytest.mark.parametrize(
    ("readings", "silent"),
    [
        pytest.param([(0, None, 0), (9, None, 9)], 0, id="an agent that was never heard is not silent"),
        pytest.param([(0, 0, 0), (2, 0, 2), (4, 0, 4), (6, 0, 6)], 4, id="from the first reading without news"),
        pytest.param([(0, 0, 0), (2, 0, 2), (4, 4, 4)], 0, id="a heartbeat ends it"),
        pytest.param([(0, 0, -6), (2, 0, -6), (4, 0, -6)], 0, id="a witness that shows nobody proves nothing"),
        pytest.param([(0, 0, None), (2, 0, None), (4, 0, None)], 0, id="nor one that holds no other agent"),
        pytest.param([(0, 0, 0), (2, 0, 2), (20, 0, 20)], 0, id="a gap between readings may have hidden a heartbeat"),
        pytest.param([(0, 0, 0), (2, 0, 2), (20, 0, 20), (24, 0, 24)], 4, id="after which silence begins anew"),
    ],
)
def test_silence_of_an_agent(readings: list[tuple[float, float | None, float | None]], silent: float) -> None:
    assert silent_s(*readings) == silent


def test_silence_is_not_known_once_the_witness_is_no_longer_read() -> None:
    agent = read((0, 0, 0), (2, 0, 2), (4, 0, 4))
    assert agent_silent_for_s(agent, now_s=4 + FRESH_S) > 0
    assert agent_silent_for_s(agent, now_s=4.1 + FRESH_S) == 0


@given(
    gaps=st.lists(st.floats(0.5, 9.0), min_size=1, max_size=40),
    beats=st.lists(st.booleans(), min_size=40, max_size=40),
    others=st.lists(st.floats(0.0, 9.0), min_size=40, max_size=40),
)
@settings(max_examples=200)
def test_an_agent_is_never_silent_for_longer_than_since_its_last_heartbeat(
    gaps: list[float], beats: list[bool], others: list[float]
) -> None:
    agent, now_s, last_s, before = None, 0.0, None, 0.0
    for gap, beats_now, age in zip(gaps, beats, others, strict=False):
        now_s += gap
        last_s = now_s if beats_now else last_s
        agent = read_witness(agent, Reading("w", now_s, last_s, now_s - age))
        silent = agent_silent_for_s(agent, now_s=now_s)
        assert silent <= (now_s - last_s if last_s is not None else 0.0)
        assert age <= FRESH_S or silent <= before, "and it grows only while the witness shows another agent that lives"
        before = silent


def with_agents(rounds: int = 3) -> Court:
    return Court().beat(rounds, aws="A+", gcp="A+", own="A+")


def test_two_kinds_of_silence_make_an_outage_in_eight_seconds() -> None:
    court = with_agents()
    died_s = court.now_s
    while court.verdict("aws") is not DOWN:
        court.beat(aws="S-", gcp="A+", own="A+")
        court.unreached["gcp"] = frozenset({"aws"})
    assert court.reason("aws") == "ApiServerAndAgentSilent"
    assert court.now_s - died_s <= DETECTION.down_after_two_kinds_s + INTERVAL_S


def test_a_silent_api_server_whose_agent_is_heard_is_partitioned_and_loses_nothing() -> None:
    court = with_agents().beat(40, aws="S+", gcp="A+", own="A+")
    judgement = court.health["aws"]
    assert (judgement.verdict, judgement.takes_work, judgement.lost) == (Verdict.PARTITIONED, False, False)
    assert "witness" in judgement.message
    assert court.beat(aws="A+", gcp="A+", own="A+").verdict("aws") is HEALTHY


def test_a_partitioned_cluster_that_dies_is_down() -> None:
    court = with_agents().beat(10, aws="S+", gcp="A+", own="A+").beat(6, aws="S-", gcp="A+", own="A+")
    assert court.verdict("aws") is SUSPECT, "nobody else has looked yet"
    court.unreached["gcp"] = frozenset({"aws"})
    assert court.beat(aws="S-", gcp="A+", own="A+").beat(aws="S-", gcp="A+", own="A+").verdict("aws") is DOWN


def test_a_silent_agent_beside_answers_is_no_outage_but_no_place_for_work_that_may_run_only_once() -> None:
    court = with_agents().beat(20, aws="A-", gcp="A+", own="A+")
    judgement = court.health["aws"]
    assert (judgement.verdict, judgement.lost) == (Verdict.AGENT_DOWN, False)
    assert (judgement.takes(at_most_once=True), judgement.takes(at_most_once=False)) == (False, True)


def test_with_an_agent_that_no_witness_can_tell_of_the_silence_of_one_kind_is_never_enough() -> None:
    court = with_agents().hear(aws="S" * 60, gcp="A" * 60, own="A" * 60)
    assert not court.ever("aws", DOWN)
    assert court.reason("aws") == "AgentUnseen"
    assert "no witness" in court.health["aws"].message


def test_a_cluster_that_returns_must_be_heard_too() -> None:
    court = with_agents()
    court.unreached["gcp"] = frozenset({"aws"})
    court.beat(10, aws="S-", gcp="A+", own="A+").beat(40, aws="A-", gcp="A+", own="A+")
    assert court.verdict("aws") is Verdict.RECOVERING
    assert "agent" in court.health["aws"].message
    assert court.beat(2, aws="A+", gcp="A+", own="A+").verdict("aws") is HEALTHY
