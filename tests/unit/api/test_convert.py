"""From AIWorkloads to the core's data, figure by figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewind.api.convert import workload_from
from tradewind.errors import InputError
from tradewind.model.kind import WorkloadType
from tradewind.model.policy import Guarantee, PolicyLayer
from tradewind.model.workload import Access, AllowDeny, Key, Market, PodSet, SelectorTerm, Tier

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
    assert work.labels == {"tradewind.dev/cost-center": "cc-4711"}


def test_constraints_become_sets_and_a_selector_its_terms() -> None:
    limits = workload_from(TRAINING).constraints
    assert limits.jurisdictions == AllowDeny(frozenset({"EU"}), frozenset({"HU"}))
    assert limits.providers == AllowDeny(frozenset({"aws", "ntt"}), frozenset({"azure"}))
    assert limits.markets == {Market.SPOT, Market.ON_DEMAND}
    assert limits.tiers == {Tier.CLOUD, Tier.ON_PREM}
    assert limits.cluster_selector == (
        SelectorTerm("env", "In", frozenset({"prod"})),
        SelectorTerm("team", "In", frozenset({"vision", "speech"})),
    )


def test_what_the_workload_says_of_policy_is_its_layer() -> None:
    assert workload_from(TRAINING).overrides == PolicyLayer(
        guarantee=Guarantee.AT_MOST_ONCE, cooldown_s=600.0, max_moves_per_hour=2
    )
    assert workload_from(CHAT).overrides == PolicyLayer()


def test_a_run_for_inference_needs_no_more_than_an_image_and_resources() -> None:
    work = workload_from(CHAT)
    assert work.type is WorkloadType.INFERENCE
    assert work.pods == PodSet(4, 0.5, 64 * GIB, 1, "nvidia.com/gpu")
    assert (work.expected_runtime_s, work.created_s, work.suspended) == (None, 0.0, False)


def test_the_only_type_that_will_do_is_the_one_that_the_runtime_was_measured_on() -> None:
    spec = {**TRAINING["spec"], "accelerators": {"anyOf": ["L4"]}, "expectedRuntime": {"duration": "90m"}}
    work = workload_from({**TRAINING, "spec": spec})
    assert (work.expected_runtime_s, work.runtime_accelerator) == (5400.0, "L4")


def test_what_this_version_does_not_know_is_ignored() -> None:
    newer = {**CHAT, "spec": {**CHAT["spec"], "spread": {"clusters": 2}}, "status": {"whatever": True}}
    assert workload_from(newer) == workload_from(CHAT)


def test_a_time_that_is_none_is_an_input_error() -> None:
    with pytest.raises(InputError, match="creationTimestamp"):
        workload_from(stored(CHAT, creationTimestamp="yesterday"))
