"""From policies to the core's data, figure by figure."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tradewind.api.convert import accelerator_table, cluster_policy_from, detection_for, policy_layer_from
from tradewind.model.assumptions import INTERRUPTIONS_PER_HOUR, Assumptions
from tradewind.model.policy import (
    AcceleratorType,
    ClusterPolicy,
    Detection,
    Failback,
    FeedProvider,
    Guarantee,
    Mode,
    MoveBudget,
    PolicyLayer,
    Prometheus,
    Rebalance,
    StatusFeed,
)
from tradewind.model.workload import Market

OBJECTS = {
    obj["kind"]: obj
    for obj in yaml.safe_load_all(Path(__file__).with_name("complete.yaml").read_text(encoding="utf-8"))
}
CLUSTER, POLICY = OBJECTS["FederatedCluster"], OBJECTS["PlacementPolicy"]
CLUSTER_POLICY = OBJECTS["ClusterPlacementPolicy"]


def test_a_cluster_overrides_the_policys_detection_field_by_field() -> None:
    policy = cluster_policy_from(CLUSTER_POLICY)
    assert detection_for(CLUSTER, policy) == Detection(4.0, 180.0, 16.0, 120.0)
    spec = {**CLUSTER["spec"], "detection": {"upAfter": "5s"}}
    assert detection_for({**CLUSTER, "spec": spec}, policy) == Detection(1.0, 5.0, 3.0, 5.0)
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
        failback=Failback.WHEN_CHEAPER,
        failback_after_s=1800.0,
        copy_config=False,
        usd_per_tonne_co2=100.0,
        usd_per_round_trip_ms_hour=0.001,
        min_saving_usd=20.0,
        min_saving_percent=10,
        max_usd_per_hour=1000.0,
        max_total_usd=90_000.0,
        datasets_required=True,
    )
    assert policy.detection == Detection(1.0, 5.0, 3.0, 10.0)
    assert policy.moves == MoveBudget(600, 300, 10, 600.0, "mirror.example/pause:3.10", 50)
    assert policy.prometheus == Prometheus("https://prometheus.example/team/a", 30.0, 5.0)
    assert policy.rebalance == Rebalance(12, 60.0)
    assert policy.feeds == (
        StatusFeed(FeedProvider.AWS, "https://mirror.example/aws/currentevents", 30.0),
        StatusFeed(FeedProvider.AZURE, "", 60.0),
    )
    assert policy.anchors == ("https://one.example/", "https://two.example/up", "https://three.example")
    assert policy.interruptions_per_hour == {
        Market.ON_DEMAND: 0.002,
        Market.SPOT: 0.1,
        Market.RESERVED: 0.003,
        Market.OWNED: 0.0,
    }
    assert policy.assumptions == Assumptions(
        grams_co2_per_kwh=700.0,
        pue=1.5,
        watts_per_accelerator=1000.0,
        watts_per_cpu_core=8.5,
        transfer_kwh_per_gb=0.002,
        checkpoint_gbps=2.0,
        restart_s=180.0,
    )


def test_a_rate_or_an_assumption_that_is_not_given_keeps_its_built_in_value() -> None:
    spec = {"interruptionsPerHour": {"Spot": "0.2"}, "assumptions": {"pue": "2"}, "rebalance": {"movesPerMinute": 0}}
    policy = cluster_policy_from({**CLUSTER_POLICY, "spec": spec})
    assert policy.interruptions_per_hour == INTERRUPTIONS_PER_HOUR | {Market.SPOT: 0.2}
    assert policy.assumptions == Assumptions(pue=2.0)
    assert policy.rebalance == Rebalance(moves_per_minute=0)


def test_a_query_takes_no_longer_than_the_time_until_the_next_one() -> None:
    policy = cluster_policy_from({**CLUSTER_POLICY, "spec": {"prometheus": {"interval": "3s"}}})
    assert policy.prometheus == Prometheus("", 3.0, 3.0)


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
        failback=Failback.NEVER,
        failback_after_s=10_800.0,
        usd_per_tonne_co2=90.0,
        usd_per_round_trip_ms_hour=0.002,
        min_saving_usd=50.0,
        min_saving_percent=15,
        max_usd_per_hour=500.0,
        max_total_usd=20_000.0,
    )


def test_the_policys_speed_counts_for_every_row_of_a_type_and_its_rows_come_first() -> None:
    table = accelerator_table(cluster_policy_from(CLUSTER_POLICY))
    assert table[0] == AcceleratorType("H100-80GB", {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}, 3.0, 700.0)
    assert table[1] == AcceleratorType("X1", {}, 0.5)
    assert {row.relative_speed for row in table if row.name == "H100-80GB"} == {3.0}
    assert {row.watts for row in table if row.name == "H100-80GB"} == {700.0}
    assert {(row.relative_speed, row.watts) for row in table if row.name == "A100-80GB"} == {(1.0, 812.5)}


def test_a_row_without_a_speed_takes_the_built_in_one() -> None:
    row = {"name": "A100-80GB", "nodeLabels": {"gpu": "a100"}}
    table = accelerator_table(cluster_policy_from({**CLUSTER_POLICY, "spec": {"accelerators": [row]}}))
    assert table[0] == AcceleratorType("A100-80GB", {"gpu": "a100"}, 1.0, 812.5)


def test_an_accelerator_draws_its_share_of_the_machine_and_an_unpublished_one_is_unknown() -> None:
    watts = {row.name: row.watts for row in accelerator_table(ClusterPolicy())}
    assert watts["H100-80GB"] == watts["H200-141GB"] == 1275.0
    assert watts["L4"] == pytest.approx(72 * 10_200 / 5600, abs=0.1)
    assert watts["TPU-v5e"] is None
    # A machine draws more than its boards, and none of the table is an office lamp or a rack.
    assert all(100 < each < 3000 for each in watts.values() if each is not None)
