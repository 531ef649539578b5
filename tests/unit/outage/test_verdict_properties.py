"""What holds for every sequence of probes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.outage.judging import DETECTION, INTERVAL_S, Court

from tradewind.model.health import Verdict
from tradewind.outage.verdict import Case, judge

LIFE = "AaCc"
LETTERS = st.sampled_from("AACSSSSSSUs.")
PATTERNS = st.lists(LETTERS, min_size=1, max_size=120).map("".join)


def silence(pattern: str) -> tuple[int, float]:
    """Count, in another way, the silent probes since the last sign of life, and the time that they account for."""
    probes, seconds, last = 0, 0.0, None
    for index, letter in enumerate(pattern):
        if letter == ".":
            continue
        if letter in LIFE:
            probes, seconds = 0, 0.0
        elif letter == "S":
            probes += 1
            seconds += 0.0 if last is None or probes == 1 else (index - last) * INTERVAL_S
        last = index
    return probes, seconds


@given(pattern=PATTERNS)
@settings(max_examples=150)
def test_down_needs_four_silent_probes_that_account_for_the_whole_time(pattern: str) -> None:
    court = Court()
    for index, letter in enumerate(pattern):
        court.hear(aws=letter, gcp="A", own="A")
        heard = pattern[: index + 1]
        is_new = "aws" in court.health and court.verdict("aws") is Verdict.DOWN
        if is_new and not court.evidence["aws"].answering_since_s:
            probes, seconds = silence(heard.rstrip("Us."))
            trailing = len(heard) - len(heard.rstrip("."))
            assert probes >= 4
            # The last probe has been under way for an interval, and a prober that stands still is seen by the loop.
            assert seconds + (1 + trailing) * INTERVAL_S >= DETECTION.down_after_one_kind_s
            return


@given(pattern=PATTERNS)
@settings(max_examples=60)
def test_enough_silence_is_always_found(pattern: str) -> None:
    court = Court().hear(aws=pattern, gcp="A" * len(pattern), own="A" * len(pattern))
    assert court.hear(aws="S" * 17, gcp="A" * 17, own="A" * 17).verdict("aws") is Verdict.DOWN


@given(patterns=st.lists(st.text("AASC", min_size=30, max_size=30), min_size=2, max_size=4))
@settings(max_examples=40)
def test_all_silent_together_is_never_anyones_end(patterns: list[str]) -> None:
    names = [f"c{index}" for index in range(len(patterns))]
    court = Court().hear(**dict(zip(names, patterns, strict=True)))
    court.hear(**dict.fromkeys(names, "A"))  # all are well, and then the hub is cut off
    before = len(court.history)
    court.hear(**dict.fromkeys(names, "S" * 40))
    fresh = [name for name in names if court.history[before - 1][name].verdict is not Verdict.DOWN]
    assert len(fresh) == len(names)
    assert all(health[name].verdict is not Verdict.DOWN for health in court.history[before:] for name in names)


@given(pattern=PATTERNS)
@settings(max_examples=80)
def test_recovery_takes_the_whole_time_of_answers(pattern: str) -> None:
    court = Court().hear(aws="A" + "S" * 16, gcp="A" * 17, own="A" * 17)
    assert court.verdict("aws") is Verdict.DOWN
    for letter in pattern:
        court.hear(aws=letter, gcp="A", own="A")
        if court.verdict("aws") is Verdict.HEALTHY:
            since_s = court.evidence["aws"].answering_since_s
            assert since_s is not None
            assert court.now_s - since_s >= DETECTION.up_after_s
            return


@given(patterns=st.lists(PATTERNS, min_size=1, max_size=4), order=st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_in_which_clusters_are_named_changes_nothing(patterns: list[str], order) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - random.Random
    length = max(map(len, patterns))
    court = Court().hear(**{f"c{i}": pattern.ljust(length, "A") for i, pattern in enumerate(patterns)})
    cases = [(name, Case(evidence, DETECTION, court.health[name])) for name, evidence in court.evidence.items()]
    shuffled = list(cases)
    order.shuffle(shuffled)
    verdicts = [
        judge(dict(each), max_unhealthy_percent=60, now_s=court.now_s, wall_s=0.0) for each in (cases, shuffled)
    ]
    assert verdicts[0] == verdicts[1]
