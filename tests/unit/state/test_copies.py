"""Delivered Jobs and Deployments, read back from their members."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.model.placement import CopyState
from tradewind.model.workload import Key
from tradewind.state.copies import copy_from

Manifest = dict[str, Any]
PENDING, RUNNING = CopyState.PENDING, CopyState.RUNNING
FINISHED, RELEASING = CopyState.FINISHED, CopyState.RELEASING
LABELS = {
    "tradewind.dev/hub": "default",
    "tradewind.dev/workload": "train",
    "tradewind.dev/uid": "u-1",
    "tradewind.dev/epoch": "3",
}
MARKS = {
    "tradewind.dev/offer": "h100-spot",
    "tradewind.dev/market": "Spot",
    "tradewind.dev/generation": "7",
    "tradewind.dev/companions": "v1/Service/web,networking.k8s.io/v1/Ingress/web",
}


def an_object(kind: str, *, spec: Manifest | None = None, status: Manifest | None = None, **metadata: Any) -> Manifest:
    base = {"name": "train", "namespace": "research", "uid": "object-1", "labels": LABELS, "annotations": MARKS}
    return {"kind": kind, "metadata": {**base, **metadata}, "spec": spec or {}, "status": status or {}}


def ended(how: str, message: str = "") -> Manifest:
    return {"conditions": [{"type": how, "status": "True", "message": message}]}


@pytest.mark.parametrize(
    ("spec", "status", "wanted", "state", "succeeded"),
    [
        pytest.param({}, {}, 1, PENDING, None, id="a job without figures is one pod that has not started"),
        pytest.param({"parallelism": 4}, {"ready": 3}, 4, PENDING, None, id="three of four ready are not all"),
        pytest.param({"parallelism": 4}, {"ready": 4}, 4, RUNNING, None, id="four are"),
        pytest.param({"parallelism": 4}, {"active": 4}, 4, PENDING, None, id="active pods need not be ready"),
        pytest.param(
            {"parallelism": 4, "completions": 10},
            {"succeeded": 8, "ready": 2},
            2,
            RUNNING,
            None,
            id="two of ten left",
        ),
        pytest.param(
            {"parallelism": 4, "completions": 2}, {"ready": 2}, 2, RUNNING, None, id="no more pods than completions"
        ),
        pytest.param(
            {"completions": 1}, {"succeeded": 1}, 0, PENDING, None, id="all pods done, and nobody has said so yet"
        ),
        pytest.param({}, ended("Complete"), 0, FINISHED, True, id="complete"),
        pytest.param({}, ended("Failed", "BackoffLimitExceeded"), 0, FINISHED, False, id="failed"),
        pytest.param({}, {**ended("Complete"), "ready": 1}, 0, FINISHED, True, id="complete, whatever else it says"),
        pytest.param(
            {},
            {"conditions": [{"type": "Failed", "status": "False"}]},
            1,
            PENDING,
            None,
            id="a false condition",
        ),
        pytest.param({}, ended("FailureTarget"), 1, PENDING, None, id="about to fail is not failed"),
        pytest.param({}, ended("SuccessCriteriaMet"), 1, PENDING, None, id="about to succeed has not succeeded"),
        pytest.param({}, {"conditions": None}, 1, PENDING, None, id="no conditions at all"),
    ],
)
def test_a_job(
    spec: Manifest,
    status: Manifest,
    wanted: int,
    state: CopyState,
    succeeded: bool | None,  # noqa: FBT001 - a table
) -> None:
    copy = copy_from("aws", an_object("Job", spec=spec, status=status))
    assert copy is not None
    assert (copy.pods_wanted, copy.state, copy.succeeded) == (wanted, state, succeeded)


@pytest.mark.parametrize(
    ("spec", "status", "wanted", "state"),
    [
        pytest.param({}, {}, 1, PENDING, id="a new deployment"),
        pytest.param(
            {"replicas": 2},
            {"observedGeneration": 5, "updatedReplicas": 2, "availableReplicas": 2},
            2,
            RUNNING,
            id="all are new and available",
        ),
        pytest.param(
            {"replicas": 2},
            {"observedGeneration": 4, "updatedReplicas": 2, "availableReplicas": 2},
            2,
            PENDING,
            id="its controller has not seen the newest spec",
        ),
        pytest.param(
            {"replicas": 2},
            {"observedGeneration": 5, "updatedReplicas": 1, "availableReplicas": 2},
            2,
            PENDING,
            id="a rolling update is under way",
        ),
        pytest.param(
            {"replicas": 2},
            {"observedGeneration": 5, "updatedReplicas": 2, "availableReplicas": 1},
            2,
            PENDING,
            id="one is not available",
        ),
        pytest.param({"replicas": 0}, {"observedGeneration": 5}, 0, RUNNING, id="none are wanted"),
    ],
)
def test_a_deployment(spec: Manifest, status: Manifest, wanted: int, state: CopyState) -> None:
    copy = copy_from("aws", an_object("Deployment", spec=spec, status=status, generation=5))
    assert copy is not None
    assert (copy.pods_wanted, copy.state, copy.succeeded) == (wanted, state, None)


def test_a_copy_that_is_being_deleted_is_releasing_whatever_its_pods_do() -> None:
    copy = copy_from("aws", an_object("Job", status={"ready": 1}, deletionTimestamp="2027-01-01T00:00:00Z"))
    assert copy is not None
    assert copy.state is RELEASING


def test_a_success_is_seen_even_while_the_copy_is_being_deleted() -> None:
    copy = copy_from("aws", an_object("Job", status=ended("Complete"), deletionTimestamp="2027-01-01T00:00:00Z"))
    assert copy is not None
    assert (copy.state, copy.succeeded) == (RELEASING, True)


def test_what_a_copy_says_of_itself() -> None:
    copy = copy_from("aws", an_object("Job", status=ended("Failed", "too bad")))
    assert copy is not None
    assert (copy.cluster, copy.kind, copy.key, copy.object_uid) == ("aws", "Job", Key("research", "train"), "object-1")
    assert (copy.workload_uid, copy.epoch, copy.generation) == ("u-1", 3, 7)
    assert (copy.offer, copy.market, copy.message) == ("h100-spot", "Spot", "too bad")
    assert copy.companions == ("v1/Service/web", "networking.k8s.io/v1/Ingress/web")


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(None, id="none"),
        pytest.param({"tradewind.dev/hub": "default"}, id="a companion's"),
        pytest.param({**LABELS, "tradewind.dev/epoch": ""}, id="no epoch"),
        pytest.param({**LABELS, "tradewind.dev/epoch": "-1"}, id="an epoch that is none"),
        pytest.param({**LABELS, "tradewind.dev/epoch": "²"}, id="a digit that is no figure"),
    ],
)
def test_labels_that_make_no_copy(labels: dict[str, str] | None) -> None:
    assert copy_from("aws", an_object("Job", labels=labels)) is None


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param(None, ("", "OnDemand", 0, ()), id="none"),
        pytest.param({"tradewind.dev/generation": "²"}, ("", "OnDemand", 0, ()), id="a generation that is none"),
        pytest.param({"tradewind.dev/market": "Bazaar"}, ("", "OnDemand", 0, ()), id="a market that is none"),
        pytest.param({"tradewind.dev/companions": ",,x,a/b"}, ("", "OnDemand", 0, ()), id="companions that are none"),
        pytest.param({"tradewind.dev/companions": ""}, ("", "OnDemand", 0, ()), id="no companions"),
    ],
)
def test_annotations_that_somebody_spoilt_count_as_not_said(
    annotations: dict[str, str] | None, expected: tuple[object, ...]
) -> None:
    copy = copy_from("aws", an_object("Job", annotations=annotations))
    assert copy is not None
    assert (copy.offer, copy.market, copy.generation, copy.companions) == expected
