"""Work on several clusters at once: shares that are kept, replaced one by one, and divided anew."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

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
    Scene,
    a_service,
    at,
    copy_at,
    recorded,
    said,
    summary,
)

from tradewind.model.placement import Record
from tradewind.model.workload import Replicas, Spread

if TYPE_CHECKING:
    from tradewind.model.workload import Workload

TWO, THREE = Spread(2), Spread(3)


def a_spread(replicas: int = 4, spread: Spread = TWO) -> Workload:
    """Make a Deployment on several clusters."""
    return replace(a_service(replicas=replicas), spread=spread)


copy_of = partial(copy_at, kind="Deployment")
"""What a member shows of a Deployment."""


def on(*clusters: str, replicas: int = 2, **more: object) -> Scene:
    """Make the scene of a Deployment that runs on these clusters."""
    places = [at(name, replicas=replicas, ran_s=60.0, usd_per_hour=8.0) for name in clusters]
    copies = tuple(copy_of(name, pods=replicas) for name in clusters)
    scene = Scene(record=recorded(*places), copies=copies, workload=a_spread(), guarantee=ALO, nodes=4)
    return replace(scene, **more)  # type: ignore[arg-type]  # any field


def pods(record: Record) -> dict[str, int]:
    """Say how many pods are where."""
    return {place.cluster: place.replicas for place in record.placements}


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        pytest.param(a_spread(4), {"aws": 2, "gcp": 2}, id="divided"),
        pytest.param(a_spread(5), {"aws": 3, "gcp": 2}, id="the cheapest has one more"),
        pytest.param(a_spread(3, THREE), {"aws": 1, "gcp": 1, "own": 1}, id="on all there are"),
        pytest.param(a_spread(3, Spread(2, 1, Replicas.DUPLICATED)), {"aws": 3, "gcp": 3}, id="or each with all"),
    ],
)
def test_new_work_gets_all_its_places_at_once_in_one_epoch(work: Workload, expected: dict[str, int]) -> None:
    step = Scene(workload=work, nodes=4, guarantee=ALO).step()
    assert pods(step.record) == expected
    assert {place.epoch for place in step.record.placements} == {1}
    assert step.deliver == step.record.placements
    assert [place.usd_per_hour for place in step.deliver] == [
        pytest.approx(place.replicas * 8 * {"aws": 1.0, "gcp": 2.0, "own": 3.0}[place.cluster])
        for place in step.deliver
    ]


def test_without_room_for_all_its_places_it_has_none() -> None:
    step = Scene(workload=a_spread(), nodes=1, guarantee=ALO).step()
    assert summary(step) == {"reason": "SpreadUnsatisfied"}


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(
            on("aws", "gcp"),
            {"reason": "Running", "left": [("aws", 1, "Running"), ("gcp", 1, "Running")]},
            id="all is well",
        ),
        pytest.param(
            on("aws", "gcp", health={"aws": DOWN}),
            {"reason": "Moving", "deliver": ("own", 2), "left": [("gcp", 1, "Running"), ("own", 2, "Delivering")]},
            id="of a lost cluster only the share moves",
        ),
        pytest.param(
            on("aws", "gcp", health={"aws": DOWN}, guarantee=AMO),
            {"reason": "OldCopyMayRun", "left": [("aws", 1, "Running"), ("gcp", 1, "Running")]},
            id="unless it may still run there",
        ),
        pytest.param(
            on("aws", "gcp", health={"aws": DOWN}, absent=frozenset({"own"})),
            {"reason": "SpreadUnsatisfied", "left": [("aws", 1, "Running"), ("gcp", 1, "Running")]},
            id="with no third place the other share goes on",
        ),
        pytest.param(
            on("aws", "gcp", health={"aws": DOWN}, workload=replace(a_spread(), spread=Spread(1))),
            {"reason": "Replacing", "left": [("aws", 1, "Releasing"), ("gcp", 1, "Running")]},
            id="of two places of which one is wanted, that of the lost cluster goes",
        ),
        pytest.param(
            on("aws", "gcp", copies=(copy_of("gcp", pods=2),)),
            {"reason": "Delivering", "deliver": ("aws", 2), "left": [("gcp", 1, "Running"), ("aws", 2, "Delivering")]},
            id="a share that has vanished is made anew, in an epoch of its own",
        ),
        pytest.param(
            on("aws", "gcp", copies=(copy_of("aws", state=RELEASING), copy_of("gcp", pods=2))),
            {"reason": "Replacing", "left": [("aws", 1, "Releasing"), ("gcp", 1, "Running")]},
            id="one that somebody deletes is waited for",
        ),
        pytest.param(
            on("aws", "gcp", draining=frozenset({"aws"})),
            {
                "reason": "Draining",
                "deliver": ("own", 2),
                "left": [("aws", 1, "Leaving"), ("gcp", 1, "Running"), ("own", 2, "Delivering")],
            },
            id="a drained share is handed over without a gap",
        ),
        pytest.param(
            on("aws", "gcp", draining=frozenset({"aws"}), guarantee=AMO),
            {
                "reason": "Draining",
                "release": ["aws"],
                "left": [("aws", 1, "Releasing"), ("gcp", 1, "Running"), ("own", 2, "Reserved")],
            },
            id="or one copy after the other",
        ),
        pytest.param(
            on("gcp", "own"),
            {"reason": "Running", "left": [("gcp", 1, "Running"), ("own", 1, "Running")]},
            id="a cheaper place moves none of them: they were chosen together",
        ),
        pytest.param(
            on("aws", "gcp", deleting=True),
            {
                "reason": "Deleting",
                "release": ["aws", "gcp"],
                "left": [("aws", 1, "Running"), ("gcp", 1, "Running")],
            },
            id="a delete takes all",
        ),
        pytest.param(
            on("aws", "gcp", workload=replace(a_spread(), suspended=True)),
            {
                "reason": "Suspended",
                "release": ["aws", "gcp"],
                "left": [("aws", 1, "Releasing"), ("gcp", 1, "Releasing")],
            },
            id="so does a suspend",
        ),
        pytest.param(
            on("aws", "gcp", record=Record(), rebuilt=True),
            {"reason": "Adopted", "left": [("gcp", 1, "Running"), ("aws", 1, "Running")]},
            id="a hub without a memory adopts all",
        ),
        pytest.param(
            on("aws", "gcp", copies=(copy_of("aws", pods=2), copy_of("gcp", pods=2), copy_of("own", epoch=0))),
            {"reason": "Running", "release": ["own"], "left": [("aws", 1, "Running"), ("gcp", 1, "Running")]},
            id="what no share promises is stale",
        ),
        pytest.param(
            on("aws", "gcp", workload=a_service(replicas=4), generation=2),
            {
                "reason": "Replacing",
                "deliver": ("aws", 1),
                "release": ["gcp"],
                "left": [("aws", 1, "Running"), ("gcp", 1, "Releasing")],
            },
            id="a spec that asks for one place gives up the dearest",
        ),
        pytest.param(
            on("aws", "gcp", workload=a_spread(4, THREE), generation=2),
            {
                "reason": "Delivering",
                "deliver": [("aws", 1), ("gcp", 1), ("own", 2)],
                "left": [("aws", 1, "Running"), ("gcp", 1, "Running"), ("own", 2, "Delivering")],
            },
            id="one that asks for a third keeps the two",
        ),
    ],
)
def test_work_that_is_spread(scene: Scene, expected: dict[str, object]) -> None:
    places = tuple(
        replace(place, usd_per_hour=16.0 if place.cluster == "gcp" else place.usd_per_hour)
        for place in scene.record.placements
    )
    assert summary(replace(scene, record=replace(scene.record, placements=places)).step()) == expected


def test_a_share_whose_old_copy_may_still_run_is_not_placed_anew() -> None:
    """Suspended and resumed while gcp could not be looked at: that of aws has ended, that of gcp may run."""
    scene = on("aws", "gcp")
    aws, gcp = (replace(place, state=RELEASING) for place in scene.record.placements)
    resumed = replace(scene, record=replace(scene.record, placements=(aws, gcp)), copies=(), blind=frozenset({"gcp"}))
    step = resumed.step()
    assert [(place.cluster, place.replicas) for place in step.deliver] == [("aws", 2)]
    assert [(place.cluster, place.state) for place in step.record.placements] == [
        ("gcp", RELEASING),
        ("aws", DELIVERING),
    ]


def test_all_shares_must_run_for_it_to_run_and_it_says_how_many_do() -> None:
    assert said(on("aws", "gcp").step()).message == "Runs with h100 on aws (2), h100 on gcp (2)."
    half = on("aws", "gcp", copies=(copy_of("aws", pods=2), copy_of("gcp", pods=2, state=PENDING))).step()
    assert (said(half).reason, said(half).ready) == ("Starting", False)
    assert said(half).message.startswith("1 of 2 places run. Starts with h100 on gcp")


def test_a_share_that_is_lost_takes_its_pods_along_and_the_move_is_recorded() -> None:
    step = on("aws", "gcp", health={"aws": DOWN}).step()
    assert pods(step.record) == {"gcp": 2, "own": 2}
    [move] = step.record.moves
    assert (move.from_cluster, move.to_cluster, move.epoch) == ("aws", "own", 2)


def test_when_the_lost_cluster_returns_its_share_is_stale_and_the_others_stay() -> None:
    moved = on("aws", "gcp", health={"aws": DOWN}).step()
    back = replace(on("aws", "gcp"), record=moved.record, copies=(*on("aws", "gcp").copies, copy_of("own", epoch=2)))
    assert summary(back.step())["release"] == ["aws"]
    assert pods(back.step().record) == {"gcp": 2, "own": 2}


@pytest.mark.parametrize(
    ("replicas", "spread", "expected"),
    [
        pytest.param(8, TWO, {"aws": 4, "gcp": 4}, id="more pods"),
        pytest.param(3, TWO, {"aws": 2, "gcp": 1}, id="fewer"),
        pytest.param(4, Spread(2, 1, Replicas.DUPLICATED), {"aws": 4, "gcp": 4}, id="all of them on each"),
    ],
)
def test_a_spec_that_changes_divides_the_pods_anew_where_they_are(
    replicas: int, spread: Spread, expected: dict[str, int]
) -> None:
    step = on("aws", "gcp", workload=a_spread(replicas, spread), generation=2).step()
    assert pods(step.record) == expected
    assert sorted((place.cluster, place.replicas) for place in step.deliver) == sorted(expected.items())


def test_a_place_that_is_given_up_leaves_its_pods_to_the_others() -> None:
    step = on("aws", "gcp", workload=a_service(replicas=4), generation=2).step()
    assert {place.cluster: place.replicas for place in step.deliver} == {"aws": 4}


def test_while_one_share_is_handed_over_the_others_stay() -> None:
    places = (
        at("aws", state=LEAVING, replicas=2),
        at("gcp", replicas=2),
        at("own", epoch=2, state=DELIVERING, replicas=2),
    )
    copies = (copy_of("aws", pods=2), copy_of("gcp", pods=2), copy_of("own", epoch=2, pods=2))
    drained = frozenset({"aws", "gcp"})
    scene = on("aws", record=recorded(*places), copies=copies, draining=drained)
    step = scene.step()
    assert summary(step) == {
        "reason": "Replacing",
        "release": ["aws"],
        "left": [("aws", 1, "Releasing"), ("gcp", 1, "Running"), ("own", 2, "Running")],
    }
    assert step.record.placements[1].since_s == NOW_S - 600
