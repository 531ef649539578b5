from __future__ import annotations

from typing import Any

import pytest

from tradewind.model.placement import CopyState
from tradewind.state.copies import copy_from

Manifest = dict[str, Any]
LABELS = {"tradewind.dev/workload": "train", "tradewind.dev/uid": "u", "tradewind.dev/epoch": "3"}


def an_object(kind: str, *, spec: Manifest, status: Manifest, **metadata: Any) -> Manifest:
    found = {"name": "train", "namespace": "research", "uid": "o", "labels": LABELS, "generation": 2, **metadata}
    return {"kind": kind, "metadata": found, "spec": spec, "status": status}


def condition(kind: str, status: str = "True") -> Manifest:
    return {"conditions": [{"type": kind, "status": status, "message": "said"}]}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "expected"),
    [
        pytest.param("Job", {}, {}, (CopyState.PENDING, None, 1), id="a Job without pods is pending"),
        pytest.param(
            "Job", {"parallelism": 2}, {"ready": 1}, (CopyState.PENDING, None, 2), id="half its pods are ready"
        ),
        pytest.param(
            "Job", {"parallelism": 2}, {"ready": 2}, (CopyState.RUNNING, None, 2), id="all its pods are ready"
        ),
        pytest.param(
            "Job",
            {"parallelism": 4, "completions": 4},
            {"ready": 1, "succeeded": 3},
            (CopyState.RUNNING, None, 1),
            id="the pods that are still to succeed are ready",
        ),
        pytest.param("Job", {}, condition("Complete"), (CopyState.FINISHED, True, 0), id="a Job is complete"),
        pytest.param("Job", {}, condition("Failed"), (CopyState.FINISHED, False, 0), id="a Job has failed"),
        pytest.param(
            "Job", {}, condition("Complete", "False"), (CopyState.PENDING, None, 1), id="a condition does not hold"
        ),
        pytest.param("Job", {}, condition("FailureTarget"), (CopyState.PENDING, None, 1), id="a Job is about to fail"),
        pytest.param(
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 2, "updatedReplicas": 2, "availableReplicas": 2},
            (CopyState.RUNNING, None, 2),
            id="a Deployment is available in full",
        ),
        pytest.param(
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2},
            (CopyState.PENDING, None, 2),
            id="a Deployment's newest template has not been seen",
        ),
        pytest.param(
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 2},
            (CopyState.PENDING, None, 2),
            id="old pods still serve",
        ),
    ],
)
def test_a_copy_is_read_from_its_member(
    kind: str, spec: Manifest, status: Manifest, expected: tuple[CopyState, bool | None, int]
) -> None:
    copy = copy_from("aws", an_object(kind, spec=spec, status=status))
    assert copy is not None
    assert (copy.state, copy.succeeded, copy.pods_wanted) == expected
    assert copy.epoch == 3


def test_a_copy_that_is_being_deleted_is_releasing_whatever_its_status_says() -> None:
    obj = an_object("Job", spec={}, status={"ready": 1}, deletionTimestamp="2026-01-01T00:00:00Z")
    copy = copy_from("aws", obj)
    assert copy is not None
    assert copy.state is CopyState.RELEASING


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({}, id="no labels"),
        pytest.param({"tradewind.dev/workload": "train"}, id="no epoch"),
        pytest.param(LABELS | {"tradewind.dev/epoch": "three"}, id="an epoch that is no number"),
    ],
)
def test_an_object_whose_labels_are_not_ours_is_no_copy(labels: dict[str, str]) -> None:
    assert copy_from("aws", an_object("Job", spec={}, status={}, labels=labels)) is None
