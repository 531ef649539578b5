"""Work on a lost cluster that waits for it, since a move would cost more; and all the work that moves at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.builders import a_workload
from tests.unit.decide.builders import (
    ALO,
    AMO,
    DOWN,
    NODES_LOST,
    NOW_S,
    Scene,
    a_job,
    a_service,
    at,
    copy_at,
    recorded,
    said,
    summary,
)

from tradewind.decide.plan import decide
from tradewind.model.health import Judgement, Verdict
from tradewind.model.policy import ClusterPolicy, Mode, MoveBudget
from tradewind.model.workload import Checkpoint, DataInput, Tier

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster
    from tradewind.model.snapshot import Snapshot

LOST = replace(DOWN, since_s=NOW_S - 30)
OLD = replace(DOWN, since_s=NOW_S - 360_000)
REBUILT = Judgement(Verdict.DEGRADED, "ClusterRebuilt", "Another.", since_s=NOW_S - 30, nodes_lost=True)


def ran(hours: float, **more: Any) -> Scene:
    """A job without checkpoints that ran so long, on a cluster that was lost half a minute ago."""
    record = recorded(at(ran_s=hours * 3600 + 30, usd_per_hour=8.0))
    scene = Scene(record=record, copies=(copy_at(),), health={"aws": LOST}, guarantee=ALO)
    return replace(scene, **more)


def goes(scene: Scene) -> bool:
    """Whether it moves."""
    reason = summary(scene.step())["reason"]
    assert reason in ("Moving", "WaitingIsCheaper"), reason
    return reason == "Moving"


@pytest.mark.parametrize(
    ("scene", "moves"),
    [
        pytest.param(ran(0.01), True, id="it has run for seconds"),
        pytest.param(ran(0.2), True, id="for minutes"),
        pytest.param(ran(3.0), False, id="three hours without a checkpoint are worth waiting for"),
        pytest.param(ran(3.0, workload=a_job(every_s=1800.0)), True, id="with checkpoints only minutes are lost"),
        pytest.param(ran(3.45, workload=a_job(every_s=1800.0)), False, id="or nearly half an hour"),
        pytest.param(ran(3.0, workload=a_job(every_s=None)), True, id="nobody knows how much is lost"),
        pytest.param(ran(3.0, workload=a_service()), True, id="a server has nothing to lose"),
        pytest.param(ran(3.0, health={"aws": replace(NODES_LOST, since_s=NOW_S - 30)}), True, id="the nodes are gone"),
        pytest.param(ran(3.0, health={"aws": REBUILT}), True, id="what ran there will not come back"),
        pytest.param(ran(3.0, absent=frozenset({"aws"}), health={}), True, id="nobody declares the cluster any more"),
        pytest.param(ran(3.0, record=recorded(at())), True, id="it has never run"),
        pytest.param(
            ran(3.0, health={"aws": replace(DOWN, since_s=NOW_S - 7200)}), True, id="it has waited long enough"
        ),
        pytest.param(
            ran(0.01, workload=a_workload(data=(DataInput("scans", 20e12, ("gcp/there",)),))),
            False,
            id="twenty terabytes would have to be copied first",
        ),
    ],
)
def test_wait_or_move(scene: Scene, *, moves: bool) -> None:
    assert goes(scene) is moves


def test_it_says_what_both_cost_and_is_looked_at_again() -> None:
    step = ran(3.0).step()
    assert "expected to take 19m46s and to cost $5.27; a move costs $48.53, $48.00 of it work" in said(step).message
    assert step.retry_s == NOW_S + 600
    assert (said(step).placed, said(step).ready, said(step).stalled) == (True, False, False)
    assert step.record == ran(3.0).record
    assert not step.deliver


def test_at_most_once_is_held_by_its_copy_and_not_by_money() -> None:
    assert summary(ran(3.0, guarantee=AMO).step())["reason"] == "OldCopyMayRun"


def announced(snapshot: Snapshot, *names: str) -> Snapshot:
    """The same, with an outage that the provider announces."""

    def told(cluster: Cluster) -> Cluster:
        return replace(cluster, announced=cluster.name in names)

    return replace(snapshot, fleet=tuple(map(told, snapshot.fleet)))


def test_an_announcement_makes_the_outage_longer_and_the_work_moves() -> None:
    (step,) = decide(announced(ran(3.0).snapshot(), "aws"), move_tokens=100)
    assert summary(step)["reason"] == "Moving"
    (step,) = decide(announced(ran(3.0).snapshot(), "gcp"), move_tokens=100)
    assert summary(step)["reason"] == "WaitingIsCheaper", "what is announced elsewhere says nothing"


def test_a_partition_that_the_policy_leaves_is_left_at_once() -> None:
    cut_off = Judgement(Verdict.PARTITIONED, "AgentHeard", "Its agent is heard.", since_s=NOW_S - 120)
    policy = ClusterPolicy(moves=MoveBudget(move_partitioned_after_s=60.0))
    (step,) = decide(replace(ran(3.0, health={"aws": cut_off}).snapshot(), policy=policy), move_tokens=100)
    assert summary(step)["reason"] == "Moving"


def test_recommend_shows_that_it_would_wait() -> None:
    step = ran(3.0, mode=Mode.RECOMMEND).step()
    assert (said(step).reason, "Waits for aws" in said(step).message) == ("Recommended", True)


def test_it_goes_on_where_it_was_once_the_cluster_is_back() -> None:
    waits = ran(3.0)
    back = replace(waits.then(waits.step()), health={}, now_s=NOW_S + 120)
    assert summary(back.step()) == {"reason": "Running", "left": [("aws", 1, "Running")]}


def test_who_waits_takes_no_room_from_who_has_nowhere_to_go() -> None:
    # One node with eight accelerators is left, and both want all of it: the one that waits has come first.
    waiting = ran(3.0, absent=frozenset({"own"})).snapshot()
    hurried = replace(a_workload("hurried", accelerators=8), created_s=NOW_S)
    patient = replace(a_workload(accelerators=8), created_s=0.0, priority=10)
    [view] = waiting.views
    views = (
        replace(view, workload=patient),
        replace(
            view,
            key=hurried.key,
            uid=hurried.uid,
            workload=hurried,
            record=recorded(at(ran_s=60.0, usd_per_hour=8.0)),
            copies={"aws": copy_at(workload=hurried)},
        ),
    )
    steps = {step.view.key.name: step for step in decide(replace(waiting, views=views), move_tokens=100)}
    assert summary(steps["hurried"])["reason"] == "Moving"
    assert summary(steps[view.key.name])["reason"] == "WaitingIsCheaper"


def saved_there(hours: float, **more: Any) -> Scene:
    """A job that writes checkpoints every half hour into a data centre that is lost with its cluster."""
    work = replace(a_job(**more), checkpoint=Checkpoint(1e9, ("own/here",), 1800.0))
    place = at("own", ran_s=hours * 3600 + 30, usd_per_hour=8.0)
    return Scene(record=recorded(place), copies=(copy_at("own"),), health={"own": LOST}, guarantee=ALO, workload=work)


def with_the_store_lost(scene: Scene) -> Snapshot:
    """The same, the data centre being no region of a cloud."""
    snapshot = scene.snapshot()
    fleet = (replace(one, tier=Tier.ON_PREM) if one.name == "own" else one for one in snapshot.fleet)
    return replace(snapshot, fleet=tuple(fleet))


def test_work_whose_checkpoint_can_not_be_read_anywhere_waits_and_says_what_is_at_stake() -> None:
    scene = saved_there(3.2)
    (step,) = decide(with_the_store_lost(scene), move_tokens=100)
    assert (said(step).phase, said(step).reason) == ("Waiting", "CheckpointUnreadable")
    assert said(step).message == (
        "Its checkpoint can't be read now: own/here is lost; a second checkpoint location would help. It waits rather "
        "than begin anew (3h of the run, $24.00 of machines): to begin anew, take spec.checkpoint out."
    )
    assert step.record == scene.record
    assert not step.deliver


def test_it_moves_once_the_store_can_be_read_or_a_person_lets_it_begin_anew() -> None:
    scene = saved_there(3.2)
    (step,) = decide(scene.snapshot(), move_tokens=100)
    assert summary(step)["reason"] == "Moving", "the store of a region does not hang on one cluster"
    anew = replace(scene, workload=replace(scene.workload, checkpoint=None), health={"own": OLD})
    (step,) = decide(with_the_store_lost(anew), move_tokens=100)
    assert summary(step)["reason"] == "Moving"


def test_work_without_a_checkpoint_yet_has_nothing_to_wait_for() -> None:
    (step,) = decide(with_the_store_lost(saved_there(0.2)), move_tokens=100)
    assert summary(step)["reason"] == "Moving"
