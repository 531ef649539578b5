"""A standby that takes over: what the leader has written joins what the standby has seen itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradewind.model.health import Verdict
from tradewind.model.workload import Key
from tradewind.outage.evidence import Heard

if TYPE_CHECKING:
    from tests.unit.runtime.court import Court

HEALTHY, DOWN, RECOVERING = Verdict.HEALTHY, Verdict.DOWN, Verdict.RECOVERING


def stamp(seconds_ago: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).isoformat()


def written(court: Court, **status: Any) -> None:
    """The leader has written this of aws."""
    entry = court.entry()
    entry.raw = {**entry.raw, "status": status}


def test_what_only_the_leader_saw_lost_is_on_probation(court: Court) -> None:
    assert court.run(20).verdict() is HEALTHY
    written(court, verdict="Down", lostAt=stamp(3), upAfterSeconds=30)
    court.store.recall()
    assert court.run(1).verdict() is RECOVERING
    assert court.run(30).verdict() is HEALTHY


def test_silence_that_a_standby_has_watched_itself_counts(court: Court) -> None:
    court.run(2).run(3, aws=Heard.SILENCE)
    written(court, verdict="Suspect")
    court.store.recall()
    assert court.run(3, aws=Heard.SILENCE).verdict() is DOWN


def test_a_standby_that_has_just_started_judges_nobody_by_what_it_has_not_watched(court: Court) -> None:
    written(court, verdict="Suspect")
    court.store.recall()
    assert court.run(3, aws=Heard.SILENCE).verdict() is not DOWN


def test_a_loss_that_the_standby_saw_later_than_the_leader_wrote_stays(court: Court) -> None:
    court.run(2).run(7, aws=Heard.SILENCE)
    before_s = court.entry().evidence.lost_at_s
    written(court, verdict="Healthy", lostAt=stamp(900), backAt=stamp(600), upAfterSeconds=10)
    court.store.recall()
    assert court.run(1, aws=Heard.SILENCE).verdict() is DOWN
    assert court.entry().evidence.lost_at_s == before_s


def test_copies_to_be_swept_are_those_of_both(court: Court) -> None:
    court.store.remember_orphan("aws", Key("research", "seen"), "uid-1")
    orphan = {"namespace": "research", "name": "written", "uid": "uid-2"}
    written(court, verdict="Healthy", orphans=[orphan], clusterUID="kube-system-of-aws")
    court.store.recall()
    court.store.recall()
    assert [each.key.name for each in court.entry().orphans] == ["seen", "written"]
    assert court.entry().meant_uid == "kube-system-of-aws"


def test_another_cluster_under_a_name_that_the_leader_knew_is_found(court: Court) -> None:
    court.run(2)
    written(court, verdict="Healthy", clusterUID="another")
    court.store.recall()
    assert court.entry().rebuilt
