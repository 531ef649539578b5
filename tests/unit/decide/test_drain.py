"""A cluster that is to be emptied: its work leaves at a checkpoint, for a place that can take it now, or stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import DOWN
from tests.unit.decide.builders import (
    ALO,
    AMO,
    DELIVERING,
    LEAVING,
    NOW_S,
    PENDING,
    RELEASING,
    RESERVED,
    SUSPECT,
    Scene,
    a_job,
    a_service,
    at,
    copy_at,
    recorded,
    said,
    summary,
)

from tradewind.decide.keeping import keep
from tradewind.decide.sight import Sight
from tradewind.model.fleet import Certification
from tradewind.model.placement import Move, Record
from tradewind.model.policy import Mode

MINUTE_S = 60.0
AWS = frozenset({"aws"})
ALL = frozenset({"aws", "gcp", "own"})
HANDED = {"left": [("aws", 1, "Releasing"), ("gcp", 2, "Reserved")], "release": ["aws"], "reason": "Draining"}


def running(ran_s: float = 600.0) -> Record:
    """Make the record of work that runs on aws."""
    return recorded(at(ran_s=ran_s, usd_per_hour=8.0))


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=AWS),
            HANDED,
            id="a job without checkpoints goes at once",
        ),
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=AWS, workload=a_job(every_s=None)),
            HANDED,
            id="so does one whose checkpoints come at times that nobody knows",
        ),
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=AWS, workload=a_job()),
            {"reason": "Draining", "left": [("aws", 1, "Running")]},
            id="else it waits for its first checkpoint",
        ),
        pytest.param(
            Scene(record=running(32 * MINUTE_S), copies=(copy_at(),), draining=AWS, workload=a_job()),
            {"reason": "Draining", "left": [("aws", 1, "Running")]},
            id="or for the next one",
        ),
        pytest.param(
            Scene(record=running(60.5 * MINUTE_S), copies=(copy_at(),), draining=AWS, workload=a_job()),
            HANDED,
            id="just after which it goes",
        ),
        pytest.param(
            Scene(record=recorded(at(state=PENDING)), copies=(copy_at(state=PENDING),), draining=AWS, workload=a_job()),
            HANDED,
            id="what does not run yet has nothing to lose",
        ),
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=ALL),
            {"reason": "DrainBlocked", "left": [("aws", 1, "Running")]},
            id="with no other place it stays, and says so",
        ),
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=AWS, nodes=0),
            {"reason": "DrainBlocked", "left": [("aws", 1, "Running")]},
            id="a place without room is none",
        ),
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=AWS, guarantee=ALO, workload=a_service()),
            {"reason": "Draining", "left": [("aws", 1, "Leaving"), ("gcp", 2, "Delivering")], "deliver": ("gcp", 2)},
            id="a Deployment that may run twice starts there first",
        ),
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=AWS, guarantee=AMO, workload=a_service()),
            HANDED,
            id="one that may not is released first",
        ),
        pytest.param(
            Scene(record=recorded(at(state=DELIVERING)), draining=AWS),
            {"reason": "Delivering", "deliver": ("aws", 1), "left": [("aws", 1, "Delivering")]},
            id="what was promised there is made before it leaves",
        ),
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=AWS, health={"aws": SUSPECT}),
            {"left": [("aws", 1, "Running")]},
            id="from a cluster that is silent nothing leaves",
        ),
        pytest.param(
            Scene(record=running(), copies=(copy_at(),), draining=AWS, tokens=0),
            {"left": [("aws", 1, "Running")]},
            id="nor while the fleet's budget of moves is spent",
        ),
    ],
)
def test_work_on_a_draining_cluster(scene: Scene, expected: dict[str, object]) -> None:
    assert summary(scene.step()) == expected


def test_what_waits_is_looked_at_again_at_its_checkpoint_and_goes_then() -> None:
    scene = Scene(record=running(), copies=(copy_at(),), draining=AWS, workload=a_job())
    waiting = scene.step()
    assert waiting.retry_s == NOW_S + 20 * MINUTE_S
    assert said(waiting).ready
    assert "every 30m" in said(waiting).message
    assert summary(replace(scene, now_s=waiting.retry_s).step()) == HANDED


def test_what_is_blocked_sleeps_until_something_that_stands_against_it_changes() -> None:
    step = Scene(record=running(), copies=(copy_at(),), draining=ALL).step()
    assert step.decision is not None
    assert step.decision.wakes_on
    assert said(step).ready
    assert step.record.placements[0].running_since_s == NOW_S - 600


def test_the_move_is_recorded_once_and_the_new_copy_comes_when_the_old_one_is_gone() -> None:
    scene = Scene(record=running(), copies=(copy_at(),), draining=AWS, workload=a_job(), now_s=NOW_S + 20 * MINUTE_S)
    left = scene.step()
    [move] = left.record.moves
    assert (move.from_cluster, move.to_cluster, move.reason, move.epoch) == ("aws", "gcp", "Draining", 2)
    going = replace(scene.then(left), copies=(copy_at(state=RELEASING),))
    assert summary(going.step()) == {"reason": "Draining", "left": HANDED["left"]}
    gone = replace(going, copies=()).step()
    assert summary(gone) == {"reason": "Delivering", "deliver": ("gcp", 2), "left": [("gcp", 2, "Delivering")]}
    assert gone.record.moves == left.record.moves
    arrived = replace(scene.then(gone), copies=(copy_at("gcp", epoch=2),)).step()
    assert said(arrived).reason == "Running"
    assert arrived.record.moves[0].running_s == scene.now_s


def handed_over(**more: object) -> Scene:
    """Make the scene in which aws is being left for gcp, where room is kept."""
    move = Move("aws", "gcp", "Draining", 2, detected_s=NOW_S - 5, decided_s=NOW_S - 5)
    record = recorded(at(state=RELEASING), at("gcp", epoch=2, state=RESERVED), moves=(move,))
    return replace(Scene(record=record, copies=(copy_at(state=RELEASING),), draining=AWS), **more)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(
            handed_over(health={"gcp": DOWN}),
            {"reason": "Replacing", "left": [("aws", 1, "Releasing")]},
            id="room on a cluster that is lost is given up",
        ),
        pytest.param(
            handed_over(health={"gcp": SUSPECT}, copies=()),
            {"reason": "Delivering", "deliver": ("own", 3), "left": [("own", 3, "Delivering")]},
            id="a place that can't take it any more is decided anew",
        ),
        pytest.param(
            handed_over(draining=frozenset({"aws", "gcp"}), copies=()),
            {"reason": "Delivering", "deliver": ("own", 3), "left": [("own", 3, "Delivering")]},
            id="so is one that is drained itself",
        ),
        pytest.param(
            handed_over(health={"aws": DOWN}, guarantee=AMO),
            {"reason": "OldCopyMayRun", "left": [("aws", 1, "Releasing"), ("gcp", 2, "Reserved")]},
            id="an old copy that may still run is waited for",
        ),
        pytest.param(
            handed_over(health={"aws": DOWN}, guarantee=ALO),
            {"reason": "Delivering", "deliver": ("gcp", 2), "left": [("gcp", 2, "Delivering")]},
            id="unless it may run twice",
        ),
        pytest.param(
            handed_over(copies=(copy_at("own", epoch=1),)),
            {"reason": "Replacing", "release": ["own"], "left": [("gcp", 2, "Reserved")]},
            id="no copy is made beside one that nobody knew of",
        ),
        pytest.param(
            handed_over(workload=replace(a_job(), suspended=True)),
            {"reason": "Suspended", "left": [("aws", 1, "Releasing")]},
            id="a suspend lets the room go",
        ),
        pytest.param(
            handed_over(copies=(), health={"gcp": SUSPECT}, workload=replace(a_job(), suspended=True)),
            {"reason": "Suspended"},
            id="also where it can't be seen that nothing is there",
        ),
    ],
)
def test_a_move_that_is_under_way(scene: Scene, expected: dict[str, object]) -> None:
    assert summary(scene.step()) == expected


def leaving(**more: object) -> Scene:
    """Make the scene in which a Deployment starts on gcp, and serves from aws until that runs."""
    move = Move("aws", "gcp", "Draining", 2, detected_s=NOW_S - 5, decided_s=NOW_S - 5)
    record = recorded(at(state=LEAVING, ran_s=600), at("gcp", epoch=2, state=DELIVERING), moves=(move,))
    copies = (copy_at(), copy_at("gcp", epoch=2, state=PENDING))
    scene = Scene(record=record, copies=copies, draining=AWS, guarantee=ALO, workload=a_service())
    return replace(scene, **more)  # type: ignore[arg-type]  # any field


BOTH = [("aws", 1, "Leaving"), ("gcp", 2, "Pending")]


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(leaving(), {"reason": "Starting", "left": BOTH}, id="until the new one runs the old one stays"),
        pytest.param(
            leaving(copies=(copy_at(), copy_at("gcp", epoch=2))),
            {"reason": "Replacing", "release": ["aws"], "left": [("aws", 1, "Releasing"), ("gcp", 2, "Running")]},
            id="then it goes",
        ),
        pytest.param(
            leaving(copies=(copy_at("gcp", epoch=2),)),
            {"reason": "Running", "left": [("gcp", 2, "Running")]},
            id="and is forgotten when it is gone",
        ),
        pytest.param(
            leaving(health={"aws": DOWN}),
            {"reason": "Starting", "left": [("gcp", 2, "Pending")]},
            id="or lost",
        ),
        pytest.param(
            leaving(health={"gcp": DOWN}),
            {"reason": "Draining", "left": [("aws", 1, "Leaving"), ("own", 3, "Delivering")], "deliver": ("own", 3)},
            id="where the new one is lost it is decided anew, from the old one",
        ),
        pytest.param(
            leaving(health={"gcp": DOWN}, draining=frozenset()),
            {"reason": "Running", "left": [("aws", 1, "Running")]},
            id="which stays if it need not leave any more",
        ),
    ],
)
def test_a_move_without_a_gap(scene: Scene, expected: dict[str, object]) -> None:
    record = replace(scene.record, placements=tuple(replace(p, since_s=NOW_S - 60) for p in scene.record.placements))
    assert summary(replace(scene, record=record).step()) == expected


def since(scene: Scene, age_s: float) -> Scene:
    """The same, the successor having been decided so long ago."""
    places = (replace(place, since_s=NOW_S - age_s) for place in scene.record.placements)
    return replace(scene, record=replace(scene.record, placements=tuple(places)))


def test_a_successor_that_never_starts_is_given_up_and_the_old_copy_leaves_for_another_place() -> None:
    waits = since(leaving(), 1799.0).step()
    assert summary(waits) == {"reason": "Starting", "left": BOTH}
    assert waits.retry_s == NOW_S + 1
    given_up = since(leaving(), 1800.0).step()
    assert summary(given_up) == {
        "reason": "Draining",
        "release": ["gcp"],
        "deliver": ("own", 3),
        "left": [("aws", 1, "Leaving"), ("gcp", 2, "Releasing"), ("own", 3, "Delivering")],
    }


def test_where_it_need_not_leave_any_more_it_stays() -> None:
    stays = since(leaving(draining=frozenset()), 1800.0)
    step = stays.step()
    assert [(p.cluster, p.state.value) for p in step.record.placements] == [("aws", "Running"), ("gcp", "Releasing")]
    ended = replace(stays.then(step), copies=(copy_at(),))
    assert summary(ended.step()) == {"reason": "Running", "left": [("aws", 1, "Running")]}


def test_a_successor_that_runs_is_not_given_up() -> None:
    runs = since(leaving(copies=(copy_at(), copy_at("gcp", epoch=2))), 90_000.0)
    assert summary(runs.step())["release"] == ["aws"]


def test_recommend_shows_where_it_would_go() -> None:
    scene = Scene(record=running(), copies=(copy_at(),), draining=AWS, mode=Mode.RECOMMEND)
    step = scene.step()
    assert summary(step) == {"reason": "Recommended", "left": [("aws", 1, "Running")]}
    assert "Would run with h100 on gcp" in said(step).message
    assert said(step).ready


def test_a_certificate_that_expires_is_looked_at_then() -> None:
    work = a_job()
    work = replace(work, constraints=replace(work.constraints, certifications=frozenset({"ISO27001"})))
    expires_s = NOW_S + 100.0
    certificates = (Certification("ISO27001", expires_s), Certification("C5", NOW_S + 5))
    scene = Scene(record=running(), copies=(copy_at(),), workload=work)
    snapshot = scene.snapshot()
    aws = replace(snapshot.fleet[0], certifications=certificates)
    sight = Sight(snapshot, {"aws": aws})
    (view,) = snapshot.views
    assert view.policy is not None
    part = keep(view, view.record, sight, placement=view.record.placements[0], workload=work, policy=view.policy)
    assert part.retry_s == expires_s
