"""The status of an AIWorkload: written once for each decision, small, and the same for the same step."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.builders import DOWN, a_cluster, a_node, a_workload, an_ask, an_offer
from tests.unit.decide.builders import ALO, RELEASING, Scene, at, copy_at, recorded

from tradewind.api.workload_status import WorkloadStatus
from tradewind.apply.status import changed_fields, status_from
from tradewind.model.decision import Candidate, Decision, Share, Usd
from tradewind.model.placement import Finished, Move, Situation
from tradewind.model.plan import Conditions, Refusal, Wake
from tradewind.model.workload import Market
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from tradewind.decide.step import Step

Manifest = dict[str, Any]
NOW_S = 1_800_000_000.0
PLACED = Scene()
RUNS = Scene(record=recorded(at()), copies=(copy_at(),))


def written(step: Step, before: Manifest | None = None, *, now_s: float = NOW_S) -> Manifest:
    return status_from(step, raw={"status": before or {}}, now_s=now_s)


def merged(before: Manifest, changes: Manifest) -> Manifest:
    """Merge as the API server does: None removes a field."""
    return {key: value for key, value in {**before, **changes}.items() if value is not None}


def condition(status: Manifest, kind: str) -> Manifest:
    found: Manifest = next(each for each in status["conditions"] if each["type"] == kind)
    return found


SCENES = [
    pytest.param(PLACED, id="placed"),
    pytest.param(RUNS, id="running"),
    pytest.param(Scene(health=dict.fromkeys(("aws", "gcp", "own"), DOWN)), id="unschedulable"),
    pytest.param(replace(RUNS, health={"aws": DOWN}), id="held"),
    pytest.param(replace(RUNS, health={"aws": DOWN}, guarantee=ALO), id="moving"),
    pytest.param(Scene(record=recorded(at()), copies=(copy_at(succeeded=True),)), id="finished"),
    pytest.param(Scene(workload=a_workload(suspended=True)), id="suspended"),
    pytest.param(Scene(problem=Refusal("InvalidSpec", "type: is required", Wake.WORKLOAD)), id="not understood"),
]


@pytest.mark.parametrize("scene", SCENES)
def test_every_status_is_what_the_schema_allows(scene: Scene) -> None:
    WorkloadStatus.model_validate(merged({}, written(scene.step())))


@pytest.mark.parametrize("scene", SCENES)
def test_the_same_step_again_changes_nothing(scene: Scene) -> None:
    step = scene.step()
    first = merged({}, written(step))
    assert changed_fields(written(step, first, now_s=NOW_S + 3600), first) == {}


@pytest.mark.parametrize("scene", SCENES)
def test_decisions_and_conditions_are_always_there(scene: Scene) -> None:
    status = written(scene.step())
    assert isinstance(status["decisions"], list)
    assert [each["type"] for each in status["conditions"]] == ["Ready", "Placed", "Reconciling", "Stalled"]
    assert all(each["reason"] and each["lastTransitionTime"].endswith("Z") for each in status["conditions"])
    assert {each["observedGeneration"] for each in status["conditions"]} == {status["observedGeneration"]}


def test_decisions_name_the_clusters_that_work_is_or_is_to_be_on() -> None:
    assert [each["clusterName"] for each in written(RUNS.step())["decisions"]] == ["aws"]
    leaving = Scene(record=recorded(at(state=RELEASING)), copies=(copy_at(state=RELEASING),))
    assert written(leaving.step())["decisions"] == []
    ended = Scene(record=recorded(at()), copies=(copy_at(succeeded=True),))
    assert written(ended.step())["decisions"] == []


def test_a_condition_keeps_its_time_while_its_status_holds_whatever_its_message() -> None:
    step = RUNS.step()
    first = written(step)
    later = written(
        replace(step, situation=Situation("Running", "Other", "other words", placed=True)), first, now_s=NOW_S + 60
    )
    assert condition(later, "Placed")["lastTransitionTime"] == condition(first, "Placed")["lastTransitionTime"]
    assert condition(later, "Placed")["message"] == "other words"
    assert condition(later, "Ready")["lastTransitionTime"] > condition(first, "Ready")["lastTransitionTime"]


def test_a_step_that_says_nothing_leaves_what_was_said() -> None:
    first = written(RUNS.step())
    quiet = written(replace(RUNS.step(), situation=None), first)
    assert "conditions" not in quiet
    assert "phase" not in quiet
    assert quiet["decisions"] == first["decisions"]


def test_what_was_used_is_shown() -> None:
    effective = written(RUNS.step())["effective"]
    assert (effective["mode"], effective["guarantee"], effective["cooldown"]) == ("Enforce", "AtMostOnce", "300s")


def test_a_budget_is_shown_while_there_is_one_and_taken_out_once_there_is_none() -> None:
    step = RUNS.step()
    assert step.view.policy is not None
    bound = replace(step, view=replace(step.view, policy=replace(step.view.policy, max_usd_per_hour=12.5)))
    first = merged({}, written(bound))
    assert first["effective"]["maxUSDPerHour"] == "12.5000"
    without = written(step, first)["effective"]
    assert without["maxUSDPerHour"] is None
    stored = {**first, "effective": merged(first["effective"], without)}
    assert "maxUSDPerHour" not in stored["effective"]
    assert changed_fields(written(step, stored), stored) == {}


def test_every_share_of_work_that_is_spread_is_a_chosen_candidate() -> None:
    candidates = tuple(Candidate(name, "l4", Market.OWNED, usd=Usd(1.0), loss_h=0.5, grams_co2=99.6) for name in "abc")
    shares = (Share(candidates[0], 2), Share(candidates[1], 1))
    decision = Decision(PLACED.workload.key, candidates[0], "Placed", "", candidates, shares)
    shown = written(replace(PLACED.step(), decision=decision))["candidates"]
    assert [(each["cluster"], each["chosen"]) for each in shown] == [("a", True), ("b", True), ("c", False)]
    assert {(each["lossHours"], each["gramsCO2"]) for each in shown} == {("0.500", "100")}


def test_the_table_shows_the_chosen_and_every_reason_once() -> None:
    fleet = [
        a_cluster("aws", offers=(an_offer(usd=2.0),)),
        a_cluster("gcp", offers=(an_offer(usd=1.0),)),
        *(a_cluster(f"dead-{index}", health=DOWN) for index in range(6)),
        a_cluster("full", nodes=(a_node(free=0),)),
    ]
    (decision,) = plan([an_ask()], fleet=fleet, conditions=Conditions(speeds={"H100-80GB": 1.0}))
    status = written(replace(PLACED.step(), decision=decision))
    assert [(each["cluster"], each["chosen"]) for each in status["candidates"]] == [("gcp", True), ("aws", False)]
    refused = {each["reason"]: each for each in status["refused"]}
    assert set(refused) == {"ClusterNotHealthy", "InsufficientCapacity"}
    assert (refused["ClusterNotHealthy"]["count"], len(refused["ClusterNotHealthy"]["names"])) == (6, 3)
    total = sum(float(value) for value in status["candidates"][0]["usd"].values())
    assert float(status["candidates"][0]["totalUSD"]) == pytest.approx(total, abs=0.001)


def test_a_merge_patch_holds_only_what_changes() -> None:
    first = merged({}, written(PLACED.step()))
    changes = changed_fields(written(replace(PLACED.step(), decision=None), first), first)
    assert changes == {}
    assert changed_fields({"finished": None, "epoch": 2}, {"epoch": 2}) == {}
    assert changed_fields({"finished": None}, {"finished": {"x": 1}}) == {"finished": None}


LONG = "x" * 2000
NAME = "n" * 63


def the_largest_step() -> Step:
    """Make a step with more and longer words than any fleet will have."""
    refusals = tuple(Refusal(f"{'R' * 40}{index}", LONG, Wake.CAPACITY) for index in range(12))
    refused = [
        Candidate(f"{NAME[:-2]}{index}", NAME, Market.ON_DEMAND, refusals, assumed=(LONG,) * 9) for index in range(20)
    ]
    usd = Usd(*(123456789.123456,) * 6)
    feasible = [
        Candidate(f"{NAME[:-2]}{index}", NAME, Market.ON_DEMAND, usd=usd, assumed=(LONG,) * 9) for index in range(20)
    ]
    moves = tuple(Move(NAME, NAME, "R" * 60, 2**31, NOW_S, NOW_S, NOW_S, NOW_S) for _ in range(5))
    place = replace(at(NAME), offer=NAME, usd_total=1e9)
    record = recorded(place, moves=moves, finished=Finished(NAME, 2**31, succeeded=False, at_s=NOW_S, message=LONG))
    decision = Decision(PLACED.workload.key, feasible[0], "Placed", LONG, (*feasible, *refused))
    situation = Situation("Running", "R" * 60, LONG, placed=True)
    return replace(PLACED.step(), record=record, decision=decision, situation=situation)


def test_a_status_is_at_most_eight_kibibytes() -> None:
    status = written(the_largest_step())
    WorkloadStatus.model_validate(merged({}, status))
    assert len(json.dumps(status, separators=(",", ":"))) <= 8192


def test_what_is_cut_is_what_people_read_last() -> None:
    status = written(the_largest_step())
    assert len(status["candidates"]) >= 2
    assert len(status["moves"]) == 5
    assert len(status["refused"]) >= 4
    assert all(len(each["message"]) >= 100 for each in status["refused"])
