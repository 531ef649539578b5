"""Work that has a place on a cluster that is not lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.builders import DOWN, HEALTHY, a_workload, constraints, some_data
from tests.unit.decide.builders import (
    ALO,
    AMO,
    CREDENTIALS,
    DELIVERING,
    NOW_S,
    PENDING,
    RECOVERING,
    RELEASING,
    SUSPECT,
    UID,
    Scene,
    at,
    copy_at,
    recorded,
    said,
    summary,
)

from tradewind.model.placement import Move
from tradewind.model.plan import Refusal, Wake
from tradewind.model.policy import Mode
from tradewind.model.workload import Market

NOT_AWS = a_workload(constraints=constraints(deny_providers=("aws",)))
UNREADABLE = Refusal("InvalidSpec", "spec.type: is required", Wake.WORKLOAD)
TAKES_422 = Refusal("RefusedByMember", "The member refuses it: spec.selector: field is immutable", Wake.CLUSTER)


@pytest.mark.parametrize("guarantee", [AMO, ALO])
@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(
            Scene(),
            {"reason": "Delivering", "deliver": ("aws", 1), "left": [("aws", 1, "Delivering")]},
            id="new work goes to the cheapest",
        ),
        pytest.param(
            Scene(health={"aws": SUSPECT, "gcp": RECOVERING}),
            {"reason": "Delivering", "deliver": ("own", 1), "left": [("own", 1, "Delivering")]},
            id="among the healthy",
        ),
        pytest.param(
            Scene(health={"aws": DOWN, "gcp": DOWN, "own": SUSPECT}),
            {"reason": "Unschedulable"},
            id="with none of them it waits",
        ),
        pytest.param(
            Scene(record=recorded(at(state=DELIVERING))),
            {"reason": "Delivering", "deliver": ("aws", 1), "left": [("aws", 1, "Delivering")]},
            id="a promise that a crash left open is kept, with its epoch",
        ),
        pytest.param(
            Scene(record=recorded(at(state=DELIVERING)), copies=(copy_at(state=PENDING),)),
            {"reason": "Starting", "left": [("aws", 1, "Pending")]},
            id="the record follows the copy",
        ),
        pytest.param(
            Scene(record=recorded(at(state=PENDING)), copies=(copy_at(),)),
            {"reason": "Running", "left": [("aws", 1, "Running")]},
            id="until it runs",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(state=PENDING),)),
            {"reason": "Starting", "left": [("aws", 1, "Pending")]},
            id="and back where its pods are lost",
        ),
        pytest.param(
            Scene(record=recorded(at()), health={"gcp": DOWN}),
            {"reason": "Delivering", "deliver": ("aws", 2), "left": [("aws", 2, "Delivering")]},
            id="a copy that has vanished is made anew, in a new epoch",
        ),
        pytest.param(
            Scene(record=recorded(at()), bound={("other", 1): 2, (UID, 0): 2}, health={"gcp": DOWN}),
            {"reason": "Delivering", "deliver": ("aws", 2), "left": [("aws", 2, "Delivering")]},
            id="pods of others are none of its own",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(state=RELEASING),)),
            {"reason": "Replacing", "left": [("aws", 1, "Releasing")]},
            id="a copy that somebody deletes is waited for",
        ),
        pytest.param(
            Scene(record=recorded(at(state=RELEASING))),
            {"reason": "Delivering", "deliver": ("aws", 2), "left": [("aws", 2, "Delivering")]},
            id="and then made anew",
        ),
        pytest.param(
            Scene(record=recorded(at(epoch=2, state=DELIVERING)), copies=(copy_at(epoch=1),)),
            {"reason": "Replacing", "release": ["aws"], "left": [("aws", 2, "Delivering")]},
            id="an old copy on the same cluster goes before the new one comes",
        ),
        pytest.param(
            Scene(record=recorded(at("gcp", epoch=2)), copies=(copy_at("aws"), copy_at("gcp", epoch=2))),
            {"reason": "Running", "release": ["aws"], "left": [("gcp", 2, "Running")]},
            id="a stale copy elsewhere is removed",
        ),
        pytest.param(
            Scene(
                record=recorded(at("gcp", epoch=2)),
                copies=(copy_at("aws"), copy_at("gcp", epoch=2)),
                health={"aws": DOWN},
            ),
            {"reason": "Running", "left": [("gcp", 2, "Running")]},
            id="but not from a cluster that can't be seen",
        ),
        pytest.param(
            Scene(
                record=recorded(at("gcp", epoch=2)),
                copies=(copy_at("aws"), copy_at("gcp", epoch=2)),
                health={"aws": RECOVERING},
            ),
            {"reason": "Running", "release": ["aws"], "left": [("gcp", 2, "Running")]},
            id="when that returns it goes first of all",
        ),
        pytest.param(
            Scene(record=recorded(at("gcp")), copies=(copy_at("gcp", uid="another"),)),
            {"reason": "Replacing", "release": ["gcp"], "left": [("gcp", 1, "Running")]},
            id="a copy of another workload of that name is not ours",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), generation=2),
            {"reason": "Delivering", "deliver": ("aws", 1), "left": [("aws", 1, "Running")]},
            id="a new spec goes to the copy that runs, in the same epoch",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), health={"aws": SUSPECT}),
            {"left": [("aws", 1, "Running")]},
            id="a silent cluster keeps its work, and nothing is written",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), health={"aws": CREDENTIALS}),
            {"reason": "ClusterUnseen", "left": [("aws", 1, "Running")]},
            id="so does one that refuses us",
        ),
        pytest.param(
            Scene(record=recorded(at()), health={"aws": SUSPECT}),
            {"left": [("aws", 1, "Running")]},
            id="what can't be seen has not vanished",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), generation=2, blind=frozenset({"aws"})),
            {"left": [("aws", 1, "Running")]},
            id="and gets no new spec",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), problem=UNREADABLE, health={"aws": DOWN}),
            {"reason": "InvalidSpec", "left": [("aws", 1, "Running")]},
            id="a spec that can't be understood stops nothing and moves nothing",
        ),
    ],
)
def test_placed(scene: Scene, guarantee: object, expected: dict[str, object]) -> None:
    assert summary(replace(scene, guarantee=guarantee).step()) == expected  # type: ignore[arg-type]  # a table's column


def test_work_that_may_run_only_once_waits_for_the_pods_of_a_copy_that_somebody_else_removed() -> None:
    scene = Scene(record=recorded(at()), bound={(UID, 1): 2}, guarantee=AMO)
    assert summary(scene.step()) == {"reason": "Replacing", "left": [("aws", 1, "Running")]}
    assert summary(replace(scene, guarantee=ALO).step())["deliver"] == ("aws", 2)


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), workload=NOT_AWS),
            {"reason": "ProviderDenied", "release": ["aws"], "left": [("aws", 1, "Releasing")]},
            id="work that may not stay is removed first",
        ),
        pytest.param(
            Scene(record=recorded(at(state=RELEASING)), copies=(copy_at(state=RELEASING),), workload=NOT_AWS),
            {"reason": "ProviderDenied", "left": [("aws", 1, "Releasing")]},
            id="its end is waited for",
        ),
        pytest.param(
            Scene(record=recorded(at(state=RELEASING)), workload=NOT_AWS),
            {"reason": "Delivering", "deliver": ("gcp", 2), "left": [("gcp", 2, "Delivering")]},
            id="and then it goes where it may",
        ),
        pytest.param(
            Scene(record=recorded(at(state=DELIVERING)), workload=NOT_AWS),
            {"reason": "ProviderDenied", "left": [("aws", 1, "Releasing")]},
            id="what was promised there is never made",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), workload=NOT_AWS, health={"aws": SUSPECT}),
            {"reason": "ProviderDenied", "left": [("aws", 1, "Releasing")]},
            id="on a silent cluster it can't be removed yet",
        ),
        pytest.param(
            Scene(record=recorded(at(state=RELEASING)), copies=(copy_at(),), health={"aws": HEALTHY}),
            {"reason": "Replacing", "release": ["aws"], "left": [("aws", 1, "Releasing")]},
            id="a release that a crash left open is finished",
        ),
        pytest.param(
            Scene(
                record=recorded(at(market=Market.SPOT)),
                copies=(copy_at(),),
                workload=a_workload(constraints=constraints(markets=(Market.ON_DEMAND,))),
            ),
            {"reason": "MarketNotAllowed", "release": ["aws"], "left": [("aws", 1, "Releasing")]},
            id="the market that it was placed on counts, not the one that the offer has now",
        ),
    ],
)
def test_an_unlawful_place_is_left(scene: Scene, expected: dict[str, object]) -> None:
    assert summary(scene.step()) == expected


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        pytest.param(Scene(), "Recommended", id="a place is shown and not taken"),
        pytest.param(
            Scene(health=dict.fromkeys(("aws", "gcp", "own"), DOWN)), "Unschedulable", id="or why there is none"
        ),
        pytest.param(Scene(record=recorded(at()), copies=(copy_at(),)), "Running", id="what runs runs"),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), health={"aws": DOWN}), "Recommended", id="nothing moves"
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), workload=NOT_AWS), "Recommended", id="nor leaves"
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(), copy_at("gcp", epoch=0))), "Running", id="nor goes"
        ),
        pytest.param(Scene(record=recorded(at()), copies=(copy_at(),), generation=2), "Recommended", id="nor changes"),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(),), workload=a_workload(suspended=True)),
            "Recommended",
            id="nor stops",
        ),
        pytest.param(
            Scene(record=recorded(at()), copies=(copy_at(succeeded=True), copy_at("gcp", epoch=0))),
            "Succeeded",
            id="an end is seen, and others are left alone",
        ),
    ],
)
def test_recommend_touches_nothing(scene: Scene, reason: str) -> None:
    step = replace(scene, mode=Mode.RECOMMEND, guarantee=ALO).step()
    assert (step.deliver, step.release, step.forget, step.abandon) == ((), (), False, ())
    assert [(place.cluster, place.epoch) for place in step.record.placements] == [
        (place.cluster, place.epoch) for place in scene.record.placements
    ]
    assert step.record.epoch == scene.record.epoch
    assert said(step).reason == reason


def test_a_member_that_refuses_a_new_spec_is_shown_and_not_asked_again_at_once() -> None:
    scene = Scene(record=recorded(at()), copies=(copy_at(),), generation=2, vetoes={"aws": TAKES_422})
    step = scene.step()
    assert summary(step) == {"reason": "RefusedByMember", "left": [("aws", 1, "Running")]}
    assert said(step).message == TAKES_422.message
    assert (said(step).placed, said(step).stalled) == (True, True)


def test_what_the_hub_lacks_is_shown_and_nothing_is_promised_meanwhile() -> None:
    missing = Refusal("ConfigMapNotFound", "The pods name ConfigMap settings. Create it.", Wake.CONFIG)
    step = Scene(vetoes=dict.fromkeys(("aws", "gcp", "own"), missing)).step()
    assert summary(step) == {"reason": "ConfigMapNotFound"}
    assert said(step).stalled
    assert said(step).message == missing.message


def test_a_cluster_that_refused_the_work_is_passed_over() -> None:
    step = Scene(vetoes={"aws": TAKES_422}).step()
    assert [place.cluster for place in step.deliver] == ["gcp"]


def test_a_move_is_dated_when_its_copy_is_there_and_when_it_runs() -> None:
    move = Move("aws", "gcp", "ApiServerSilent", 2, detected_s=NOW_S - 20, decided_s=NOW_S - 10)
    arrived = Scene(
        record=recorded(at("gcp", epoch=2), moves=(move,)), copies=(copy_at("gcp", epoch=2, state=PENDING),)
    )
    moved = arrived.step().record.moves[0]
    assert (moved.delivered_s, moved.running_s) == (NOW_S, 0.0)
    ran = replace(arrived.then(arrived.step()), copies=(copy_at("gcp", epoch=2),)).step().record.moves[0]
    assert (ran.delivered_s, ran.running_s) == (NOW_S, NOW_S)


def test_a_delivery_is_dated_when_it_was_accepted_not_when_its_status_followed() -> None:
    move = Move("aws", "gcp", "ApiServerSilent", 2, detected_s=NOW_S - 20, decided_s=NOW_S - 10)
    scene = Scene(record=recorded(at("gcp", epoch=2), moves=(move,)), copies=(copy_at("gcp", epoch=2),))
    moved = replace(scene, delivered_s=NOW_S - 9).step().record.moves[0]
    assert (moved.delivered_s, moved.running_s) == (NOW_S - 9, NOW_S)


def test_new_work_waits_for_the_first_look_at_a_cluster_that_was_declared_a_moment_ago() -> None:
    scene = Scene(settling=frozenset({"gcp"}))
    waiting = scene.step()
    assert (said(waiting).reason, waiting.deliver) == ("FleetSettling", ())
    assert waiting.retry_s is not None
    assert replace(scene, settling=frozenset()).step().deliver


def test_work_of_a_lost_cluster_does_not_wait_for_a_new_one_to_settle() -> None:
    scene = Scene(
        record=recorded(at()),
        health={"aws": DOWN},
        guarantee=ALO,
        settling=frozenset({"own"}),
        blind=frozenset({"aws"}),
    )
    step = scene.step()
    assert [place.cluster for place in step.deliver] == ["gcp"]


def test_a_starting_copy_says_how_many_of_its_pods_have_a_node() -> None:
    scene = Scene(record=recorded(at()), copies=(copy_at(state=PENDING, pods=4),))
    assert "0 of 4 pods" in said(scene.step()).message


def test_the_replicas_that_were_priced_are_recorded_and_stay_those_of_the_copy() -> None:
    work = a_workload(data=(some_data(1, "gcp/here", "aws/here"), some_data(1, "gcp/here", name="labels")))
    first = Scene(workload=work).step()
    (place,) = first.record.placements
    assert (place.cluster, place.sources) == ("aws", (("data", "aws/here"), ("labels", "gcp/here")))
    changed = replace(work, data=(some_data(1, "gcp/here"),))
    again = Scene(workload=changed, record=first.record, copies=(copy_at(),), generation=2).step()
    assert summary(again)["deliver"] == ("aws", 1)
    assert again.record.placements[0].sources == place.sources


def test_a_copy_that_is_about_to_run_leaves_the_words_of_its_decision_and_is_looked_at_again() -> None:
    place = replace(at(state=DELIVERING), since_s=NOW_S - 4)
    step = Scene(record=recorded(place), copies=(copy_at(state=PENDING),)).step()
    assert (step.situation, step.record.placements, step.deliver) == (None, (place,), ())
    assert step.retry_s == NOW_S + 6
    later = Scene(record=recorded(replace(place, since_s=NOW_S - 10)), copies=(copy_at(state=PENDING),)).step()
    assert said(later).reason == "Starting"


@pytest.mark.parametrize(
    ("changed_s", "since_s"),
    [
        pytest.param(NOW_S - 30, NOW_S - 30, id="when it was seen to change, however late that is written"),
        pytest.param(0.0, NOW_S, id="now, where that was not seen"),
        pytest.param(NOW_S - 3600, NOW_S - 600, id="not before it was placed"),
        pytest.param(NOW_S + 60, NOW_S, id="not later than now"),
    ],
)
def test_a_copy_has_run_since(changed_s: float, since_s: float) -> None:
    step = Scene(record=recorded(at(state=PENDING)), copies=(copy_at(),), changed_s=changed_s).step()
    assert step.record.placements[0].running_since_s == since_s
