"""What one cluster's probes and nodes add up to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tradewind.outage.evidence import Evidence, Heard, Probe, forgive, hear, see_nodes, silent_for_s

LETTERS = {"A": Heard.ANSWER, "C": Heard.CREDENTIALS, "S": Heard.SILENCE, "U": Heard.UNKNOWN}


def after(pattern: str, *, interval_s: float = 2.0) -> Evidence:
    """Hear one probe a letter, from time 0 on; `s` is a silence that was asked late, `a` an answer asked late."""
    evidence = Evidence()
    for index, letter in enumerate(pattern):
        heard = LETTERS[letter.upper()]
        evidence = hear(evidence, Probe(index * interval_s, heard, f"probe {index}", on_time=letter.isupper()))
    return evidence


@pytest.mark.parametrize(
    ("pattern", "probes", "silent_s"),
    [
        pytest.param("", 0, 0.0, id="nothing heard is no silence"),
        pytest.param("A", 0, 0.0, id="an answer is no silence"),
        pytest.param("S", 1, 2.0, id="silence counts from the start of its first probe"),
        pytest.param("ASSS", 3, 6.0, id="silence after answers counts from the first silent probe"),
        pytest.param("SSSA", 0, 0.0, id="one answer ends it"),
        pytest.param("SSSC", 0, 0.0, id="a refusal is an answer too"),
        pytest.param("CSSS", 3, 6.0, id="silence after a refusal counts: an expired key hides no death"),
        pytest.param("UUUU", 0, 0.0, id="a fault of our own is never silence"),
        pytest.param("SSUUUU", 2, 2.0, id="and while it lasts silence does not grow"),
        pytest.param("SSUUSS", 4, 8.0, id="silence goes on after it where it stood"),
        pytest.param("ssss", 0, 0.0, id="probes that were started late are no silence"),
        pytest.param("SSssss", 2, 2.0, id="nor do they let it grow"),
        pytest.param("Assss", 0, 0.0, id="nor do they begin one"),
        pytest.param("SSa", 0, 0.0, id="but an answer counts whenever it was asked for"),
    ],
)
def test_silence_accrues_only_over_probes_that_were_started_on_time_and_failed(
    pattern: str, probes: int, silent_s: float
) -> None:
    evidence = after(pattern)
    assert evidence.silent_probes == probes
    assert silent_for_s(evidence, now_s=2.0 * len(pattern)) == silent_s


@pytest.mark.parametrize(
    ("pattern", "since_s"),
    [
        pytest.param("AAA", 0.0, id="a run of answers counts from its first"),
        pytest.param("ASA", 4.0, id="silence breaks the run"),
        pytest.param("ACA", 4.0, id="so does a refusal: nothing can be asked meanwhile"),
        pytest.param("AUA", 0.0, id="a fault of our own does not"),
        pytest.param("AsA", 0.0, id="nor does a probe that was started late"),
        pytest.param("AS", None, id="while it is silent there is none"),
    ],
)
def test_a_run_of_answers(pattern: str, since_s: float | None) -> None:
    assert after(pattern).answering_since_s == since_s


def test_what_was_said_against_the_credentials_is_kept_until_they_work() -> None:
    assert after("AC").credentials == "probe 1"
    assert after("CSS").credentials == "probe 0"
    assert after("CA").credentials == ""


def test_a_fault_of_our_own_is_dated() -> None:
    assert after("AAU").unknown_at_s == 4.0


def test_the_last_probe_is_kept_whatever_it_said() -> None:
    for pattern in ("A", "C", "S", "U", "s"):
        assert after("A" + pattern).last == Probe(2.0, LETTERS[pattern.upper()], "probe 1", on_time=pattern.isupper())


@pytest.mark.parametrize(
    ("before_s", "total", "ready", "gone_since_s"),
    [
        pytest.param(None, 3, 1, None, id="one ready node is enough"),
        pytest.param(None, 3, 0, 10.0, id="not one is ready: since now"),
        pytest.param(4.0, 3, 0, 4.0, id="and the beginning is kept"),
        pytest.param(4.0, 3, 1, None, id="until one is ready again"),
        pytest.param(None, 0, 0, None, id="a cluster without nodes has lost none: a pool may scale from zero"),
        pytest.param(4.0, 0, 0, None, id="nor one whose nodes were all removed"),
    ],
)
def test_nodes(before_s: float | None, total: int, ready: int, gone_since_s: float | None) -> None:
    before = Evidence(nodes_gone_since_s=before_s)
    assert see_nodes(before, total=total, ready=ready, now_s=10.0).nodes_gone_since_s == gone_since_s


def test_a_stall_of_the_hub_starts_all_silence_anew_and_nothing_else() -> None:
    before = replace(after("ACSSS"), nodes_gone_since_s=1.0, was_down=True)
    forgiven = forgive(before)
    assert (forgiven.silent_probes, silent_for_s(forgiven, now_s=99.0), forgiven.nodes_gone_since_s) == (0, 0.0, None)
    assert forgiven.was_down
    assert forgiven.credentials
