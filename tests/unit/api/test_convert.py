"""From AIWorkloads to the core's data, figure by figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewind.api.convert import workload_from
from tradewind.errors import InputError
from tradewind.model.kind import WorkloadType
from tradewind.model.policy import Failback, Guarantee, PolicyLayer
from tradewind.model.workload import (
    Access,
    AllowDeny,
    Checkpoint,
    Client,
    Constraints,
    DatasetRef,
    Deadline,
    DeadlineMode,
    Encryption,
    Interconnect,
    Key,
    Market,
    Output,
    PodSet,
    Replicas,
    SelectorTerm,
    Spread,
    Tier,
)

OBJECTS = list(yaml.safe_load_all(Path(__file__).with_name("complete.yaml").read_text(encoding="utf-8")))
TRAINING, CHAT = OBJECTS[:2]
GIB = 2.0**30


def stored(obj: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """The object as an API server gives it back."""
    given = {"uid": "u-1", "generation": 4, "creationTimestamp": "2026-11-20T10:00:00Z"} | metadata
    return {**obj, "metadata": {**obj["metadata"], **given}}


def test_a_training_workload_has_all_of_its_figures() -> None:
    work = workload_from(stored(TRAINING), priority=7)
    assert (work.key, work.uid, work.generation, work.priority) == (Key("default", "scan-pretrain"), "u-1", 4, 7)
    assert work.created_s == 1795168800.0
    assert work.type is WorkloadType.TRAINING
    assert work.pods == PodSet(2, 32.0, 256 * GIB, 8, "nvidia.com/gpu")
    assert work.accelerator_types == ("H100-80GB", "H200-141GB")
    assert (work.expected_runtime_s, work.runtime_accelerator) == (288_000.0, "H100-80GB")
    (data,) = work.data
    assert (data.size_bytes, data.locations) == (20 * 2.0**40, ("aws/eu-north-1", "ntt-madrid-2"))
    assert data.access is Access.STREAM
    assert work.datasets == (DatasetRef("labels", Key("radiology", "labels"), Access.STAGE),)
    assert work.outputs == (Output("model", 300 * GIB, "aws/eu-north-1"),)
    assert work.checkpoint == Checkpoint(400 * GIB, ("aws/eu-north-1", "gcp/europe-west4"), 1800.0)
    assert work.deadline == Deadline(1_800_036_000.0, DeadlineMode.PREFER, 400.0)
    assert (work.interconnect, work.min_node_gbps) == (Interconnect.RDMA, 400.0)
    assert work.kinds == {"batch/v1/Job"}
    assert (work.clients, work.max_round_trip_ms, work.spread) == ((), None, Spread())
    assert work.labels == {"tradewind.dev/cost-center": "cc-4711"}


def test_constraints_become_sets_and_a_selector_its_terms() -> None:
    limits = workload_from(TRAINING).constraints
    assert limits.jurisdictions == AllowDeny(frozenset({"EU"}), frozenset({"HU"}))
    assert limits.providers == AllowDeny(frozenset({"aws", "ntt"}), frozenset({"azure"}))
    assert limits.operator_jurisdictions == AllowDeny(frozenset({"EU", "US"}), frozenset({"CN"}))
    assert limits.certifications == {"ISO27001"}
    assert limits.encryption == {Encryption.AT_REST, Encryption.IN_TRANSIT}
    assert limits.markets == {Market.SPOT, Market.ON_DEMAND}
    assert limits.tiers == {Tier.CLOUD, Tier.ON_PREM}
    assert limits.cluster_selector == (
        SelectorTerm("env", "In", frozenset({"prod"})),
        SelectorTerm("team", "In", frozenset({"vision", "speech"})),
    )


def test_what_the_workload_says_of_policy_is_its_layer() -> None:
    assert workload_from(TRAINING).overrides == PolicyLayer(
        guarantee=Guarantee.AT_MOST_ONCE,
        cooldown_s=600.0,
        max_moves_per_hour=2,
        failback=Failback.WHEN_HEALTHY,
        failback_after_s=7200.0,
        max_usd_per_hour=120.0,
        max_total_usd=6000.0,
    )
    assert workload_from(CHAT).overrides == PolicyLayer()


def test_a_run_for_inference_needs_no_more_than_an_image_and_resources() -> None:
    work = workload_from(CHAT)
    assert work.type is WorkloadType.INFERENCE
    assert work.pods == PodSet(4, 0.5, 64 * GIB, 1, "nvidia.com/gpu")
    assert (work.expected_runtime_s, work.created_s, work.suspended) == (None, 0.0, False)


def test_inference_says_who_is_served_and_on_how_many_clusters_it_runs() -> None:
    work = workload_from(CHAT)
    assert work.clients == (Client("gcp/europe-west4", 70.0), Client("aws/eu-north-1", 30.0))
    assert work.max_round_trip_ms == 60.0
    assert work.spread == Spread(2, 2, Replicas.DIVIDED)
    assert work.kinds == {"apps/v1/Deployment", "v1/Service"}


def test_a_dataset_is_in_the_workloads_own_namespace_unless_said_otherwise() -> None:
    spec = {**CHAT["spec"], "data": [{"name": "prompts", "datasetRef": {"name": "prompts"}, "access": "Stream"}]}
    work = workload_from({**CHAT, "spec": spec, "metadata": {"name": "chat", "namespace": "research"}})
    assert work.datasets == (DatasetRef("prompts", Key("research", "prompts"), Access.STREAM),)
    assert work.data == ()


def test_what_a_workload_does_not_say_is_absent_and_not_nothing() -> None:
    spec = {"type": "Batch", "run": {"image": "a"}}
    work = workload_from({**CHAT, "spec": spec})
    assert (work.checkpoint, work.deadline, work.interconnect) == (None, None, None)
    assert (work.outputs, work.datasets, work.min_node_gbps) == ((), (), 0.0)
    assert work.constraints == Constraints()
    assert work.overrides == PolicyLayer()


def test_the_only_type_that_will_do_is_the_one_that_the_runtime_was_measured_on() -> None:
    spec = {**TRAINING["spec"], "accelerators": {"anyOf": ["L4"]}, "expectedRuntime": {"duration": "90m"}}
    work = workload_from({**TRAINING, "spec": spec})
    assert (work.expected_runtime_s, work.runtime_accelerator) == (5400.0, "L4")


def test_what_this_version_does_not_know_is_ignored() -> None:
    newer = {**CHAT, "spec": {**CHAT["spec"], "weather": {"clouds": 2}}, "status": {"whatever": True}}
    assert workload_from(newer) == workload_from(CHAT)


def test_a_time_that_is_none_is_an_input_error() -> None:
    with pytest.raises(InputError, match="creationTimestamp"):
        workload_from(stored(CHAT, creationTimestamp="yesterday"))
