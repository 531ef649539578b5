"""Which samples are believed: each kind of bad one by itself, ages, and jumps."""

from __future__ import annotations

import re
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.model.fleet import FigureState, MetricField
from tradewind.model.workload import Market
from tradewind.state.figures import (
    JUMP_FACTOR,
    JUMP_SAMPLES,
    LIMITS,
    Figure,
    Problem,
    Sample,
    alike,
    believed,
    check,
    finding,
    hear,
    short,
)

NOW_S = 1_800_000_000.0
MAX_AGE_S = 600.0
GPU_HOUR, CPU_HOUR = MetricField.USD_PER_ACCELERATOR_HOUR, MetricField.USD_PER_CPU_HOUR
SILENCE = Problem(FigureState.UNAVAILABLE, "TimedOut", "No answer within 10 s.")
NONSENSE = Problem(FigureState.INVALID, "NotANumber", "The sample is NaN.")


def reason_of(value: float, *, field: MetricField = GPU_HOUR, market: Market | None = Market.SPOT) -> str:
    found = check(value, NOW_S, field=field, market=market, now_s=NOW_S)
    return found.reason if isinstance(found, Problem) else ""


def hears(
    *answers: float | Problem, said: float | None = 2.0, begin: Figure | None = None, step_s: float = 60.0
) -> Figure:
    """Hear answers, a minute apart, the last one now."""
    figure = begin or Figure()
    for number, answer in enumerate(answers, start=1):
        now_s = NOW_S - (len(answers) - number) * step_s
        heard = answer if isinstance(answer, Problem) else Sample(answer, now_s)
        figure = hear(figure, heard, said=said, max_age_s=MAX_AGE_S, now_s=now_s)
    return figure


def counts(figure: Figure, *, after_s: float = 0.0) -> float | None:
    sample = believed(figure, max_age_s=MAX_AGE_S, now_s=NOW_S + after_s)
    return None if sample is None else sample.value


def state(figure: Figure, *, after_s: float = 0.0) -> str:
    wrong = finding(figure, max_age_s=MAX_AGE_S, now_s=NOW_S + after_s)
    return "Fresh" if wrong is None else f"{wrong.state} {wrong.reason}"


@pytest.mark.parametrize(
    ("value", "field", "market", "reason"),
    [
        pytest.param(2.5, GPU_HOUR, Market.SPOT, "", id="a price is taken"),
        pytest.param(nan, GPU_HOUR, Market.SPOT, "NotANumber", id="NaN"),
        pytest.param(inf, GPU_HOUR, Market.SPOT, "Infinite", id="infinite"),
        pytest.param(-inf, MetricField.PUE, None, "Infinite", id="negative and infinite"),
        pytest.param(-0.01, GPU_HOUR, Market.OWNED, "Negative", id="a negative price"),
        pytest.param(-1.0, MetricField.GRAMS_CO2_PER_KWH, None, "Negative", id="negative grams"),
        pytest.param(0.0, GPU_HOUR, Market.SPOT, "ZeroPrice", id="free spot accelerators are a mistake"),
        pytest.param(0.0, CPU_HOUR, Market.ON_DEMAND, "ZeroPrice", id="so are free cores on demand"),
        pytest.param(-0.0, GPU_HOUR, Market.ON_DEMAND, "ZeroPrice", id="a negative zero is zero"),
        pytest.param(0.0, GPU_HOUR, Market.OWNED, "", id="what is owned may cost nothing more"),
        pytest.param(0.0, GPU_HOUR, Market.RESERVED, "", id="nor what is reserved"),
        pytest.param(0.0, MetricField.INTERRUPTIONS_PER_HOUR, Market.SPOT, "", id="no interruption"),
        pytest.param(0.0, MetricField.GRAMS_CO2_PER_KWH, None, "", id="a grid without emissions"),
        pytest.param(0.9, MetricField.PUE, None, "TooLow", id="a site that draws less than its machines"),
        pytest.param(0.0, MetricField.PUE, None, "TooLow", id="a site that draws nothing"),
        pytest.param(1.0, MetricField.PUE, None, "", id="a perfect site"),
        pytest.param(1e7, GPU_HOUR, Market.SPOT, "TooHigh", id="a price in another unit"),
        pytest.param(5001.0, MetricField.GRAMS_CO2_PER_KWH, None, "TooHigh", id="more than burning coal"),
    ],
)
def test_what_can_not_be_this_figure_is_refused(
    value: float, field: MetricField, market: Market | None, reason: str
) -> None:
    assert reason_of(value, field=field, market=market) == reason


@pytest.mark.parametrize(
    ("at_s", "reason"),
    [
        pytest.param(NOW_S + 59, "", id="a clock a little ahead"),
        pytest.param(NOW_S + 61, "FutureSample", id="a clock that is wrong: it would never grow old"),
        pytest.param(inf, "FutureSample", id="for ever"),
        pytest.param(nan, "BadTime", id="NaN"),
    ],
)
def test_a_samples_time_must_be_one(at_s: float, reason: str) -> None:
    found = check(1.0, at_s, field=GPU_HOUR, market=Market.SPOT, now_s=NOW_S)
    assert (found.reason if isinstance(found, Problem) else "") == reason


@given(st.floats(), st.sampled_from(MetricField), st.sampled_from(Market))
def test_whatever_is_taken_is_a_number_within_its_limits(value: float, field: MetricField, market: Market) -> None:
    found = check(value, NOW_S, field=field, market=market, now_s=NOW_S)
    if isinstance(found, Sample):
        assert LIMITS[field][0] <= found.value <= LIMITS[field][1]


# Ages.


def test_a_sample_counts_until_it_is_older_than_allowed() -> None:
    figure = hears(2.5)
    assert [counts(figure, after_s=s) for s in (0, MAX_AGE_S, MAX_AGE_S + 1)] == [2.5, 2.5, None]
    assert [state(figure, after_s=s) for s in (0, MAX_AGE_S + 1)] == ["Fresh", "Stale TooOld"]


def test_a_sample_that_comes_too_old_does_not_count() -> None:
    old = Sample(2.5, NOW_S - MAX_AGE_S - 1)
    figure = hear(Figure(), old, said=2.0, max_age_s=MAX_AGE_S, now_s=NOW_S)
    assert (counts(figure), state(figure)) == (None, "Stale TooOld")


@pytest.mark.parametrize(
    ("wrong", "meanwhile", "at_last"),
    [
        pytest.param(SILENCE, "Unavailable TimedOut", "Stale TooOld", id="a silent server"),
        pytest.param(NONSENSE, "Invalid NotANumber", "Invalid NotANumber", id="NaN"),
    ],
)
def test_the_last_good_sample_counts_until_it_is_too_old(wrong: Problem, meanwhile: str, at_last: str) -> None:
    figure = hears(2.5, wrong)
    assert (counts(figure), state(figure)) == (2.5, meanwhile)
    assert (counts(figure, after_s=MAX_AGE_S), state(figure, after_s=MAX_AGE_S)) == (None, at_last)


def test_a_figure_that_was_never_good_does_not_count_and_says_why() -> None:
    assert (counts(hears(SILENCE)), state(hears(SILENCE))) == (None, "Unavailable TimedOut")
    assert (counts(Figure()), state(Figure())) == (None, "Unavailable NotAsked")


def test_a_good_answer_ends_every_problem() -> None:
    assert state(hears(2.5, SILENCE, NONSENSE, 2.6)) == "Fresh"


def test_what_is_told_of_a_stale_figure_includes_the_last_answer() -> None:
    wrong = finding(hears(2.5, SILENCE), max_age_s=MAX_AGE_S, now_s=NOW_S + MAX_AGE_S)
    assert wrong is not None
    assert "TimedOut: No answer within 10 s." in wrong.message


# Jumps.


@pytest.mark.parametrize(
    ("answers", "expected", "expected_state"),
    [
        pytest.param((2.0, 5.9), 5.9, "Fresh", id="less than threefold is no jump"),
        pytest.param((2.0, 20.0), 2.0, "Jump NotConfirmed", id="tenfold is not believed"),
        pytest.param((2.0, 0.2), 2.0, "Jump NotConfirmed", id="nor a tenth"),
        pytest.param((2.0, 20.0, 21.0), 2.0, "Jump NotConfirmed", id="nor the second time"),
        pytest.param((2.0, 20.0, 21.0, 19.0), 19.0, "Fresh", id="but the third"),
        pytest.param((2.0, 20.0, 2.1, 20.0, 20.0), 2.1, "Jump NotConfirmed", id="in a row"),
        pytest.param((2.0, 20.0, 200.0, 21.0), 2.0, "Jump NotConfirmed", id="and alike"),
        pytest.param((2.0, 20.0, NONSENSE, 20.0, 20.0), 2.0, "Jump NotConfirmed", id="nonsense between them breaks it"),
        pytest.param((2.0, 20.0, SILENCE, 20.0, 20.0), 20.0, "Fresh", id="silence between them says nothing"),
        pytest.param((2.0, 5.0, 12.0, 30.0), 30.0, "Fresh", id="a steady rise is followed"),
        pytest.param((20.0,), None, "Jump NotConfirmed", id="the first one is compared with the spec's"),
        pytest.param((20.0, 20.0, 20.0), 20.0, "Fresh", id="and believed the third time"),
    ],
)
def test_a_jump_is_believed_once_it_has_been_seen_often_enough(
    answers: tuple[float | Problem, ...], expected: float | None, expected_state: str
) -> None:
    figure = hears(*answers)
    assert (counts(figure), state(figure)) == (expected, expected_state)


def test_the_message_of_a_jump_has_both_figures() -> None:
    wrong = finding(hears(2.0, 20.5), max_age_s=MAX_AGE_S, now_s=NOW_S)
    assert wrong is not None
    assert wrong.message == "From 2 to 20.5: seen in 1 of 3 samples."


def test_without_anything_to_compare_with_the_first_sample_is_believed() -> None:
    assert counts(hears(20.0, said=None)) == 20.0


def test_after_a_gap_a_sample_may_be_like_the_last_one_or_like_the_spec() -> None:
    gone = hears(0.5, said=None)
    for value in (0.6, 2.2):
        late = Sample(value, NOW_S + 2 * MAX_AGE_S)
        assert hear(gone, late, said=2.0, max_age_s=MAX_AGE_S, now_s=late.at_s).believed == late
    late = Sample(40.0, NOW_S + 2 * MAX_AGE_S)
    assert hear(gone, late, said=2.0, max_age_s=MAX_AGE_S, now_s=late.at_s).rival == late


def test_the_same_scrape_asked_for_three_times_confirms_nothing() -> None:
    figure = hears(2.0, 20.0)
    for _ in range(JUMP_SAMPLES):
        figure = hear(figure, Sample(20.0, NOW_S), said=2.0, max_age_s=MAX_AGE_S, now_s=NOW_S)
    assert (counts(figure), figure.seen) == (2.0, 1)


def test_a_jump_that_lasts_no_longer_than_what_counts_leaves_the_spec_in_its_place() -> None:
    figure = hears(2.0, 20.0)
    assert counts(figure, after_s=MAX_AGE_S) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(0.0, 0.0, True, id="zero and zero"),
        pytest.param(0.0, 0.001, False, id="zero and something"),
        pytest.param(1.0, 3.0, True, id="just threefold"),
        pytest.param(3.0, 1.0, True, id="either way"),
        pytest.param(1.0, 3.001, False, id="more"),
    ],
)
def test_alike_is_a_factor(one: float, other: float, expected: bool) -> None:  # noqa: FBT001 - a column
    assert alike(one, other) == expected


@given(st.lists(st.one_of(st.floats(0.01, 1000.0), st.sampled_from([SILENCE, NONSENSE])), max_size=30))
def test_what_counts_never_jumps_unless_three_samples_say_so(answers: list[float | Problem]) -> None:
    figure = Figure()
    for number, answer in enumerate(answers):
        now_s = NOW_S + number
        before = believed(figure, max_age_s=1e9, now_s=now_s)
        heard = answer if isinstance(answer, Problem) else Sample(answer, now_s)
        figure = hear(figure, heard, said=None, max_age_s=1e9, now_s=now_s)
        after = believed(figure, max_age_s=1e9, now_s=now_s)
        if before is not None and after is not None and not alike(before.value, after.value):
            *_, two, one = [each for each in answers[:number] if not isinstance(each, Problem)]
            assert alike(after.value, one, factor=JUMP_FACTOR)
            assert alike(one, two, factor=JUMP_FACTOR)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(3.5399123, "3.54", id="four digits"),
        pytest.param(123456.0, "123500", id="large"),
        pytest.param(0.0000123, "0.0000123", id="small, without a power of ten"),
        pytest.param(0.0, "0", id="zero"),
        pytest.param(18.0, "18", id="whole"),
    ],
)
def test_figures_are_written_short(value: float, text: str) -> None:
    assert short(value) == text


def test_every_reason_is_in_the_documentation() -> None:
    root = Path(__file__).resolve().parents[3]
    sources = [root / "operator/tradewind/state/figures.py", *(root / "operator/tradewind/observe").glob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    made = r'(?:_invalid|_unavailable|NoAnswer)\(\s*"(\w+)"|FigureState\.\w+,\s*"(\w+)"'
    checked = r'^ +(?:\([^\n]*, |)"([A-Z]\w+)",(?: "|$| f")'
    reasons = {"".join(found) for found in re.findall(made, code)} | set(re.findall(checked, code, re.MULTILINE))
    assert {"NoServer", "BadQuery", "NotANumber", "ZeroPrice", "TooOld", "NotConfirmed"} <= reasons
    documented = (root / "docs/metrics.md").read_text(encoding="utf-8")
    assert sorted(each for each in reasons - {"NotAsked"} if f"`{each}`" not in documented) == []
