"""`tradewind plan` with Datasets: looked up in the files, shared or not, and required by a policy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.builders import VERSION, Manifest, a_federated_cluster, an_ai_workload, write

from tradewind.cli.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED: Manifest = {
    "apiVersion": VERSION,
    "kind": "ClusterPlacementPolicy",
    "metadata": {"name": "default"},
    "spec": {"datasetsRequired": True},
}


def a_dataset(namespace: str, *locations: str, shared: tuple[str, ...] = (), law: tuple[str, ...] = ()) -> Manifest:
    """Make a Dataset `scans` of 1 TB."""
    spec: Manifest = {"size": "1T", "replicas": [{"location": location} for location in locations]}
    if shared:
        spec["sharedWith"] = {"namespaces": list(shared)}
    if law:
        spec["residency"] = {"jurisdictions": list(law)}
    return {
        "apiVersion": VERSION,
        "kind": "Dataset",
        "metadata": {"name": "scans", "namespace": namespace},
        "spec": spec,
    }


def a_reader(namespace: str = "research", of: str = "") -> Manifest:
    """Make work that reads the Dataset `scans` of a namespace, by default its own."""
    work = an_ai_workload("reader", namespace=namespace)
    reference = {"name": "scans", **({"namespace": of} if of else {})}
    work["spec"]["data"] = [{"name": "scans", "datasetRef": reference}]
    return work


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A Spanish cluster, and a German one that is cheaper by less than what a terabyte of egress costs."""
    return write(
        tmp_path / "fleet",
        a_federated_cluster("aws-es", region="eu-south-2", jurisdiction="ES", usd="4"),
        a_federated_cluster("gcp-de", provider="gcp", region="europe-west3", jurisdiction="DE", usd="3.9"),
    )


def planned(fleet: Path, *objects: Manifest) -> dict[str, Any]:
    file = write(fleet.with_name("objects"), *objects)
    result = CliRunner().invoke(plan, ["-f", str(fleet), "-f", str(file), "-o", "json"])
    assert result.exit_code == 0, result.stderr
    (workload,) = json.loads(result.stdout)["workloads"]
    found: dict[str, Any] = workload
    return found


def cluster_of(workload: dict[str, Any]) -> str:
    return str(workload["placements"][0]["cluster"])


def test_work_goes_to_where_its_dataset_has_a_replica(fleet: Path) -> None:
    assert cluster_of(planned(fleet, a_reader(), a_dataset("research", "aws/eu-south-2"))) == "aws-es"
    both = a_dataset("research", "aws/eu-south-2", "gcp/europe-west3")
    assert cluster_of(planned(fleet, a_reader(), both)) == "gcp-de"


def test_the_law_of_a_dataset_binds_work_that_says_nothing_of_law(fleet: Path) -> None:
    bound = a_dataset("research", "gcp/europe-west3", "aws/eu-south-2", law=("ES",))
    found = planned(fleet, a_reader(), bound)
    assert cluster_of(found) == "aws-es"
    (refused,) = [each for each in found["candidates"] if each["cluster"] == "gcp-de"]
    assert any(reason.startswith("ResidencyDenied") for reason in refused["reasons"])


def test_work_without_its_dataset_has_no_place_and_says_why(fleet: Path) -> None:
    found = planned(fleet, a_reader())
    assert (found["placements"], found["reason"]) == ([], "DatasetNotFound")


def test_a_dataset_of_another_namespace_must_be_shared(fleet: Path) -> None:
    reader = a_reader(of="radiology")
    shared = a_dataset("radiology", "aws/eu-south-2", shared=("research",))
    assert cluster_of(planned(fleet, reader, shared)) == "aws-es"
    kept = planned(fleet, reader, a_dataset("radiology", "aws/eu-south-2"))
    missing = planned(fleet, reader)
    assert kept == missing
    assert kept["reason"] == "DatasetNotShared"


def test_inline_data_has_no_place_where_datasets_are_required(fleet: Path) -> None:
    work = an_ai_workload("reader", namespace="research", data="aws/eu-south-2")
    assert planned(fleet, work, REQUIRED)["reason"] == "InlineDataForbidden"
    named = planned(fleet, a_reader(), a_dataset("research", "aws/eu-south-2"), REQUIRED)
    assert cluster_of(named) == "aws-es"


def test_a_bad_dataset_is_a_bad_file(fleet: Path) -> None:
    bad = a_dataset("research", "aws/eu-south-2")
    bad["spec"]["replicas"] = []
    file = write(fleet.with_name("objects"), bad)
    result = CliRunner().invoke(plan, ["-f", str(fleet), "-f", str(file)])
    assert result.exit_code == 2
    assert "spec.replicas: needs at least 1" in result.stderr
