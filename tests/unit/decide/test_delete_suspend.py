"""A user's delete and suspend win at any time, and no dead cluster blocks them for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import DOWN, HEALTHY, a_workload
from tests.unit.decide.builders import (
    ALO,
    CREDENTIALS,
    DELIVERING,
    NODES_LOST,
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

from tradewind.model.health import Judgement, Verdict
from tradewind.model.placement import Finished, Move
from tradewind.model.plan import Refusal, Wake
from tradewind.model.policy import Mode

UNREADABLE = Refusal("InvalidSpec", "spec.type: is required", Wake.WORKLOAD)
REBUILT = Judgement(Verdict.DEGRADED, "ClusterRebuilt", "Another cluster answers.", nodes_lost=True)
MOVES = tuple(
    Move(source, target, "ApiServerSilent", epoch, detected_s=1.0, decided_s=2.0)
    for source, target, epoch in (("gcp", "own", 3), ("aws", "gcp", 2))
)
GOING = Scene(deleting=True)
DELETING = {"reason": "Deleting"}


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(GOING, {**DELETING, "forget": True}, id="work without a place goes at once"),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(),)),
            {**DELETING, "release": ["aws"], "left": [("aws", 1, "Running")]},
            id="a running copy is removed first",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(state=RELEASING),)),
            {**DELETING, "left": [("aws", 1, "Running")]},
            id="and is not asked twice",
        ),
        pytest.param(
            replace(GOING, record=recorded(at())),
            {**DELETING, "left": [("aws", 1, "Running")], "forget": True},
            id="once it is known to be gone so is the workload",
        ),
        pytest.param(
            replace(GOING, record=recorded(at("aws")), copies=(copy_at("aws"), copy_at("gcp", epoch=0))),
            {**DELETING, "release": ["aws", "gcp"], "left": [("aws", 1, "Running")]},
            id="every copy goes, promised or not",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(),), health={"aws": SUSPECT}),
            {**DELETING, "left": [("aws", 1, "Running")]},
            id="a cluster that is silent for a moment is waited for",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(),), health={"aws": CREDENTIALS}),
            {**DELETING, "left": [("aws", 1, "Running")]},
            id="so is one that refuses us: it lives",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(),), blind=frozenset({"aws"})),
            {**DELETING, "left": [("aws", 1, "Running")]},
            id="so is one that is being listed",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(),), health={"aws": DOWN}),
            {**DELETING, "left": [("aws", 1, "Running")], "forget": True, "abandon": ["aws"]},
            id="a dead cluster is not: it is cleaned when it returns",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), health={"aws": DOWN}),
            {**DELETING, "left": [("aws", 1, "Running")], "forget": True, "abandon": ["aws"]},
            id="also where no copy was ever seen there",
        ),
        pytest.param(
            replace(
                GOING, record=recorded(at()), copies=(copy_at(),), health={"aws": REBUILT}, blind=frozenset({"aws"})
            ),
            {**DELETING, "left": [("aws", 1, "Running")], "forget": True, "abandon": ["aws"]},
            id="nor is one that was rebuilt",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), absent=frozenset({"aws"})),
            {**DELETING, "left": [("aws", 1, "Running")], "forget": True, "abandon": ["aws"]},
            id="nor is one that nobody declares any more",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(),), health={"aws": NODES_LOST}),
            {**DELETING, "release": ["aws"], "left": [("aws", 1, "Running")]},
            id="without nodes the API server is still asked",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(state=RELEASING),), health={"aws": NODES_LOST}),
            {**DELETING, "left": [("aws", 1, "Running")], "forget": True, "abandon": ["aws"]},
            id="and then not waited for: its pods may never be confirmed gone",
        ),
        pytest.param(
            replace(
                GOING,
                record=recorded(at("gcp", epoch=2)),
                copies=(copy_at("aws"), copy_at("gcp", epoch=2)),
                health={"aws": DOWN},
            ),
            {**DELETING, "release": ["gcp"], "left": [("gcp", 2, "Running")]},
            id="what can be removed is removed before the dead cluster is given up",
        ),
        pytest.param(
            replace(GOING, record=recorded(at("gcp", epoch=2)), copies=(copy_at("aws"),), health={"aws": DOWN}),
            {**DELETING, "left": [("gcp", 2, "Running")], "forget": True, "abandon": ["aws"]},
            id="a stale copy on a dead cluster is remembered too",
        ),
        pytest.param(
            replace(GOING, record=recorded(at("own", epoch=3), moves=MOVES), health={"aws": DOWN, "gcp": SUSPECT}),
            {**DELETING, "left": [("own", 3, "Running")], "forget": True, "abandon": ["aws", "gcp"]},
            id="so is one that may be where it has been, for which nobody waits",
        ),
        pytest.param(
            replace(GOING, record=recorded(at("own", epoch=3), moves=MOVES)),
            {**DELETING, "left": [("own", 3, "Running")], "forget": True},
            id="unless it is known to be gone from there",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(),), problem=UNREADABLE),
            {**DELETING, "release": ["aws"], "left": [("aws", 1, "Running")]},
            id="a spec that can't be understood does not keep it",
        ),
        pytest.param(
            replace(GOING, record=recorded(at()), copies=(copy_at(),), mode=Mode.RECOMMEND),
            {**DELETING, "release": ["aws"], "left": [("aws", 1, "Running")]},
            id="nor does Recommend: the user said so",
        ),
        pytest.param(
            replace(
                GOING,
                record=recorded(at(), finished=Finished("aws", 1, succeeded=True, at_s=1.0)),
                copies=(copy_at(succeeded=True),),
            ),
            {**DELETING, "release": ["aws"], "left": [("aws", 1, "Running")]},
            id="what has ended goes with its copy",
        ),
        pytest.param(
            replace(
                GOING,
                record=recorded(finished=Finished("aws", 1, succeeded=True, at_s=1.0)),
                health={"aws": DOWN},
            ),
            {**DELETING, "forget": True, "abandon": ["aws"]},
            id="a copy whose end is all that is recorded of it is remembered where it ended",
        ),
        pytest.param(
            replace(GOING, forgotten=True, health={"gcp": SUSPECT}),
            {**DELETING, "forget": True, "abandon": ["gcp"]},
            id="where nothing says any more where it was, who can't be asked is remembered",
        ),
    ],
)
def test_delete(scene: Scene, expected: dict[str, object]) -> None:
    assert summary(scene.step()) == expected


PAUSED = Scene(workload=a_workload(suspended=True))
SUSPENDED = {"reason": "Suspended"}


@pytest.mark.parametrize("guarantee", list(type(ALO)))
@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(PAUSED, SUSPENDED, id="work without a place gets none"),
        pytest.param(
            replace(PAUSED, record=recorded(at()), copies=(copy_at(),)),
            {**SUSPENDED, "release": ["aws"], "left": [("aws", 1, "Releasing")]},
            id="a running copy is removed",
        ),
        pytest.param(
            replace(PAUSED, record=recorded(at(state=RELEASING)), copies=(copy_at(state=RELEASING),)),
            {**SUSPENDED, "left": [("aws", 1, "Releasing")]},
            id="its place is kept until it is gone",
        ),
        pytest.param(
            replace(PAUSED, record=recorded(at(state=RELEASING))),
            SUSPENDED,
            id="and then it has none",
        ),
        pytest.param(
            replace(PAUSED, record=recorded(at(state=DELIVERING))),
            SUSPENDED,
            id="a copy that was only promised is never made",
        ),
        pytest.param(
            replace(PAUSED, record=recorded(at("gcp", epoch=2)), copies=(copy_at("aws"), copy_at("gcp", epoch=2))),
            {**SUSPENDED, "release": ["aws", "gcp"], "left": [("gcp", 2, "Releasing")]},
            id="stale copies are removed as well",
        ),
        pytest.param(
            replace(PAUSED, record=recorded(at()), copies=(copy_at(),), health={"aws": SUSPECT}),
            {**SUSPENDED, "left": [("aws", 1, "Releasing")]},
            id="on a silent cluster nothing can be removed yet",
        ),
        pytest.param(
            replace(PAUSED, record=recorded(at()), copies=(copy_at(),), health={"aws": DOWN}),
            {**SUSPENDED, "left": [("aws", 1, "Releasing")]},
            id="on a dead one neither, and it moves nowhere",
        ),
        pytest.param(
            replace(PAUSED, record=recorded(at(state=RELEASING)), copies=(copy_at(),), health={"aws": RECOVERING}),
            {**SUSPENDED, "release": ["aws"], "left": [("aws", 1, "Releasing")]},
            id="when it returns the copy is removed",
        ),
        pytest.param(
            replace(PAUSED, copies=(copy_at(),)),
            {**SUSPENDED, "release": ["aws"]},
            id="a copy that a lost memory left is removed too",
        ),
    ],
)
def test_suspend(scene: Scene, guarantee: object, expected: dict[str, object]) -> None:
    assert summary(replace(scene, guarantee=guarantee).step()) == expected  # type: ignore[arg-type]  # a table's column


def test_work_that_is_resumed_waits_for_its_old_copy_and_is_then_placed_anew() -> None:
    scene = Scene(record=recorded(at(state=RELEASING), epoch=1), copies=(copy_at(state=RELEASING),))
    waiting = scene.step()
    assert summary(waiting) == {"reason": "Replacing", "left": [("aws", 1, "Releasing")]}
    gone = replace(scene.then(waiting), copies=())
    assert summary(gone.step()) == {
        "reason": "Delivering",
        "deliver": ("aws", 2),
        "left": [("aws", 2, "Delivering")],
    }


def test_a_delete_names_who_it_waits_for() -> None:
    step = replace(GOING, record=recorded(at()), copies=(copy_at(),), health={"aws": SUSPECT}).step()
    assert "aws" in said(step).message
    assert said(step).reconciling


def test_a_healthy_neighbour_is_not_told_of_a_delete() -> None:
    step = replace(GOING, record=recorded(at()), copies=(copy_at(),), health={"gcp": DOWN, "own": HEALTHY}).step()
    assert summary(step) == {**DELETING, "release": ["aws"], "left": [("aws", 1, "Running")]}
