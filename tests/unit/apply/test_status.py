from __future__ import annotations

import json
from typing import Any

from tests.unit.decide.builders import DELIVERING, NOW_S, Scene, at, copy_at, recorded

from tradewind.apply.conditions import conditions
from tradewind.apply.status import changed_fields, status_from

Manifest = dict[str, Any]
MAX_BYTES = 8 * 1024


def status_of(scene: Scene, before: Manifest | None = None) -> Manifest:
    return status_from(scene.step(), raw={"status": before or {}}, now_s=NOW_S)


def test_the_list_that_argo_cd_reads_is_there_from_the_first_write_on() -> None:
    assert status_of(Scene(nodes=0))["decisions"] == []


def test_a_decision_names_the_cluster_and_its_reason() -> None:
    status = status_of(Scene())
    assert status["decisions"] == [{"clusterName": "aws", "reason": "Delivering"}]
    assert [candidate["chosen"] for candidate in status["candidates"]] == [True, False, False]


def test_refusals_are_grouped_with_a_count_and_the_names_of_some() -> None:
    (group,) = status_of(Scene(nodes=0))["refused"]
    assert (group["count"], len(group["names"])) == (3, 3)


def test_the_same_situation_writes_nothing_the_second_time() -> None:
    scene = Scene(record=recorded(at()), copies=(copy_at(),))
    first = status_of(scene)
    assert changed_fields(status_of(scene, first), first) == {}


def test_a_condition_keeps_its_time_while_its_status_holds() -> None:
    runs = {"Ready": True, "Placed": True}
    waits = {"Ready": False, "Placed": True}
    first = conditions(runs, reason="Running", message="Runs.", before=(), generation=1, now_s=NOW_S)
    later = conditions(waits, reason="OldCopyMayRun", message="Waits.", before=first, generation=2, now_s=NOW_S + 60)
    assert [c["lastTransitionTime"] == old["lastTransitionTime"] for c, old in zip(later, first, strict=True)] == [
        False,
        True,
    ]
    assert {(c["reason"], c["observedGeneration"]) for c in later} == {("OldCopyMayRun", 2)}


def test_nothing_is_said_while_a_silence_may_pass() -> None:
    scene = Scene(record=recorded(at(state=DELIVERING)), blind=frozenset({"aws"}))
    assert not {"phase", "conditions"} & status_of(scene).keys()


def test_a_whole_status_stays_small() -> None:
    assert len(json.dumps(status_of(Scene()))) < MAX_BYTES
