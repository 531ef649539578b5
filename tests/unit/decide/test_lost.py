"""Work whose cluster is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import DOWN, a_workload, constraints
from tests.unit.decide.builders import (
    ALO,
    AMO,
    DELIVERING,
    NODES_LOST,
    NOW_S,
    PENDING,
    RECOVERING,
    RELEASING,
    SUSPECT,
    Scene,
    at,
    copy_at,
    recorded,
    said,
    summary,
)

from tradewind.model.placement import CopyState, Move

LOST = Scene(record=recorded(at()), copies=(copy_at(),), health={"aws": DOWN})
MOVED = {"reason": "Moving", "deliver": ("gcp", 2), "left": [("gcp", 2, "Delivering")]}
HELD = {"reason": "OldCopyMayRun", "left": [("aws", 1, "Running")]}
STALE = replace(LOST, record=recorded(at("gcp", epoch=2)))
BOTH = (copy_at("aws"), copy_at("gcp", epoch=2))


@pytest.mark.parametrize(
    ("scene", "once", "more"),
    [
        pytest.param(LOST, HELD, MOVED, id="a dead cluster"),
        pytest.param(replace(LOST, copies=()), HELD, MOVED, id="a dead cluster whose copy was never seen"),
        pytest.param(
            replace(LOST, record=recorded(at(state=DELIVERING))),
            {**HELD, "left": [("aws", 1, "Delivering")]},
            MOVED,
            id="a promise that may have been kept already",
        ),
        pytest.param(
            replace(LOST, record=recorded(at(state=RELEASING))),
            {**HELD, "left": [("aws", 1, "Releasing")]},
            MOVED,
            id="a release that may not have been heard",
        ),
        pytest.param(
            replace(LOST, health={"aws": NODES_LOST}),
            HELD,
            MOVED,
            id="no nodes",
        ),
        pytest.param(
            replace(LOST, health={"aws": NODES_LOST}, copies=()),
            MOVED,
            MOVED,
            id="no nodes, and the copy is known to be gone: nothing holds it",
        ),
        pytest.param(
            replace(LOST, health={}, absent=frozenset({"aws"})),
            HELD,
            MOVED,
            id="a cluster that nobody declares any more",
        ),
        pytest.param(
            replace(LOST, workload=a_workload(constraints=constraints(deny_providers=("gcp",)))),
            HELD,
            {**MOVED, "deliver": ("own", 2), "left": [("own", 2, "Delivering")]},
            id="the law holds in a move as well",
        ),
        pytest.param(
            replace(LOST, health=dict.fromkeys(("aws", "gcp", "own"), DOWN)),
            HELD,
            {"reason": "Unschedulable", "left": [("aws", 1, "Running")]},
            id="nowhere to go: it keeps its place, and says why",
        ),
        pytest.param(
            replace(STALE, copies=(*BOTH,), health={"aws": DOWN, "gcp": DOWN}),
            {"reason": "OldCopyMayRun", "left": [("gcp", 2, "Running")]},
            {"reason": "Moving", "deliver": ("own", 3), "left": [("own", 3, "Delivering")]},
            id="a second cluster dies",
        ),
        pytest.param(
            replace(STALE, copies=(copy_at("aws"),)),
            {"reason": "OldCopyMayRun"},
            {"reason": "Delivering", "deliver": ("gcp", 3), "left": [("gcp", 3, "Delivering")]},
            id="the copy vanishes while a stale one sits on a dead cluster",
        ),
        pytest.param(
            replace(STALE, copies=(copy_at("aws", state=RELEASING),), health={"aws": NODES_LOST}),
            {"reason": "OldCopyMayRun"},
            {"reason": "Delivering", "deliver": ("gcp", 3), "left": [("gcp", 3, "Delivering")]},
            id="or on one whose nodes will never confirm its end",
        ),
    ],
)
def test_a_lost_cluster(scene: Scene, once: dict[str, object], more: dict[str, object]) -> None:
    assert summary(replace(scene, guarantee=AMO).step()) == once
    assert summary(replace(scene, guarantee=ALO).step()) == more


@pytest.mark.parametrize("state", [DELIVERING, PENDING, CopyState.RUNNING, RELEASING])
@pytest.mark.parametrize("health", [DOWN, SUSPECT], ids=["down", "suspect"])
def test_at_most_once_never_promises_a_second_place_while_the_first_can_not_be_seen(
    state: CopyState, health: object
) -> None:
    scene = replace(LOST, record=recorded(at(state=state)), health={"aws": health})  # type: ignore[dict-item]  # a table's column
    step = scene.step()
    assert not step.deliver
    assert [place.cluster for place in step.record.placements] == ["aws"]


def test_a_move_is_recorded_with_its_reason_and_its_times() -> None:
    step = replace(LOST, guarantee=ALO, health={"aws": replace(DOWN, since_s=NOW_S - 3)}).step()
    assert step.record.moves == (Move("aws", "gcp", "ApiServerSilent", 2, detected_s=NOW_S - 3, decided_s=NOW_S),)


def test_a_change_of_the_guarantee_is_the_emergency_release() -> None:
    held = replace(LOST, guarantee=AMO)
    assert summary(replace(held.then(held.step()), guarantee=ALO).step()) == MOVED


def test_who_is_held_is_told_what_would_free_it() -> None:
    for scene in (LOST, replace(LOST, absent=frozenset({"aws"}), health={})):
        message = said(scene.step()).message
        assert "aws" in message
        assert "AtLeastOnce" in message


def test_the_cluster_returns_and_at_most_once_goes_on_where_it_was() -> None:
    back = replace(LOST, health={"aws": RECOVERING})
    assert summary(back.step()) == {"reason": "Running", "left": [("aws", 1, "Running")]}


def test_the_cluster_returns_empty_and_at_most_once_is_placed_anew() -> None:
    back = replace(LOST, health={"aws": RECOVERING}, copies=())
    assert summary(back.step()) == {
        "reason": "Delivering",
        "deliver": ("gcp", 2),
        "left": [("gcp", 2, "Delivering")],
    }


@pytest.mark.parametrize("ages_s", [(10.0,), (10.0, 20.0)])
def test_down_overrides_the_cooldown(ages_s: tuple[float, ...]) -> None:
    moves = tuple(Move("own", "aws", "x", 1, detected_s=NOW_S - age, decided_s=NOW_S - age) for age in ages_s)
    scene = replace(LOST, guarantee=ALO, record=recorded(at(), moves=moves))
    assert summary(scene.step()) == MOVED


@pytest.mark.parametrize(
    ("count", "health", "reason", "retry_s"),
    [
        pytest.param(1, NODES_LOST, "CoolingDown", NOW_S + 290, id="anything less than Down waits for its end"),
        pytest.param(3, DOWN, "MovesExhausted", NOW_S + 3590, id="three moves an hour are all"),
    ],
)
def test_limits_of_moves(count: int, health: object, reason: str, retry_s: float) -> None:
    moves = (Move("own", "aws", "x", 1, detected_s=NOW_S - 10, decided_s=NOW_S - 10),) * count
    scene = replace(LOST, guarantee=ALO, record=recorded(at(), moves=moves), health={"aws": health})  # type: ignore[dict-item]  # a table's column
    step = scene.step()
    assert (said(step).reason, step.retry_s, step.deliver) == (reason, retry_s, ())
    assert step.record.placements == scene.record.placements


def test_the_oldest_moves_make_room_for_the_newest() -> None:
    old = tuple(Move("own", "aws", "x", n, detected_s=1.0, decided_s=1.0) for n in range(5, 0, -1))
    scene = replace(LOST, guarantee=ALO, record=recorded(at(epoch=6), moves=old))
    assert [move.epoch for move in scene.step().record.moves] == [7, 5, 4, 3, 2]
