"""What a provider announces of itself: suspicion where our own evidence finds nothing, and no more than that."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.outage.judging import Court

from tradewind.model.health import Judgement, Verdict
from tradewind.outage.verdict import PROVIDER_INCIDENT

WORDS = 'aws announces "Errors" (EC2)'


def a_court(pattern: str = "AAAA", *, announced: str = WORDS) -> Court:
    others = "A" * len(pattern)
    return Court(announced={"aws": announced}).hear(aws=pattern, gcp=others, own=others)


def said(judgement: Judgement) -> tuple[Verdict, str]:
    return judgement.verdict, judgement.reason


def test_a_healthy_cluster_whose_provider_announces_an_outage_is_suspect_and_says_whose_words_these_are() -> None:
    court = a_court()
    judgement = court.health["aws"]
    assert (*said(judgement), judgement.message) == (Verdict.SUSPECT, PROVIDER_INCIDENT, WORDS)
    assert (judgement.takes_work, judgement.lost) == (False, False)
    assert court.verdict("gcp") is Verdict.HEALTHY


def test_it_is_healthy_again_when_the_announcement_ends() -> None:
    court = a_court()
    court.announced.clear()
    assert said(court.judge()["aws"]) == (Verdict.HEALTHY, "Answering")


def test_it_dates_from_its_beginning_and_follows_the_providers_words() -> None:
    court = a_court()
    since_s = court.health["aws"].since_s
    court.announced["aws"] = "worse"
    judgement = court.wait(10.0).judge()["aws"]
    assert (judgement.message, judgement.since_s) == ("worse", since_s)


def test_a_lost_packet_neither_ends_nor_worsens_the_suspicion() -> None:
    court = a_court("AAAS")
    assert (court.reason("aws"), court.evidence["aws"].silent_probes) == (PROVIDER_INCIDENT, 1)


def test_silence_counts_as_ever_beside_an_announcement() -> None:
    court = a_court("AA" + "S" * 17)
    assert court.verdict("aws") is Verdict.DOWN
    assert court.reason("aws") == "ApiServerSilent"


def test_a_whole_fleet_that_is_announced_to_be_out_is_neither_down_nor_frozen() -> None:
    court = Court(announced=dict.fromkeys(("aws", "gcp"), WORDS)).hear(aws="A" * 40, gcp="A" * 40)
    assert {said(each) for each in court.health.values()} == {(Verdict.SUSPECT, PROVIDER_INCIDENT)}


@pytest.mark.parametrize(
    ("pattern", "verdict"),
    [
        pytest.param("AACC", Verdict.CREDENTIALS_INVALID, id="keys that are refused"),
        pytest.param("AA" + "S" * 17, Verdict.DOWN, id="an outage"),
        pytest.param("AA" + "S" * 17 + "A", Verdict.RECOVERING, id="a return that is not yet believed"),
    ],
)
def test_what_our_own_evidence_finds_stands(pattern: str, verdict: Verdict) -> None:
    assert a_court(pattern).verdict("aws") is verdict


def test_a_cluster_that_has_earned_back_its_trust_keeps_it_under_an_announcement() -> None:
    court = a_court("AA" + "S" * 17 + "A" * 40)
    assert court.reason("aws") == PROVIDER_INCIDENT
    court.announced.clear()
    court.hear(aws="CA", gcp="AA", own="AA")
    assert court.verdict("aws") is Verdict.HEALTHY, "and not Recovering once more, as after an outage"


@given(
    pattern=st.text("AACSSSSSSUs.", min_size=1, max_size=80),
    announced=st.lists(st.booleans(), min_size=80, max_size=80),
)
@settings(max_examples=150)
def test_for_every_history_an_announcement_only_turns_healthy_into_suspect(pattern: str, announced: list[bool]) -> None:
    quiet, told = Court(), Court()
    for letter, is_announced in zip(pattern, announced, strict=False):
        told.announced = {"aws": WORDS} if is_announced else {}
        for court in (quiet, told):
            court.hear(aws=letter, gcp="A", own="A")
    judged = [pair for pair in zip(quiet.history, told.history, strict=True) if "aws" in pair[0]]
    for without, with_words in judged:
        if said(with_words["aws"]) == (Verdict.SUSPECT, PROVIDER_INCIDENT):
            assert without["aws"].verdict is Verdict.HEALTHY
        else:
            assert said(with_words["aws"]) == said(without["aws"])
    assert quiet.evidence == told.evidence


@given(announced=st.lists(st.booleans(), min_size=2, max_size=20))
@settings(max_examples=50)
def test_a_cluster_that_answers_turns_exactly_with_the_announcement(announced: list[bool]) -> None:
    court = Court().hear(aws="AA", gcp="AA", own="AA")
    turns = []
    for is_announced in announced:
        court.announced = {"aws": WORDS} if is_announced else {}
        turns.append(court.judge()["aws"].since_s)
        assert court.health["aws"].takes_work is not is_announced
        court.now_s += 1.0
    kept = [before == after for before, after in pairwise(turns)]
    assert kept == [before == after for before, after in pairwise(announced)]
