"""What nobody on a member has looked at, told from what waits for room."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.state.manifests import a_copy, a_pod

from tradewind.state.launching import Launching

Manifest = dict[str, Any]


def a_job(**parts: Any) -> Manifest:
    job = a_copy()
    return {**job, "status": {}, **{name: {**(job.get(name) or {}), **part} for name, part in parts.items()}}


def an_unbound_pod(**parts: Any) -> Manifest:
    pod = a_pod("p1")
    pod["spec"].pop("nodeName", None)
    pod["status"] = {}
    return {**pod, **{name: {**pod[name], **part} for name, part in parts.items()}}


UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


@pytest.mark.parametrize(
    ("kind", "item", "waiting"),
    [
        pytest.param("Job", a_job(), 1, id="a Job that its controller has not begun"),
        pytest.param("Job", {**a_job(), "status": {"startTime": "now"}}, 0, id="one that it has"),
        pytest.param("Job", a_job(spec={"suspend": True}), 0, id="one that a queue holds back"),
        pytest.param("Job", a_job(spec={"managedBy": "x.example/y"}), 0, id="one that another controller manages"),
        pytest.param("Job", a_job(metadata={"deletionTimestamp": "now"}), 0, id="one that is being deleted"),
        pytest.param("Job", a_job(metadata={"labels": {}}), 0, id="one that is none of ours"),
        pytest.param("Deployment", a_job(), 1, id="a Deployment that its controller has not seen"),
        pytest.param(
            "Deployment", {**a_job(), "status": {"observedGeneration": 1}}, 0, id="a Deployment that it has seen"
        ),
        pytest.param("Pod", an_unbound_pod(), 1, id="a pod that no scheduler has looked at"),
        pytest.param("Pod", an_unbound_pod(status=UNSCHEDULABLE), 0, id="a pod that waits for room"),
        pytest.param("Pod", an_unbound_pod(spec={"nodeName": "n1"}), 0, id="a pod that has its node"),
        pytest.param("Pod", an_unbound_pod(spec={"schedulerName": "mine"}), 0, id="a pod for another scheduler"),
    ],
)
def test_what_waits(kind: str, item: Manifest, waiting: int) -> None:
    listed, changed = Launching(), Launching()
    listed.replace(kind, [item])
    changed.change(kind, item, deleted=False)
    assert (listed.waiting, changed.waiting) == (waiting, waiting)


def test_what_is_looked_at_counts_as_launched_and_what_is_deleted_does_not() -> None:
    launching = Launching()
    launching.replace("Job", [a_job()])
    launching.change("Pod", an_unbound_pod(), deleted=False)
    assert (launching.waiting, launching.launched) == (2, 0)
    launching.change("Pod", an_unbound_pod(), deleted=True)
    assert (launching.waiting, launching.launched) == (1, 0)
    launching.change("Job", {**a_job(), "status": {"startTime": "now"}}, deleted=False)
    assert (launching.waiting, launching.launched) == (0, 1)


def test_a_fresh_list_counts_what_was_looked_at_meanwhile() -> None:
    launching = Launching()
    launching.replace("Job", [a_job()])
    launching.replace("Job", [{**a_job(), "status": {"startTime": "now"}}])
    assert (launching.waiting, launching.launched) == (0, 1)
