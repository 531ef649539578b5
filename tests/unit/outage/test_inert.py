"""API servers that answer reads, and that store nothing or start nothing: no new work, and what runs stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.outage.judging import Court

from tradewind.model.health import Verdict
from tradewind.outage.evidence import Evidence, Heard, Probe, Write, Wrote, hear, see_launches, see_write
from tradewind.outage.verdict import LAUNCH_S

WRITTEN, FAILED, REFUSED, UNKNOWN = Wrote.WRITTEN, Wrote.FAILED, Wrote.REFUSED, Wrote.UNKNOWN


@pytest.mark.parametrize(
    ("wrote", "reason"),
    [
        pytest.param(WRITTEN, "Answering", id="writes that succeed"),
        pytest.param(FAILED, "WritesFail", id="writes that fail beside reads that are answered"),
        pytest.param(REFUSED, "Answering", id="writes that we may not make are no evidence"),
        pytest.param(UNKNOWN, "Answering", id="nor are faults of our own"),
    ],
)
def test_small_writes(wrote: Wrote, reason: str) -> None:
    court = Court(writes=wrote).hear(aws="A" * 17)
    judgement = court.health["aws"]
    assert (judgement.reason, judgement.lost) == (reason, False)
    assert judgement.takes_work is (reason == "Answering")


def test_one_write_that_succeeds_ends_it() -> None:
    court = Court(writes=FAILED).hear(aws="A" * 17)
    assert court.verdict("aws") is Verdict.DEGRADED
    court.write("aws", WRITTEN)
    assert court.judge()["aws"].verdict is Verdict.HEALTHY


def test_a_write_that_was_begun_after_the_silence_and_succeeds_ends_the_silence() -> None:
    silent = hear(hear(Evidence(), Probe(0.0, Heard.ANSWER)), Probe(2.0, Heard.SILENCE))
    assert see_write(silent, Write(1.0, WRITTEN)).silent_since_s == 2.0
    assert see_write(silent, Write(3.0, WRITTEN)).silent_since_s is None


def test_while_reads_are_silent_a_failed_write_says_nothing_of_its_own() -> None:
    silent = hear(Evidence(), Probe(0.0, Heard.SILENCE))
    assert see_write(silent, Write(1.0, FAILED)).failed_writes == 0


def launching(court: Court, *counts: tuple[int, int], every_s: float = 10.0) -> Court:
    for waiting, launched in counts:
        court.evidence["aws"] = see_launches(
            court.evidence["aws"], waiting=waiting, launched=launched, now_s=court.now_s
        )
        court.hear(aws="A" * int(every_s / 2))
    return court


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        pytest.param([(0, 0)] * 9, "Answering", id="nothing waits"),
        pytest.param([(3, 0)] * 9, "CannotLaunch", id="work waits and none is looked at"),
        pytest.param([(3, 0)] * 5, "Answering", id="for a while that is normal"),
        pytest.param([(50 - n, n) for n in range(9)], "Answering", id="a long queue that moves is no fault"),
        pytest.param([(3, 0)] * 9 + [(2, 1)], "Answering", id="one that is looked at ends it"),
        pytest.param([(3, 0)] * 9 + [(0, 0)], "Answering", id="so does an end of the work that waited"),
    ],
)
def test_accepted_work_that_nobody_looks_at(counts: list[tuple[int, int]], reason: str) -> None:
    court = launching(Court().hear(aws="A"), *counts)
    assert (court.reason("aws"), court.health["aws"].lost) == (reason, False)


@given(counts=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=30))
@settings(max_examples=80)
def test_it_takes_a_whole_minute_without_a_single_launch(counts: list[tuple[int, int]]) -> None:
    court, launched = Court().hear(aws="A"), 0
    since_s: float | None = None
    for waiting, more in counts:
        launched += more
        if not waiting or more or since_s is None:
            since_s = court.now_s if waiting else None
        launching(court, (waiting, launched))
        found = court.reason("aws") == "CannotLaunch"
        # The last judgement was made half a second before now.
        assert found == (since_s is not None and court.now_s - 0.5 - since_s >= LAUNCH_S)
