"""What the judge that takes over must know of past losses, and what nobody acts on before it is written."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tradewind.model.health import Verdict
from tradewind.outage.evidence import Heard
from tradewind.runtime.judging import Judging

if TYPE_CHECKING:
    from tests.unit.runtime.court import Court

HEALTHY, DOWN, RECOVERING = Verdict.HEALTHY, Verdict.DOWN, Verdict.RECOVERING


def stamp(seconds_ago: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).isoformat()


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not HEALTHY])
def test_whatever_its_verdict_was_when_the_operator_ended_a_lost_cluster_is_on_probation(
    court: Court, verdict: Verdict
) -> None:
    court.declare("late", verdict=verdict.value, lostAt=stamp(60), upAfterSeconds=10)
    assert court.run(5).verdict("late") is RECOVERING
    assert court.run(7).verdict("late") is HEALTHY


def test_one_that_was_back_before_is_not(court: Court) -> None:
    court.declare("late", verdict="Suspect", lostAt=stamp(60), backAt=stamp(5), upAfterSeconds=10)
    assert court.run(2).verdict("late") is HEALTHY


def test_a_restarted_operator_remembers_who_flaps(court: Court) -> None:
    court.declare("late", verdict="Healthy", lostAt=stamp(600), backAt=stamp(0), upAfterSeconds=40)
    court.run(2).run(7, late=Heard.SILENCE)
    assert court.verdict("late") is DOWN
    assert court.run(60).verdict("late") is RECOVERING
    assert court.run(25).verdict("late") is HEALTHY


def test_nothing_is_done_about_a_loss_before_it_is_written(court: Court) -> None:
    lost: list[str] = []
    court.judging = Judging(court.store, court.metrics, on_lost=lambda: lost.append("aws"))
    court.run(2).run(7, aws=Heard.SILENCE)
    entry = court.entry()
    assert (court.verdict(), lost, entry.noted) == (DOWN, ["aws"], False)
    shown = entry.cluster(())
    assert shown is not None
    assert (shown.health.takes_work, shown.health.lost) == (False, False)
    entry.raw = {**entry.raw, "status": {"verdict": "Down"}}
    shown = entry.cluster(())
    assert shown is not None
    assert shown.health.lost
