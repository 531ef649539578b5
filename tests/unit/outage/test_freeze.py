"""When nothing may be declared Down: observers first, then anchors, and the share of the fleet only without both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.outage.judging import Court

from tradewind.model.health import Verdict
from tradewind.outage.evidence import Fault
from tradewind.outage.freeze import ANCHORS_FRESH_S, Anchors

DOWN, SUSPECT = Verdict.DOWN, Verdict.SUSPECT
FLEET = ("aws1", "aws2", "aws3", "gcp")
AT_AWS = FLEET[:3]


def all_well(**more: Any) -> Court:
    return replace(Court(), **more).hear(**dict.fromkeys(FLEET, "AAA"))


def three_of_four_fall_silent(court: Court, *, rounds: int = 20) -> Court:
    for _ in range(rounds):
        if court.anchors is not None:
            court.anchors = replace(court.anchors, checked_s=court.now_s)
        court.hear(**dict.fromkeys(AT_AWS, "S"), gcp="A")
    return court


@pytest.mark.parametrize(
    ("anchors", "verdict", "reason"),
    [
        pytest.param(None, SUSPECT, "HubIsolated", id="without anchors three of four freeze"),
        pytest.param(Anchors(3, 3), DOWN, "ApiServerSilent", id="anchors that answer let them be Down"),
        pytest.param(Anchors(3, 2), DOWN, "ApiServerSilent", id="two thirds are enough"),
        pytest.param(Anchors(3, 1), SUSPECT, "HubIsolated", id="fewer are not"),
        pytest.param(Anchors(4, 2), SUSPECT, "HubIsolated", id="nor is half"),
        pytest.param(Anchors(3, 0), SUSPECT, "HubIsolated", id="nor is none"),
    ],
)
def test_anchors_decide_for_the_case_that_moving_exists_for(
    anchors: Anchors | None, verdict: Verdict, reason: str
) -> None:
    court = three_of_four_fall_silent(all_well(anchors=anchors))
    assert {(court.verdict(name), court.reason(name)) for name in AT_AWS} == {(verdict, reason)}
    assert court.verdict("gcp") is Verdict.HEALTHY


def test_even_one_silent_cluster_waits_for_the_anchors() -> None:
    court = all_well(anchors=Anchors(3))
    court.hear(aws1="S" * 30, aws2="A" * 30, aws3="A" * 30, gcp="A" * 30)
    assert (court.verdict("aws1"), court.reason("aws1")) == (SUSPECT, "NotProven")
    assert "anchors" in court.health["aws1"].message
    court.anchors = Anchors(3, 3, court.now_s)
    assert court.judge()["aws1"].verdict is DOWN, "the silence has counted meanwhile"


def test_an_old_answer_of_the_anchors_says_nothing() -> None:
    court = all_well(anchors=Anchors(3, 3, 0.0))
    court.now_s += ANCHORS_FRESH_S
    court.hear(aws1="S" * 30, aws2="A" * 30, aws3="A" * 30, gcp="A" * 30)
    assert not court.ever("aws1", DOWN)


def test_who_is_still_silent_when_the_anchors_are_back_is_down_after_the_full_time() -> None:
    court = three_of_four_fall_silent(all_well(anchors=Anchors(3, 0)))
    court.anchors = Anchors(3, 3)
    assert not three_of_four_fall_silent(court, rounds=14).ever("aws1", DOWN)
    assert three_of_four_fall_silent(court, rounds=3).verdict("aws1") is DOWN


def with_agents(**more: Any) -> Court:
    return replace(Court(), **more).beat(3, **dict.fromkeys(FLEET, "A+"))


def provider_dies(court: Court, *, rounds: int = 12) -> Court:
    return court.beat(rounds, **dict.fromkeys(AT_AWS, "S-"), gcp="A+")


def test_an_agent_elsewhere_that_can_not_reach_them_either_lets_three_of_four_be_down() -> None:
    court = with_agents(unreached={"gcp": frozenset(AT_AWS)}, beats={"elsewhere": 0.0})
    assert {provider_dies(court).verdict(name) for name in AT_AWS} == {DOWN}


def test_one_that_reaches_them_freezes_them() -> None:
    court = with_agents(reached={"gcp": frozenset(AT_AWS)})
    assert {provider_dies(court).reason(name) for name in AT_AWS} == {"HubIsolated"}
    assert "gcp" in court.health["aws1"].message


def test_one_that_shares_the_hubs_own_fate_is_no_second_view() -> None:
    court = with_agents(unreached={"gcp": frozenset(AT_AWS)}, near_hub={"gcp"})
    assert not any(provider_dies(court).ever(name, DOWN) for name in AT_AWS)


def test_one_that_has_not_said_anything_yet_leaves_it_to_the_anchors() -> None:
    court = with_agents()
    assert not provider_dies(court).ever("aws1", DOWN)
    court.anchors = Anchors(3, 3, court.now_s)
    assert court.judge()["aws1"].verdict is DOWN


@pytest.mark.parametrize(
    ("faults", "verdict"),
    [
        pytest.param((Fault.RESOLVER, Fault.RESOLVER), SUSPECT, id="the same fault at two: the hub is sick"),
        pytest.param((Fault.RESOLVER, Fault.CLOCK), DOWN, id="two faults of different kinds are not one sickness"),
    ],
)
def test_a_fault_of_our_own_at_two_clusters(faults: tuple[Fault, Fault], verdict: Verdict) -> None:
    court = all_well(anchors=Anchors(3, 3))
    for _ in range(20):
        court.anchors = Anchors(3, 3, court.now_s)
        for name, fault in zip(("aws2", "aws3"), faults, strict=True):
            court.fault = fault
            now_s = court.now_s
            court.hear(**{name: "U"})
            court.now_s = now_s
        court.hear(aws1="S", gcp="A")
    assert court.verdict("aws1") is verdict


def test_what_is_wrong_at_clusters_that_are_down_already_says_nothing_about_the_hub() -> None:
    court = all_well(anchors=Anchors(3, 3))
    lost = dict.fromkeys(("aws2", "aws3"), "S" * 20)
    court.anchors = Anchors(3, 3, court.now_s + 40)
    court.hear(aws1="A" * 20, gcp="A" * 20, **lost)
    for _ in range(20):
        court.anchors = Anchors(3, 3, court.now_s)
        court.hear(aws1="S", aws2="U", aws3="U", gcp="A")
    assert {court.verdict(name) for name in AT_AWS} == {DOWN}


@given(
    silent=st.sets(st.sampled_from(FLEET)),
    asked=st.integers(3, 9),
    share=st.floats(0, 1),
    percent=st.integers(0, 100),
)
@settings(max_examples=60)
def test_with_anchors_the_share_of_the_fleet_never_counts(
    silent: set[str], asked: int, share: float, percent: int
) -> None:
    answered = round(asked * share)
    court = all_well(anchors=Anchors(asked, answered), max_unhealthy_percent=percent)
    for _ in range(18):
        court.anchors = Anchors(asked, answered, court.now_s)
        court.hear(**{name: "S" if name in silent else "A" for name in FLEET})
    down = {name for name in FLEET if court.verdict(name) is DOWN}
    assert down == (silent if 3 * answered >= 2 * asked else set())
