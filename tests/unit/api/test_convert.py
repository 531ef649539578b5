"""From resources to the core's data, figure by figure."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewind.api.convert import (
    accelerator_table,
    cluster_from,
    cluster_policy_from,
    detection_for,
    kubeconfig_ref,
    policy_layer_from,
    workload_from,
)
from tradewind.errors import InputError
from tradewind.model.fleet import Offer, Scheduling, Toleration
from tradewind.model.kind import WorkloadType
from tradewind.model.policy import (
    AcceleratorType,
    ClusterPolicy,
    Detection,
    Guarantee,
    Mode,
    MoveBudget,
    PolicyLayer,
)
from tradewind.model.workload import Access, AllowDeny, Key, Market, PodSet, SelectorTerm, Tier

OBJECTS = list(yaml.safe_load_all(Path(__file__).with_name("complete.yaml").read_text(encoding="utf-8")))
TRAINING, CHAT, CLUSTER, _, POLICY, CLUSTER_POLICY = OBJECTS
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


def test_a_cluster_has_its_offers() -> None:
    cluster = cluster_from(CLUSTER)
    assert (cluster.name, cluster.location) == ("aws-eu-north-1", "aws/eu-north-1")
    assert (cluster.tier, cluster.jurisdiction, cluster.scheduling) == (Tier.CLOUD, "SE", Scheduling.ENABLED)
    assert cluster.labels == {"env": "prod"}
    assert cluster.nodes == ()
    assert cluster.offers == (
        Offer(
            name="h100x8-spot",
            market=Market.SPOT,
            accelerator="H100-80GB",
            per_node=8,
            usd_per_accelerator_hour=3.5399,
            max_nodes=16,
            provisioning_s=360.0,
            node_selector={"karpenter.sh/capacity-type": "spot", "node.kubernetes.io/instance-type": "p5.48xlarge"},
            tolerations=(
                Toleration("nvidia.com/gpu", "Exists"),
                Toleration("spot", "Equal", "true", "NoExecute"),
            ),
            node_cpu_cores=inf,
            node_memory_bytes=inf,
        ),
        Offer(
            name="cpu",
            market=Market.ON_DEMAND,
            usd_per_cpu_hour=0.0425,
            max_nodes=10,
            provisioning_s=90.0,
            node_cpu_cores=16.0,
            node_memory_bytes=64 * GIB,
        ),
    )


@pytest.mark.parametrize(
    ("offer", "expected_s"),
    [
        pytest.param({"maxNodes": 4}, 600.0, id="a pool that does not say how long a node takes counts as slow"),
        pytest.param({"maxNodes": 4, "provisioning": "0s"}, 0.0, id="a pool that says at once is believed"),
        pytest.param({}, 0.0, id="nodes that exist are there at once"),
    ],
)
def test_a_node_takes_as_long_as_the_offer_says(offer: dict[str, Any], expected_s: float) -> None:
    gpu = {"name": "a", "market": "Spot", "accelerator": "L4", "perNode": 1, "usdPerAcceleratorHour": "1"}
    spec = {**CLUSTER["spec"], "offers": [gpu | offer]}
    assert cluster_from({**CLUSTER, "spec": spec}).offers[0].provisioning_s == expected_s


def test_the_kubeconfig_is_under_the_key_kubeconfig_unless_said_otherwise() -> None:
    assert kubeconfig_ref(CLUSTER) == ("aws-eu-north-1", "kubeconfig")
    spec = {**CLUSTER["spec"], "connection": {"kubeconfigSecretRef": {"name": "a"}}}
    assert kubeconfig_ref({**CLUSTER, "spec": spec}) == ("a", "kubeconfig")


def test_a_cluster_overrides_the_policys_detection_field_by_field() -> None:
    policy = cluster_policy_from(CLUSTER_POLICY)
    assert detection_for(CLUSTER, policy) == Detection(4.0, 180.0, 120.0)
    spec = {**CLUSTER["spec"], "detection": {"upAfter": "5s"}}
    assert detection_for({**CLUSTER, "spec": spec}, policy) == Detection(1.0, 5.0, 5.0)
    spec = {**CLUSTER["spec"], "detection": {}}
    assert detection_for({**CLUSTER, "spec": spec}, ClusterPolicy()) == Detection()


def test_the_cluster_policy_has_all_of_its_figures() -> None:
    policy = cluster_policy_from(CLUSTER_POLICY)
    assert policy.layer == PolicyLayer(
        mode=Mode.RECOMMEND,
        usd_per_delay_hour=1.5,
        pricing_horizon_s=172_800.0,
        cooldown_s=300.0,
        max_moves_per_hour=3,
        copy_config=False,
    )
    assert policy.detection == Detection(1.0, 5.0, 10.0)
    assert policy.moves == MoveBudget(600, 10, 50)


def test_without_a_cluster_policy_or_with_an_empty_one_the_built_in_values_count() -> None:
    empty = {**CLUSTER_POLICY, "spec": {}}
    assert cluster_policy_from(None) == cluster_policy_from(empty) == ClusterPolicy()


def test_a_budget_of_none_is_not_a_budget_that_was_left_out() -> None:
    policy = cluster_policy_from({**CLUSTER_POLICY, "spec": {"moves": {"maxUnhealthyPercent": 0}}})
    assert policy.moves == MoveBudget(max_unhealthy_percent=0)
    layer = policy_layer_from({**POLICY, "spec": {"failover": {"maxMovesPerHour": 0, "cooldown": "0s"}}})
    assert (layer.max_moves_per_hour, layer.cooldown_s) == (0, 0.0)


def test_a_namespace_policy_is_a_layer() -> None:
    assert policy_layer_from(POLICY) == PolicyLayer(
        mode=Mode.ENFORCE,
        usd_per_delay_hour=25.0,
        pricing_horizon_s=86_400.0,
        guarantee=Guarantee.AT_MOST_ONCE,
        cooldown_s=600.0,
        max_moves_per_hour=2,
    )


def test_the_policys_speed_counts_for_every_row_of_a_type_and_its_rows_come_first() -> None:
    table = accelerator_table(cluster_policy_from(CLUSTER_POLICY))
    assert table[0] == AcceleratorType("H100-80GB", {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}, 3.0)
    assert table[1] == AcceleratorType("X1", {}, 0.5)
    assert {row.relative_speed for row in table if row.name == "H100-80GB"} == {3.0}
    assert {row.relative_speed for row in table if row.name == "A100-80GB"} == {1.0}


def test_a_row_without_a_speed_takes_the_built_in_one() -> None:
    row = {"name": "A100-80GB", "nodeLabels": {"gpu": "a100"}}
    table = accelerator_table(cluster_policy_from({**CLUSTER_POLICY, "spec": {"accelerators": [row]}}))
    assert table[0] == AcceleratorType("A100-80GB", {"gpu": "a100"}, 1.0)
