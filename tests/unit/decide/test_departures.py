"""What a move leaves in the record: what is lost by it, and work that must leave before it has another place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.builders import a_workload, constraints
from tests.unit.decide.builders import (
    ALO,
    AMO,
    DOWN,
    NOW_S,
    RELEASING,
    Scene,
    a_job,
    a_service,
    at,
    copy_at,
    recorded,
)

from tradewind.decide.departures import completed
from tradewind.model.placement import Move

if TYPE_CHECKING:
    from tradewind.model.workload import Workload

DENIED = a_workload(constraints=constraints(deny_providers=("aws",)))
LEAVES = Scene(record=recorded(at(ran_s=900.0, usd_per_hour=8.0)), copies=(copy_at(),), workload=DENIED)


@pytest.mark.parametrize(
    ("workload", "lost_s", "lost_usd"),
    [
        pytest.param(a_job(every_s=1800.0), 600.0, 4.0, id="what it did since its last checkpoint"),
        pytest.param(a_job(every_s=100_000.0), 4200.0, 28.0, id="all of it, before the first checkpoint"),
        pytest.param(a_workload(), 4200.0, 28.0, id="all of it, without checkpoints"),
        pytest.param(a_job(every_s=None), 0.0, 0.0, id="nothing, where nobody knows its checkpoints"),
        pytest.param(a_service(), 0.0, 0.0, id="nothing, of a server"),
    ],
)
def test_a_move_out_of_an_outage_records_what_has_to_be_done_again(
    workload: Workload, lost_s: float, lost_usd: float
) -> None:
    # It ran for 70 minutes until its cluster was lost; what came since is known to nobody.
    down = {"aws": replace(DOWN, since_s=NOW_S - 7200)}
    record = recorded(at(ran_s=7200 + 4200, usd_per_hour=24.0))
    step = Scene(record=record, copies=(copy_at(),), health=down, guarantee=ALO, workload=workload).step()
    [move] = step.record.moves
    assert (move.lost_s, move.lost_usd) == pytest.approx((lost_s, lost_usd))


def test_a_drain_at_a_checkpoint_loses_the_seconds_since_it() -> None:
    record = recorded(at(ran_s=1830.0, usd_per_hour=36.0))
    step = Scene(record=record, copies=(copy_at(),), draining=frozenset({"aws"}), workload=a_job()).step()
    [move] = step.record.moves
    assert (move.reason, move.lost_s) == ("Draining", 30.0)
    assert move.lost_usd == pytest.approx(0.3)


@pytest.mark.parametrize("guarantee", [AMO, ALO])
def test_work_that_leaves_for_a_law_has_its_move_recorded_from_the_first_moment(guarantee: object) -> None:
    scene = replace(LEAVES, guarantee=guarantee)  # type: ignore[arg-type]  # a table's column
    left = scene.step()
    [begun] = left.record.moves
    assert (begun.from_cluster, begun.to_cluster, begun.reason, begun.epoch) == ("aws", "", "ProviderDenied", 0)
    assert (begun.detected_s, begun.decided_s, begun.lost_s, begun.lost_usd) == (NOW_S, 0.0, 900.0, 2.0)
    waits = replace(scene.then(left), copies=(copy_at(state=RELEASING),), now_s=NOW_S + 5)
    assert waits.step().record.moves == (begun,), "it has left only once"
    gone = replace(waits, copies=(), now_s=NOW_S + 9)
    [done] = gone.step().record.moves
    assert done == replace(begun, to_cluster="gcp", epoch=2, decided_s=NOW_S + 9)


def test_a_move_for_a_law_keeps_waiting_for_a_place_that_is_not_there_yet() -> None:
    nowhere = replace(LEAVES, workload=replace(DENIED, constraints=constraints(deny_providers=("aws", "gcp", "own"))))
    left = nowhere.step()
    gone = replace(nowhere.then(left), copies=())
    waits = gone.step()
    [begun] = waits.record.moves
    assert (begun.to_cluster, begun.decided_s) == ("", 0.0)
    freed = replace(gone.then(waits), workload=DENIED, now_s=NOW_S + 600)
    assert freed.step().record.moves[0].to_cluster == "gcp"


def test_work_that_vanishes_by_itself_has_not_moved() -> None:
    vanished = replace(LEAVES, workload=a_workload(), copies=())
    assert vanished.step().record.moves == ()


def test_the_phases_of_a_move_follow_one_another() -> None:
    scene = Scene(record=recorded(at()), copies=(copy_at(),), guarantee=ALO)
    step = replace(scene, health={"aws": replace(DOWN, since_s=NOW_S - 3)}).step()
    [move] = step.record.moves
    assert move.phases_s() == {"decided": 3.0}
    ran = replace(move, delivered_s=NOW_S + 1, running_s=NOW_S + 5)
    assert ran.phases_s() == {"decided": 3.0, "delivered": 1.0, "running": 4.0}


def test_a_move_that_finds_its_place_late_is_newer_than_those_that_were_decided_meanwhile() -> None:
    begun = Move("aws", "", "ProviderDenied", 0, NOW_S - 60, 0.0)
    between = Move("gcp", "own", "NodesNotReady", 2, NOW_S - 30, NOW_S - 30)
    newest, older = completed((between, begun), [at("eu", epoch=3)], now_s=NOW_S)
    assert (newest.to_cluster, newest.epoch, newest.decided_s, older) == ("eu", 3, NOW_S, between)
