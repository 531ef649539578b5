"""How trust is earned back: longer after each loss, with a write, and never for ever."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.outage.judging import DETECTION, Court

from tradewind.model.health import Judgement, Verdict
from tradewind.outage.evidence import Evidence, Wrote
from tradewind.outage.recovery import HALF_LIFE_S, MAX_UP_AFTER_S, follow, probation_s, reconnected
from tradewind.outage.verdict import ANSWERING

DOWN = Judgement(Verdict.DOWN, "ApiServerSilent", "")
RECOVERING = Judgement(Verdict.RECOVERING, "Recovering", "")


def lived(*turns: tuple[float, Judgement]) -> Evidence:
    evidence = Evidence()
    for at_s, judgement in turns:
        evidence = follow(evidence, judgement, DETECTION, well=judgement.takes_work, now_s=at_s)
    return evidence


@pytest.mark.parametrize(
    ("turns", "at_s", "needed_s"),
    [
        pytest.param([], 0, 60, id="one that was never lost"),
        pytest.param([(0, DOWN)], 100, 60, id="the first loss"),
        pytest.param([(0, DOWN), (50, DOWN), (99, DOWN)], 100, 60, id="which counts once however long it lasts"),
        pytest.param([(0, DOWN), (50, RECOVERING), (90, DOWN)], 100, 120, id="a second one doubles it"),
        pytest.param([(0, DOWN), (50, RECOVERING), (90, DOWN), (95, RECOVERING), (99, DOWN)], 100, 240, id="a third"),
        pytest.param([(0, DOWN), (50, ANSWERING), (1801, DOWN)], 1801, 60, id="not one after more than half an hour"),
        pytest.param([(0, DOWN), (1, RECOVERING), (2, DOWN), (10, ANSWERING)], 910, 90, id="health lets it go back"),
    ],
)
def test_the_time_of_probation(turns: list[tuple[float, Judgement]], at_s: float, needed_s: float) -> None:
    assert probation_s(lived(*turns), DETECTION, now_s=at_s) == pytest.approx(needed_s)


@given(gaps=st.lists(st.floats(0.5, 4000), min_size=1, max_size=60), well=st.lists(st.booleans(), min_size=60))
@settings(max_examples=200)
def test_it_is_never_less_than_up_after_nor_more_than_half_an_hour_and_only_losses_raise_it(
    gaps: list[float], well: list[bool]
) -> None:
    evidence, now_s = Evidence(), 0.0
    for index, gap in enumerate(gaps):
        before_s = probation_s(evidence, DETECTION, now_s=now_s)
        now_s += gap
        turn = DOWN if index % 2 == 0 else (ANSWERING if well[index] else RECOVERING)
        evidence = follow(evidence, turn, DETECTION, well=turn.takes_work, now_s=now_s)
        needed_s = probation_s(evidence, DETECTION, now_s=now_s)
        assert DETECTION.up_after_s <= needed_s <= MAX_UP_AFTER_S
        assert needed_s <= before_s * (2 if turn is DOWN else 1) + 1e-9


def test_its_surplus_halves_in_a_quarter_of_an_hour_of_health() -> None:
    evidence = lived((0, DOWN), (1, RECOVERING), (2, DOWN), (3, RECOVERING), (4, DOWN), (10, ANSWERING))
    surplus = [probation_s(evidence, DETECTION, now_s=10 + n * HALF_LIFE_S) - 60 for n in range(3)]
    assert surplus == pytest.approx([180, 90, 45])


def test_another_kubeconfig_gives_no_trust_back() -> None:
    evidence = lived((0, DOWN), (1, RECOVERING), (2, DOWN), (3, RECOVERING))
    assert probation_s(reconnected(evidence), DETECTION, now_s=4) == 120
    assert reconnected(evidence).was_down


def after_an_outage(answers: int, *, writes: Wrote | None) -> Court:
    court = Court(writes=writes)
    pattern = "A" + "S" * 16 + "A" * answers
    return court.hear(aws=pattern, gcp="A" * len(pattern), own="A" * len(pattern))


@pytest.mark.parametrize(
    ("writes", "verdict"),
    [
        pytest.param(Wrote.WRITTEN, Verdict.HEALTHY, id="a write succeeded"),
        pytest.param(None, Verdict.RECOVERING, id="none has been tried"),
        pytest.param(Wrote.FAILED, Verdict.RECOVERING, id="all failed"),
        pytest.param(Wrote.UNKNOWN, Verdict.RECOVERING, id="all failed on our side"),
        pytest.param(Wrote.REFUSED, Verdict.HEALTHY, id="we may not write: it is not asked for"),
    ],
)
def test_a_canary_is_written_before_a_cluster_is_up_again(writes: Wrote | None, verdict: Verdict) -> None:
    assert after_an_outage(40, writes=writes).verdict("aws") is verdict


def test_a_write_from_before_the_outage_is_no_canary() -> None:
    court = after_an_outage(0, writes=Wrote.WRITTEN)
    court.writes = None
    court.hear(aws="A" * 40, gcp="A" * 40, own="A" * 40)
    assert "a small write must succeed" in court.health["aws"].message
    court.write("aws", Wrote.WRITTEN)
    assert court.judge()["aws"].verdict is Verdict.HEALTHY


def test_a_cluster_that_flaps_must_answer_for_longer_each_time() -> None:
    once, times = "S" * 17 + "A" * 31, []
    court = Court().hear(aws="A", gcp="A", own="A")
    for _ in range(3):
        court.hear(aws=once, gcp="A" * 48, own="A" * 48)
        waited = 0
        while court.verdict("aws") is not Verdict.HEALTHY:
            court.hear(aws="A", gcp="A", own="A")
            waited += 1
        times.append(62 + 2 * waited)
    assert times[0] == 62
    assert 110 <= times[1] <= 122
    assert 200 <= times[2] <= 242
