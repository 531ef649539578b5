"""Running work that is compared with other places: it moves for money only by enough, at a checkpoint, and rarely."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import a_workload
from tests.unit.decide.builders import (
    ALO,
    AMO,
    NOW_S,
    PENDING,
    PRICES,
    Scene,
    a_job,
    a_member,
    a_service,
    at,
    copy_at,
    recorded,
    said,
    summary,
)
from tests.unit.decide.test_plan import a_view

from tradewind.decide.plan import MAX_COMPARED, decide, savings_in
from tradewind.decide.rebalance import compared_at_s
from tradewind.model.placement import Inventory, Move, Record
from tradewind.model.plan import Conditions, Wake
from tradewind.model.policy import Mode, PolicyLayer, Rebalance
from tradewind.model.snapshot import Snapshot

MINUTE_S, HOUR_S = 60.0, 3600.0
STAYS = {"reason": "Running", "left": [("gcp", 1, "Running")]}
MOVES = {"reason": "CheaperElsewhere", "left": [("gcp", 1, "Releasing"), ("aws", 2, "Reserved")], "release": ["gcp"]}
FIRST = {"reason": "CheaperElsewhere", "left": [("gcp", 1, "Leaving"), ("aws", 2, "Delivering")], "deliver": ("aws", 2)}


def on_gcp(ran_s: float = HOUR_S, **more: object) -> Scene:
    """Make the scene of a service that runs on gcp for $16 an hour, where aws would take $8."""
    record = recorded(at("gcp", ran_s=ran_s, usd_per_hour=16.0))
    scene = Scene(record=record, copies=(copy_at("gcp"),), workload=a_service(), guarantee=AMO)
    return replace(scene, **more)  # type: ignore[arg-type]  # any field


def moved(decided_s: float) -> tuple[Move, ...]:
    """Make the record of one move."""
    return (Move("own", "gcp", "ApiServerSilent", 1, decided_s, decided_s),)


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(on_gcp(), MOVES, id="half the price is worth a move"),
        pytest.param(on_gcp(guarantee=ALO), FIRST, id="without a gap, where two copies may run"),
        pytest.param(on_gcp(layer=PolicyLayer(min_saving_usd=200.0)), STAYS, id="but not if it saves too few dollars"),
        pytest.param(on_gcp(layer=PolicyLayer(min_saving_usd=185.0)), MOVES, id="which are those of a whole horizon"),
        pytest.param(on_gcp(layer=PolicyLayer(min_saving_percent=51)), STAYS, id="or too small a share"),
        pytest.param(on_gcp(layer=PolicyLayer(min_saving_percent=50)), MOVES, id="of what staying would cost"),
        pytest.param(
            on_gcp(usd={"aws": 2.0}, layer=PolicyLayer(min_saving_usd=0.0, min_saving_percent=0)),
            STAYS,
            id="for the same price nothing moves",
        ),
        pytest.param(on_gcp(nodes=0), STAYS, id="nor where there is no room"),
        pytest.param(on_gcp(ran_s=299.0), STAYS, id="what has just started stays for the cooldown"),
        pytest.param(
            on_gcp(record=replace(on_gcp().record, moves=moved(NOW_S - 299.0))), STAYS, id="as does what has just moved"
        ),
        pytest.param(
            on_gcp(record=replace(on_gcp().record, moves=moved(NOW_S - 301.0))), MOVES, id="but not for longer"
        ),
        pytest.param(
            on_gcp(
                record=replace(on_gcp().record, moves=moved(NOW_S - 301.0)), layer=PolicyLayer(max_moves_per_hour=1)
            ),
            STAYS,
            id="moves within the hour are counted, whatever they were for",
        ),
        pytest.param(on_gcp(layer=PolicyLayer(max_moves_per_hour=0)), STAYS, id="with no moves allowed it stays"),
        pytest.param(on_gcp(rebalance=Rebalance(moves_per_minute=0)), STAYS, id="or if nothing may move for money"),
        pytest.param(on_gcp(saving_tokens=0), STAYS, id="it waits while the fleet's budget of moves is spent"),
        pytest.param(on_gcp(tokens=0), MOVES, id="which is not that of outages"),
        pytest.param(
            on_gcp(copies=(copy_at("gcp", state=PENDING),)),
            {"reason": "Starting", "left": [("gcp", 1, "Pending")]},
            id="what does not run is left to start",
        ),
        pytest.param(on_gcp(workload=a_workload()), STAYS, id="a job without checkpoints never leaves for money"),
        pytest.param(on_gcp(workload=a_job(every_s=None)), STAYS, id="nor one whose checkpoints are not known"),
        pytest.param(on_gcp(29 * MINUTE_S, workload=a_job(runtime_h=50)), STAYS, id="a job stays to its first one"),
        pytest.param(on_gcp(30.5 * MINUTE_S, workload=a_job(runtime_h=50)), MOVES, id="and may leave just after that"),
        pytest.param(on_gcp(32 * MINUTE_S, workload=a_job(runtime_h=50)), STAYS, id="and not between two"),
        pytest.param(
            on_gcp(6.0 * HOUR_S, workload=a_job(runtime_h=10.0), layer=PolicyLayer(min_saving_usd=34.0)),
            STAYS,
            id="what is still to come counts, not what is done",
        ),
        pytest.param(
            on_gcp(6.0 * HOUR_S, workload=a_job(runtime_h=10.0), layer=PolicyLayer(min_saving_usd=31.0)),
            MOVES,
            id="which here is four hours of ten",
        ),
    ],
)
def test_running_work_and_a_cheaper_place(scene: Scene, expected: dict[str, object]) -> None:
    assert summary(scene.step()) == expected


def test_the_move_says_what_it_saves() -> None:
    step = on_gcp().step()
    [move] = step.record.moves
    assert (move.from_cluster, move.to_cluster, move.reason, move.epoch) == ("gcp", "aws", "CheaperElsewhere", 2)
    # A day of eight accelerators for a dollar less; what the restart costs is in it.
    assert move.saving_usd == pytest.approx(8 * 24, rel=0.01)
    assert "saves $19" in said(step).message


def test_after_the_move_nothing_moves_back_and_all_is_recorded() -> None:
    left = on_gcp().step()
    gone = replace(on_gcp().then(left), copies=()).step()
    assert summary(gone) == {"reason": "Delivering", "deliver": ("aws", 2), "left": [("aws", 2, "Delivering")]}
    assert gone.record.spent_usd == pytest.approx(16.0)
    there = replace(on_gcp().then(gone), copies=(copy_at("aws", epoch=2),), now_s=NOW_S + 60)
    settled = there.step()
    for later_s in (60.0, 400.0, 4000.0, 40_000.0):
        again = replace(there.then(settled), now_s=NOW_S + later_s).step()
        assert summary(again) == {"reason": "Running", "left": [("aws", 2, "Running")]}
        assert again.record == settled.record


def test_a_cheaper_offer_of_the_same_cluster_is_taken_once_the_name_is_free() -> None:
    scene = on_gcp(absent=frozenset({"aws", "own"}))
    snapshot = scene.snapshot()
    (gcp,) = snapshot.fleet
    cheap = replace(gcp.offers[0], name="cheap", usd_per_accelerator_hour=0.5, max_nodes=9, node_selector={"a": "b"})
    fleet = (replace(gcp, offers=(*gcp.offers, cheap)),)
    (step,) = decide(replace(snapshot, fleet=fleet), move_tokens=0, saving_tokens=1)
    assert summary(step) == {"reason": "CheaperElsewhere", "left": [("gcp", 1, "Releasing")], "release": ["gcp"]}
    after = replace(scene.then(step), copies=()).snapshot()
    (made,) = decide(replace(after, fleet=fleet), move_tokens=0)
    assert [(place.cluster, place.offer, place.epoch) for place in made.deliver] == [("gcp", "cheap", 2)]


def test_what_it_runs_on_may_be_gone_from_the_spec_and_then_nothing_can_be_compared() -> None:
    scene = on_gcp()
    place = replace(scene.record.placements[0], offer="gone")
    step = replace(scene, record=replace(scene.record, placements=(place,))).step()
    assert summary(step) == STAYS


def test_recommend_shows_what_would_move_and_touches_nothing() -> None:
    step = on_gcp(mode=Mode.RECOMMEND, ran_s=10.0).step()
    assert summary(step) == {**STAYS, "reason": "Recommended"}
    assert said(step).message.startswith("Would move to h100 on aws, which saves $19")
    assert said(step).message.endswith("mode is Recommend.")
    assert said(step).ready
    assert step.decision is not None
    dear = on_gcp(mode=Mode.RECOMMEND, usd={"aws": 9.0}).step()
    assert summary(dear) == STAYS


def test_it_is_looked_at_again_within_an_interval_and_when_a_price_changes() -> None:
    step = on_gcp(usd={"aws": 9.0}).step()
    assert step.retry_s is not None
    assert NOW_S < step.retry_s <= NOW_S + 310.0
    assert step.wakes_on == {Wake.PRICE}


def test_a_job_is_looked_at_again_at_a_checkpoint() -> None:
    step = on_gcp(32 * MINUTE_S, workload=a_job(runtime_h=50)).step()
    assert step.retry_s == NOW_S + 28 * MINUTE_S


@given(uid=st.text(min_size=1, max_size=8), now_s=st.floats(1e9, 2e9), every_s=st.floats(10, 1e4))
def test_every_workload_has_a_turn_of_its_own_in_each_interval(uid: str, now_s: float, every_s: float) -> None:
    work, policy = a_service(uid=uid), on_gcp().snapshot().views[0].policy
    assert policy is not None
    place = replace(at("gcp"), running_since_s=now_s - HOUR_S)
    turn_s = compared_at_s(work, Record(), place, policy=policy, every_s=every_s, now_s=now_s)
    assert turn_s is not None
    assert now_s < turn_s <= now_s + every_s + 10.0 + 1e-3


def test_what_is_due_at_about_the_same_time_is_looked_at_together() -> None:
    policy = on_gcp().snapshot().views[0].policy
    assert policy is not None
    place = at("gcp", ran_s=HOUR_S)
    turns = {
        compared_at_s(a_service(uid=f"uid-{uid}"), Record(), place, policy=policy, every_s=300.0, now_s=NOW_S)
        for uid in range(300)
    }
    assert 25 <= len(turns) <= 31


def test_the_greatest_saving_goes_first_and_no_more_than_the_budget_allows() -> None:
    fleet = [a_member(name, nodes=9) for name in PRICES]
    works = {name: a_service(name=name, replicas=pods) for name, pods in (("small", 1), ("large", 3), ("middle", 2))}
    views = []
    for work in works.values():
        view = a_view(work, on="gcp", guarantee=AMO)
        place = replace(at("gcp", ran_s=HOUR_S), replicas=work.pods.count)
        views.append(replace(view, record=recorded(place)))
    copies = {view.key: view.copies["gcp"] for view in views}
    inventories = {name: Inventory(current=True, copies=copies if name == "gcp" else {}) for name in PRICES}
    snapshot = Snapshot(tuple(views), tuple(fleet), inventories, conditions=Conditions(now_s=NOW_S))
    steps = decide(snapshot, move_tokens=0, saving_tokens=2)
    assert savings_in(steps) == 2
    assert {s.view.key.name for s in steps if s.record.moves} == {"large", "middle"}


def test_a_round_compares_no_more_than_it_has_time_for_and_the_dearest_first() -> None:
    views = []
    for index in range(MAX_COMPARED + 1):
        view = a_view(a_service(name=f"w{index}"), on="gcp", guarantee=AMO)
        views.append(replace(view, record=recorded(at("gcp", ran_s=HOUR_S, usd_per_hour=16.0))))
    cheap = replace(views[7], record=recorded(at("gcp", ran_s=HOUR_S, usd_per_hour=15.99)))
    views[7] = cheap
    inventories = {
        "aws": Inventory(current=True),
        "gcp": Inventory(current=True, copies={view.key: view.copies["gcp"] for view in views}),
    }
    fleet = (a_member("aws", nodes=300), a_member("gcp", nodes=0))
    snapshot = Snapshot(tuple(views), fleet, inventories, conditions=Conditions(now_s=NOW_S))
    steps = decide(snapshot, move_tokens=0, saving_tokens=300)
    assert [step.view.key.name for step in steps if not step.record.moves] == ["w7"]
    assert all(step.situation is not None for step in steps)


def test_work_without_a_place_goes_before_work_that_could_be_cheaper() -> None:
    fleet = [a_member("aws", nodes=1), a_member("gcp", nodes=1)]
    runs = a_view(a_service(name="runs", priority=9), on="gcp", guarantee=AMO)
    runs = replace(runs, record=recorded(at("gcp", ran_s=HOUR_S)))
    new = a_view(a_workload("new"))
    inventories = {
        "aws": Inventory(current=True),
        "gcp": Inventory(current=True, copies={runs.key: runs.copies["gcp"]}),
    }
    snapshot = Snapshot((runs, new), tuple(fleet), inventories, conditions=Conditions(now_s=NOW_S))
    stays, goes = decide(snapshot, move_tokens=0, saving_tokens=9)
    assert [place.cluster for place in goes.deliver] == ["aws"]
    assert not stays.record.moves
