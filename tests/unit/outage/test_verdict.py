"""The judge, rule by rule."""

from __future__ import annotations

import pytest
from tests.unit.outage.judging import WALL_S, Court

from tradewind.model.health import Verdict
from tradewind.model.policy import Detection

HEALTHY, SUSPECT, DOWN = Verdict.HEALTHY, Verdict.SUSPECT, Verdict.DOWN
UNKNOWN, DEGRADED, RECOVERING = Verdict.UNKNOWN, Verdict.DEGRADED, Verdict.RECOVERING
CREDENTIALS = Verdict.CREDENTIALS_INVALID
OTHERS = {"gcp": "A", "own": "A"}


def among_healthy_others(pattern: str) -> Court:
    """Hear one cluster by its letters, beside two others that answer all the time."""
    return Court().hear(aws=pattern, **{name: letter * len(pattern) for name, letter in OTHERS.items()})


@pytest.mark.parametrize(
    ("pattern", "verdict"),
    [
        pytest.param("A", HEALTHY, id="an answer is life"),
        pytest.param("S", SUSPECT, id="a cluster never heard is suspect at once"),
        pytest.param("U", UNKNOWN, id="a fault of our own says nothing about a cluster never heard"),
        pytest.param("AS", HEALTHY, id="one lost packet is no suspicion"),
        pytest.param("ASS", SUSPECT, id="two are"),
        pytest.param("A" + "S" * 14, SUSPECT, id="28 seconds of silence are not 30"),
        pytest.param("A" + "S" * 16, DOWN, id="30 are"),
        pytest.param("S" * 16, DOWN, id="also for one that was never heard"),
        pytest.param("A" + "U" * 50, HEALTHY, id="a fault of our own never becomes silence"),
        pytest.param("A" + "s" * 50, HEALTHY, id="nor do probes that were started late"),
        pytest.param("A" + "S" * 4 + "U" * 50, SUSPECT, id="nor does it after some silence"),
        pytest.param("A" + "S" * 4 + "s" * 50, SUSPECT, id="nor do they"),
        pytest.param("A" + "S" * 4 + "U" * 50 + "S" * 12, DOWN, id="silence goes on where it stood"),
        pytest.param("AC", CREDENTIALS, id="a refusal of our credentials is no outage"),
        pytest.param("A" + "C" * 100, CREDENTIALS, id="however long it lasts"),
        pytest.param("C" + "S" * 16, DOWN, id="but an expired key hides no death"),
        pytest.param("CS", SUSPECT, id="and silence after a refusal is suspect at once"),
        pytest.param("ACA", HEALTHY, id="credentials that work again are all that is needed"),
        pytest.param("A" + "S" * 16 + "U" * 5, DOWN, id="down stays down through faults of our own"),
        pytest.param("A" + "S" * 16 + "A", RECOVERING, id="a cluster that was down is on probation"),
        pytest.param("A" + "S" * 16 + "A" * 30, RECOVERING, id="for 60 seconds"),
        pytest.param("A" + "S" * 16 + "A" * 31, HEALTHY, id="and then it is trusted again"),
        pytest.param("A" + "S" * 16 + "A" * 20 + "S" + "A" * 20, RECOVERING, id="one silence starts them anew"),
        pytest.param("A" + "S" * 16 + "C" * 40, CREDENTIALS, id="refusals after an outage are told apart"),
        pytest.param("A" + "S" * 16 + "C" * 40 + "A", RECOVERING, id="and count as no probation"),
        pytest.param("A" + "S" * 10 + "A", HEALTHY, id="silence that never was an outage needs no probation"),
    ],
)
def test_verdict(pattern: str, verdict: Verdict) -> None:
    court = among_healthy_others(pattern)
    assert court.verdict("aws") is verdict
    assert {court.verdict(name) for name in OTHERS} == {HEALTHY}


def test_down_says_how_long_and_why() -> None:
    court = among_healthy_others("A" + "S" * 16)
    judgement = court.health["aws"]
    assert (judgement.reason, judgement.lost, judgement.takes_work) == ("ApiServerSilent", True, False)
    assert "30s" in judgement.message
    assert "aws" in judgement.message  # the probe's own detail


def test_fewer_than_four_probes_are_no_outage_however_slow_they_are() -> None:
    slow = Detection(probe_interval_s=2.0, down_after_one_kind_s=4.0)
    court = Court(slow).hear(aws="ASSS", gcp="AAAA", own="AAAA")
    assert court.verdict("aws") is SUSPECT
    assert court.hear(aws="S", gcp="A", own="A").verdict("aws") is DOWN


@pytest.mark.parametrize("silent", range(1, 15))
def test_flaps_shorter_than_the_threshold_never_reach_down(silent: int) -> None:
    court = among_healthy_others(("A" + "S" * silent) * 20)
    assert not court.ever("aws", DOWN)


@pytest.mark.parametrize(
    ("patterns", "percent", "verdict", "reason"),
    [
        pytest.param({"a": "S"}, 60, DOWN, "ApiServerSilent", id="an only member is believed: there is no second view"),
        pytest.param({"a": "S", "b": "A"}, 60, DOWN, "ApiServerSilent", id="one of two is"),
        pytest.param({"a": "S", "b": "S"}, 60, SUSPECT, "HubIsolated", id="two of two freeze"),
        pytest.param({"a": "S", "b": "A", "c": "A"}, 60, DOWN, "ApiServerSilent", id="one of three is believed"),
        pytest.param({"a": "S", "b": "S", "c": "A"}, 60, SUSPECT, "HubIsolated", id="two of three are more than 60%"),
        pytest.param({"a": "S", "b": "S", "c": "A"}, 67, DOWN, "ApiServerSilent", id="and not more than 67%"),
        pytest.param({"a": "S", "b": "S", "c": "S"}, 60, SUSPECT, "HubIsolated", id="three of three freeze"),
        pytest.param({"a": "S", "b": "S", "c": "S"}, 100, DOWN, "ApiServerSilent", id="unless the policy wants it"),
        pytest.param({"a": "S", "b": "S", "c": "A", "d": "A", "e": "A"}, 60, DOWN, "ApiServerSilent", id="40% do not"),
        pytest.param({"a": "S", "b": "C"}, 60, DOWN, "ApiServerSilent", id="a refusal is proof of our own network"),
        pytest.param({"a": "S", "b": "U", "c": "A"}, 60, DOWN, "ApiServerSilent", id="one fault of our own is not"),
        pytest.param({"a": "S", "b": "U", "c": "U"}, 60, SUSPECT, "HubIsolated", id="two are: the hub is sick"),
    ],
)
def test_a_hub_that_is_itself_cut_off_convicts_nobody(
    patterns: dict[str, str], percent: int, verdict: Verdict, reason: str
) -> None:
    court = Court(max_unhealthy_percent=percent)
    court.hear(**dict.fromkeys(patterns, "A"))
    court.hear(**{name: letter * 16 for name, letter in patterns.items()})
    assert (court.verdict("a"), court.reason("a")) == (verdict, reason)


def test_a_freeze_is_seen_before_anyones_patience_ends() -> None:
    court = Court().hear(a="ASSS", b="ASSS")
    assert {court.reason(name) for name in "ab"} == {"HubIsolated"}


def test_a_partition_of_the_hub_that_heals_in_steps_convicts_nobody() -> None:
    court = Court().hear(a="A" + "S" * 40, b="A" + "S" * 40, c="A" + "S" * 40)
    court.hear(a="A" * 14, b="A" * 14, c="S" * 14)
    assert not any(court.ever(name, DOWN) for name in "abc")


def test_who_stays_silent_after_a_freeze_is_down_after_the_full_time() -> None:
    court = Court().hear(a="A" + "S" * 40, b="A" + "S" * 40, c="A" + "S" * 40)
    court.hear(a="A" * 17, b="A" * 17, c="S" * 17)
    assert court.verdict("c") is DOWN


def test_those_that_were_down_before_do_not_freeze_the_rest() -> None:
    court = Court().hear(a="A" + "S" * 20, b="A" * 21, c="A" * 21)
    assert court.hear(a="S" * 17, b="S" * 17, c="A" * 17).verdict("b") is DOWN


def test_clusters_that_die_one_after_the_other_but_are_silent_together_freeze() -> None:
    court = Court().hear(a="AS" + "S" * 10, b="A" * 12)
    court.hear(a="S" * 10, b="S" * 10)
    assert not court.ever("a", DOWN)


def test_a_stall_of_the_hub_is_forgiven() -> None:
    court = among_healthy_others("A" + "S" * 14)
    court.stall(600.0).judge()
    assert court.verdict("aws") is not DOWN
    court.hear(aws="S" * 14, gcp="A" * 14, own="A" * 14)
    assert court.verdict("aws") is SUSPECT
    court.hear(aws="SS", gcp="AA", own="AA")
    assert court.verdict("aws") is DOWN


def test_a_cluster_that_returns_must_be_clean_before_it_takes_work() -> None:
    court = Court(dirty={"aws"}).hear(aws="A" + "S" * 16 + "A" * 60, gcp="A" * 77, own="A" * 77)
    assert court.verdict("aws") is RECOVERING
    court.dirty.clear()
    assert court.judge()["aws"].verdict is HEALTHY


def test_a_cluster_that_never_was_down_need_not_be_clean() -> None:
    assert Court(dirty={"aws"}).hear(aws="A").verdict("aws") is HEALTHY


@pytest.mark.parametrize(
    ("since_s", "verdict", "lost"),
    [
        pytest.param(None, HEALTHY, False, id="nodes are ready"),
        pytest.param(-1.0, HEALTHY, False, id="not one is ready, for a moment, as on every new cluster"),
        pytest.param(-5.0, SUSPECT, False, id="for two probes"),
        pytest.param(-29.0, SUSPECT, False, id="for almost as long as makes an outage"),
        pytest.param(-31.0, DEGRADED, True, id="for as long"),
    ],
)
def test_a_cluster_whose_nodes_are_all_gone(since_s: float | None, verdict: Verdict, lost: bool) -> None:  # noqa: FBT001 - a table
    court = Court(now_s=100.0).hear(aws="A")
    court.lose_nodes("aws", since_s=None if since_s is None else court.now_s + since_s).judge()
    assert (court.verdict("aws"), court.health["aws"].lost) == (verdict, lost)


def test_another_cluster_under_the_same_name_takes_no_work_and_what_ran_there_is_lost() -> None:
    court = Court(rebuilt={"aws"}).hear(aws="A")
    assert (court.verdict("aws"), court.reason("aws"), court.health["aws"].lost) == (DEGRADED, "ClusterRebuilt", True)


def test_a_verdict_keeps_its_beginning_while_it_holds() -> None:
    court = among_healthy_others("A" + "S" * 16)
    began_s = court.health["aws"].since_s
    assert WALL_S + 30 <= began_s <= WALL_S + 34
    court.hear(aws="S" * 20, gcp="A" * 20, own="A" * 20)
    assert court.health["aws"].since_s == began_s


def test_each_cluster_is_judged_by_its_own_patience() -> None:
    patient = Court(Detection(down_after_one_kind_s=180.0)).hear(a="A" + "S" * 80, b="A" * 81, c="A" * 81)
    assert patient.verdict("a") is SUSPECT
