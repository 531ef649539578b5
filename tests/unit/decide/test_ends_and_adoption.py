"""What has ended is never run again; what runs already is taken over, not started a second time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import DOWN, a_workload
from tests.unit.decide.builders import (
    ALO,
    AMO,
    NOW_S,
    PENDING,
    RECOVERING,
    RELEASING,
    SUSPECT,
    UID,
    Scene,
    a_service,
    at,
    copy_at,
    recorded,
    said,
    summary,
)

from tradewind.model.placement import Finished
from tradewind.model.policy import Guarantee, Mode
from tradewind.model.workload import Market

ENDED = Finished("aws", 1, succeeded=True, at_s=NOW_S - 60)
FAILED = replace(ENDED, succeeded=False)


@pytest.mark.parametrize("guarantee", [AMO, ALO])
@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(succeeded=True),)),
            {"reason": "Succeeded", "left": [("aws", 1, "Finished")]},
            id="a success is recorded when it is first seen",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(succeeded=False),)),
            {"reason": "Failed", "left": [("aws", 1, "Finished")]},
            id="so is a failure",
        ),
        pytest.param(
            Scene(record=recorded(at(), finished=ENDED)),
            {"reason": "Succeeded", "left": [("aws", 1, "Finished")]},
            id="it is kept when its copy is gone",
        ),
        pytest.param(
            Scene(record=recorded(at(), finished=ENDED), health={"aws": DOWN}),
            {"reason": "Succeeded", "left": [("aws", 1, "Finished")]},
            id="and when its cluster dies: it does not move",
        ),
        pytest.param(
            Scene(record=recorded(at(), finished=FAILED), generation=7),
            {"reason": "Failed", "left": [("aws", 1, "Finished")]},
            id="a new spec does not run it again",
        ),
        pytest.param(
            Scene(record=recorded(epoch=1, finished=ENDED)),
            {"reason": "Succeeded"},
            id="nor does having no place",
        ),
        pytest.param(
            Scene(record=recorded(at(), finished=ENDED), workload=a_workload(suspended=True)),
            {"reason": "Succeeded", "left": [("aws", 1, "Finished")]},
            id="suspending what has ended changes nothing",
        ),
        pytest.param(
            Scene(
                record=recorded(at("gcp", epoch=2)), copies=(copy_at("aws", succeeded=True), copy_at("gcp", epoch=2))
            ),
            {"reason": "Succeeded", "release": ["gcp"]},
            id="a success of a stale copy counts, and the second run is ended",
        ),
        pytest.param(
            Scene(
                record=recorded(at("gcp", epoch=2)),
                copies=(copy_at("aws", succeeded=False), copy_at("gcp", epoch=2)),
            ),
            {"reason": "Running", "release": ["aws"], "left": [("gcp", 2, "Running")]},
            id="a failure of a stale copy does not",
        ),
        pytest.param(
            Scene(record=recorded(at("gcp", epoch=2)), copies=(copy_at("aws", succeeded=True),), health={"gcp": DOWN}),
            {"reason": "Succeeded"},
            id="a success is enough, though the second copy can't be reached",
        ),
        pytest.param(
            Scene(
                record=recorded(epoch=2, finished=ENDED),
                copies=(copy_at("aws", succeeded=True), copy_at("gcp", epoch=2)),
                health={"gcp": RECOVERING},
            ),
            {"reason": "Succeeded", "release": ["gcp"]},
            id="which is ended when it returns",
        ),
        pytest.param(
            Scene(record=recorded(at(), finished=ENDED), copies=(copy_at(),)),
            {"reason": "Succeeded", "release": ["aws"], "left": [("aws", 1, "Finished")]},
            id="a copy that a backup has set back to before its end is ended too",
        ),
        pytest.param(
            Scene(copies=(copy_at("aws", succeeded=True, uid="uid-of-the-old-hub"),)),
            {"reason": "Succeeded"},
            id="a hub without memory takes over a success",
        ),
        pytest.param(
            Scene(
                record=recorded(at("gcp", epoch=2), adopted_uid="uid-of-the-old-hub"),
                copies=(copy_at("aws", succeeded=True, uid="uid-of-the-old-hub"), copy_at("gcp", epoch=2)),
            ),
            {"reason": "Succeeded", "release": ["gcp"]},
            id="also of a copy that it has adopted",
        ),
        pytest.param(
            Scene(
                record=recorded(at("gcp", epoch=2)),
                copies=(copy_at("aws", succeeded=True, uid="another"), copy_at("gcp", epoch=2)),
            ),
            {"reason": "Running", "release": ["aws"], "left": [("gcp", 2, "Running")]},
            id="a success of another workload of that name is not ours",
        ),
        pytest.param(
            Scene(
                record=recorded(at("gcp", epoch=2)),
                copies=(copy_at("aws", succeeded=True, uid=""), copy_at("gcp", epoch=2)),
            ),
            {"reason": "Running", "release": ["aws"], "left": [("gcp", 2, "Running")]},
            id="nor is one of a copy that has lost its uid",
        ),
    ],
)
def test_an_end_is_for_ever(scene: Scene, guarantee: object, expected: dict[str, object]) -> None:
    assert summary(replace(scene, guarantee=guarantee).step()) == expected  # type: ignore[arg-type]  # a table's column


def test_an_end_is_recorded_with_where_when_and_what_the_copy_said() -> None:
    copy = replace(copy_at(succeeded=False), message="Job has reached the specified backoff limit")
    step = Scene(record=recorded(at()), copies=(copy,)).step()
    assert step.record.finished == Finished("aws", 1, succeeded=False, at_s=NOW_S, message=copy.message)
    assert copy.message in said(step).message
    assert (said(step).ready, said(step).placed) == (False, True)


def test_a_success_makes_the_work_ready() -> None:
    assert said(Scene(record=recorded(at()), copies=(copy_at(succeeded=True),)).step()).ready


OLD = "uid-of-the-old-hub"


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(
            Scene(copies=(copy_at(epoch=3, uid=OLD),)),
            {"reason": "Adopted", "left": [("aws", 3, "Running")]},
            id="a copy that runs is taken over with its epoch",
        ),
        pytest.param(
            Scene(copies=(copy_at(epoch=3, uid=OLD, state=PENDING),)),
            {"reason": "Adopted", "left": [("aws", 3, "Pending")]},
            id="one that has not started yet as well",
        ),
        pytest.param(
            Scene(copies=(copy_at(epoch=3, uid=OLD),), health={"aws": SUSPECT}),
            {"reason": "Adopted", "left": [("aws", 3, "Running")]},
            id="also from a cluster that is silent at the moment",
        ),
        pytest.param(
            Scene(copies=(copy_at("aws", epoch=2, uid=OLD), copy_at("gcp", epoch=3, uid=OLD))),
            {"reason": "Adopted", "release": ["aws"], "left": [("gcp", 3, "Running")]},
            id="of several the newest, and the others go at once",
        ),
        pytest.param(
            Scene(copies=(copy_at("aws", uid=OLD, state=PENDING), copy_at("gcp", uid=OLD))),
            {"reason": "Adopted", "release": ["aws"], "left": [("gcp", 1, "Running")]},
            id="of equals the one that runs",
        ),
        pytest.param(
            Scene(copies=(copy_at(uid=OLD, state=RELEASING),)),
            {"reason": "Replacing"},
            id="one that is going is waited for, not taken over",
        ),
        pytest.param(
            Scene(workload=a_service(), copies=(copy_at(uid=OLD),)),
            {"reason": "Replacing", "release": ["aws"]},
            id="one of another kind was made for what bore the name before: it goes first",
        ),
        pytest.param(
            Scene(copies=(copy_at(uid=OLD, kind="Deployment"),)),
            {"reason": "Replacing", "release": ["aws"]},
            id="the other way round too",
        ),
        pytest.param(
            Scene(workload=a_service(), copies=(copy_at(uid=OLD, succeeded=True),)),
            {"reason": "Replacing", "release": ["aws"]},
            id="the success of a Job ends no Deployment that bears its name",
        ),
        pytest.param(
            Scene(record=recorded(epoch=4), copies=(copy_at("gcp", epoch=2),)),
            {"reason": "Replacing", "release": ["gcp"]},
            id="an old epoch is never taken over",
        ),
        pytest.param(
            Scene(record=recorded(at("aws", epoch=1)), copies=(copy_at("aws"), copy_at("gcp", epoch=2))),
            {"reason": "Adopted", "release": ["aws"], "left": [("gcp", 2, "Running")]},
            id="a newer one than any that is remembered is: the memory is a restored backup",
        ),
    ],
)
def test_adoption(scene: Scene, expected: dict[str, object]) -> None:
    assert summary(scene.step()) == expected


def test_the_uid_of_an_adopted_copy_is_remembered_and_the_copy_then_counts_as_promised() -> None:
    scene = Scene(copies=(copy_at(epoch=3, uid=OLD),))
    step = scene.step()
    assert (step.record.adopted_uid, step.record.epoch) == (OLD, 3)
    assert summary(scene.then(step).step()) == {"reason": "Running", "left": [("aws", 3, "Running")]}


def test_a_copy_of_our_own_is_taken_over_without_another_uid() -> None:
    step = Scene(copies=(copy_at(uid=UID),)).step()
    assert step.record.adopted_uid == ""


def test_an_adopted_copy_keeps_its_market_and_reads_its_data_where_it_did() -> None:
    sources = (("scans", "aws/a"),)
    step = Scene(copies=(replace(copy_at(), market="Spot", sources=sources),)).step()
    assert step.record.placements[0].market is Market.SPOT
    assert step.record.placements[0].sources == sources


REBUILT = Scene(rebuilt=True, unlisted=frozenset({"gcp"}), health={"gcp": SUSPECT})

FORGOTTEN = Scene(forgotten=True, health={"gcp": DOWN})


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        pytest.param(REBUILT, "AdoptionPending", id="AtMostOnce waits for a cluster that was never listed"),
        pytest.param(replace(REBUILT, health={"gcp": DOWN}), "AdoptionPending", id="also for a dead one"),
        pytest.param(replace(REBUILT, guarantee=ALO), "Delivering", id="AtLeastOnce does not"),
        pytest.param(replace(REBUILT, health={}), "Delivering", id="once it has been listed nobody waits"),
        pytest.param(replace(REBUILT, rebuilt=False), "Delivering", id="a new fleet is no rebuilt hub"),
        pytest.param(replace(REBUILT, unlisted=frozenset()), "Delivering", id="nor is a known fleet"),
        pytest.param(replace(REBUILT, record=recorded(epoch=1)), "Delivering", id="what is remembered needs no search"),
        pytest.param(FORGOTTEN, "AdoptionPending", id="work that was placed before is held while a cluster is away"),
        pytest.param(replace(FORGOTTEN, guarantee=ALO), "Delivering", id="but for AtLeastOnce"),
        pytest.param(replace(FORGOTTEN, health={}), "Delivering", id="and goes on once all have been looked at"),
    ],
)
def test_a_rebuilt_hub_looks_everywhere_before_it_starts_anything(scene: Scene, reason: str) -> None:
    step = scene.step()
    assert said(step).reason == reason
    assert (not step.deliver) == (reason == "AdoptionPending")


def test_who_waits_for_adoption_is_told_for_whom() -> None:
    assert "gcp" in said(REBUILT.step()).message


def test_a_memory_restored_from_a_backup_gives_out_no_epoch_twice() -> None:
    scene = Scene(
        record=recorded(epoch=1),
        copies=(copy_at("gcp", epoch=5, state=RELEASING),),
        health={"gcp": DOWN},
        guarantee=ALO,
    )
    assert summary(scene.step()) == {
        "reason": "Delivering",
        "deliver": ("aws", 6),
        "left": [("aws", 6, "Delivering")],
    }


@pytest.mark.parametrize("guarantee", [AMO, ALO])
def test_a_cluster_that_is_declared_under_another_name_keeps_its_copy(guarantee: Guarantee) -> None:
    scene = Scene(record=recorded(at("aws")), copies=(copy_at("gcp"),), absent=frozenset({"aws"}), guarantee=guarantee)
    assert summary(scene.step()) == {"reason": "Running", "left": [("gcp", 1, "Running")]}


def test_a_copy_of_another_epoch_is_not_the_one_that_its_undeclared_cluster_had() -> None:
    scene = Scene(record=recorded(at("aws", epoch=2)), copies=(copy_at("gcp"),), absent=frozenset({"aws"}))
    assert summary(scene.step())["reason"] == "OldCopyMayRun"


def test_recommend_takes_nothing_over() -> None:
    step = Scene(copies=(copy_at(epoch=3, uid=OLD),), mode=Mode.RECOMMEND).step()
    assert summary(step) == {"reason": "Recommended"}
