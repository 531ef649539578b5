"""A target that our own writes slow down is not judged by that; one that is dead is judged as ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.model.health import Verdict
from tradewind.outage.evidence import Heard, Write, Wrote, see_write

if TYPE_CHECKING:
    from tests.unit.runtime.court import Court


def flooded(court: Court, seconds: int, *, status: int, took_s: float = 3.0) -> None:
    """Let a second's probes go unanswered, while our writes end like this."""
    for _ in range(seconds):
        court.entry().inflow.see(status, took_s=took_s, now_s=court.now_s)
        court.run(1, aws=Heard.SILENCE)


def test_silence_to_probes_is_no_evidence_while_writes_are_answered_slowly(court: Court) -> None:
    court.run(2)
    flooded(court, 30, status=201)
    assert court.verdict() is not Verdict.DOWN
    flooded(court, 30, status=429, took_s=0.01)
    assert court.verdict() is not Verdict.DOWN


def test_once_they_are_answered_no_more_it_is_down_after_the_usual_time(court: Court) -> None:
    court.run(2)
    flooded(court, 10, status=201)
    assert court.run(4, aws=Heard.SILENCE).verdict() is Verdict.SUSPECT
    assert court.run(3, aws=Heard.SILENCE).verdict() is Verdict.DOWN


def test_writes_that_get_no_answer_excuse_nothing(court: Court) -> None:
    court.run(2)
    flooded(court, 7, status=0, took_s=10.0)
    assert court.verdict() is Verdict.DOWN


def test_small_writes_that_fail_under_our_own_flood_are_no_evidence_that_it_stores_nothing(court: Court) -> None:
    court.writes = False
    court.run(2)
    for flood in (True, False):
        for _ in range(10):
            if flood:
                court.entry().inflow.see(429, took_s=0.01, now_s=court.now_s)
            entry = court.entry()
            entry.evidence = see_write(entry.evidence, Write(court.now_s, Wrote.FAILED, "busy"))
            court.run(1)
        if flood:
            assert court.verdict() is Verdict.HEALTHY
    court.run(11)
    for _ in range(10):
        court.entry().evidence = see_write(court.entry().evidence, Write(court.now_s, Wrote.FAILED, "busy"))
        court.run(1)
    assert (court.verdict(), court.entry().health.reason) == (Verdict.DEGRADED, "WritesFail")
