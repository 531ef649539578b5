"""Work on a cluster that only the hub can't reach: it runs there, and leaves only if the policy says when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import HEALTHY
from tests.unit.decide.builders import ALO, AMO, NOW_S, Scene, at, copy_at, recorded, said, summary

from tradewind.decide.plan import decide
from tradewind.model.health import Judgement, Verdict
from tradewind.model.placement import Move
from tradewind.model.policy import ClusterPolicy, MoveBudget

AFTER_S = 600.0


def partitioned(for_s: float) -> Judgement:
    return Judgement(Verdict.PARTITIONED, "AgentHeard", "its agent is heard through gcp.", since_s=NOW_S - for_s)


def cut_off(for_s: float, **more: object) -> Scene:
    """Make the scene of work on aws, which has been partitioned for so long."""
    scene = Scene(
        record=recorded(at()), copies=(copy_at(),), health={"aws": partitioned(for_s)}, guarantee=ALO, nodes=2
    )
    return replace(scene, **more)  # type: ignore[arg-type]  # any field


STAYS = {"reason": "ClusterUnseen", "left": [("aws", 1, "Running")]}
MOVED = {"reason": "Moving", "deliver": ("gcp", 2), "left": [("gcp", 2, "Delivering")]}


@pytest.mark.parametrize(
    ("scene", "after_s", "expected"),
    [
        pytest.param(cut_off(86400), 0.0, STAYS, id="by default it never moves"),
        pytest.param(cut_off(599), AFTER_S, STAYS, id="before the time it stays"),
        pytest.param(cut_off(600), AFTER_S, MOVED, id="then it starts elsewhere"),
        pytest.param(cut_off(86400, guarantee=AMO), AFTER_S, STAYS, id="but AtMostOnce waits, however long"),
        pytest.param(
            cut_off(601, record=recorded(at(), moves=(Move("own", "aws", "Draining", 1, NOW_S - 9, NOW_S - 9),))),
            AFTER_S,
            {"reason": "CoolingDown", "left": [("aws", 1, "Running")]},
            id="the cooldown holds: only Down overrides it",
        ),
        pytest.param(
            cut_off(601, record=recorded(at("gcp", epoch=2)), copies=(copy_at(), copy_at("gcp", epoch=2))),
            AFTER_S,
            {"reason": "Running", "left": [("gcp", 2, "Running")]},
            id="what has moved leaves its old copy alone while that can't be reached",
        ),
        pytest.param(
            cut_off(601, record=recorded(epoch=2), copies=(copy_at(),)),
            AFTER_S,
            {"reason": "Delivering", "deliver": ("gcp", 3), "left": [("gcp", 3, "Delivering")]},
            id="nor is a third place kept from it by that copy",
        ),
        pytest.param(
            cut_off(
                0,
                record=recorded(at("gcp", epoch=2)),
                copies=(copy_at(), copy_at("gcp", epoch=2)),
                health={"aws": HEALTHY},
            ),
            AFTER_S,
            {"reason": "Running", "release": ["aws"], "left": [("gcp", 2, "Running")]},
            id="which goes as soon as it can be reached",
        ),
    ],
)
def test_work_on_a_partitioned_cluster(scene: Scene, after_s: float, expected: dict[str, object]) -> None:
    policy = ClusterPolicy(moves=MoveBudget(move_partitioned_after_s=after_s))
    (step,) = decide(replace(scene.snapshot(), policy=policy), move_tokens=9)
    assert summary(step) == expected


def test_it_is_looked_at_when_its_time_comes_and_says_what_is_the_matter() -> None:
    policy = ClusterPolicy(moves=MoveBudget(move_partitioned_after_s=AFTER_S))
    (step,) = decide(replace(cut_off(100).snapshot(), policy=policy), move_tokens=9)
    assert step.retry_s == NOW_S + 500
    assert "its agent is heard through gcp" in said(step).message
    (waits,) = decide(replace(cut_off(100, guarantee=AMO).snapshot(), policy=policy), move_tokens=9)
    assert waits.retry_s is None
