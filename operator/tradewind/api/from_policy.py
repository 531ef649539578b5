"""Policies as the core's data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewind.api.accelerators import BUILT_IN_ACCELERATORS
from tradewind.api.cluster import FederatedCluster
from tradewind.api.policy import ClusterPlacementPolicy, PlacementPolicy
from tradewind.api.reading import read
from tradewind.model.assumptions import INTERRUPTIONS_PER_HOUR, Assumptions
from tradewind.model.policy import (
    AcceleratorType,
    ClusterPolicy,
    Detection,
    MoveBudget,
    PolicyLayer,
    Prometheus,
    Rebalance,
    StatusFeed,
)
from tradewind.model.workload import Market

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.api.metrics import PrometheusSpec
    from tradewind.api.parts import DetectionSpec, FailoverLimits, PolicySpec
    from tradewind.api.policy import AssumptionsSpec, ClusterRebalanceSpec, FeedSpec, InterruptionRates, MovesSpec


def detection_for(obj: Mapping[str, Any], cluster_policy: ClusterPolicy) -> Detection:
    """Combine the cluster policy's detection with what the FederatedCluster says of its own."""
    return _detection(read(FederatedCluster, obj).spec.detection, cluster_policy.detection)


def cluster_policy_from(obj: Mapping[str, Any] | None) -> ClusterPolicy:
    """Read the ClusterPlacementPolicy; None, where there is none, gives the built-in values."""
    if obj is None:
        return ClusterPolicy()
    spec = read(ClusterPlacementPolicy, obj).spec
    return ClusterPolicy(
        layer=_layer(
            spec,
            **failover_limits(spec.failover),
            copy_config=spec.delivery.config_maps_and_secrets,
            datasets_required=spec.datasets_required,
        ),
        detection=_detection(spec.detection, Detection()),
        moves=_moves(spec.moves),
        accelerators=tuple(
            AcceleratorType(
                row.name, row.node_labels or {}, row.relative_speed, None if row.watts is None else float(row.watts)
            )
            for row in spec.accelerators
        ),
        interruptions_per_hour=INTERRUPTIONS_PER_HOUR | _interruptions(spec.interruptions_per_hour),
        assumptions=_assumptions(spec.assumptions),
        rebalance=_rebalance(spec.rebalance),
        prometheus=_prometheus(spec.prometheus),
        feeds=tuple(_feed(each) for each in spec.feeds),
        anchors=spec.anchors,
    )


def policy_layer_from(obj: Mapping[str, Any]) -> PolicyLayer:
    """Read a PlacementPolicy."""
    spec = read(PlacementPolicy, obj).spec
    return _layer(
        spec,
        guarantee=spec.failover.guarantee,
        **failover_limits(spec.failover),
    )


def failover_limits(spec: FailoverLimits) -> dict[str, Any]:
    """Read the fields of a layer that a workload and both policies may set."""
    return {
        "cooldown_s": spec.cooldown,
        "max_moves_per_hour": spec.max_moves_per_hour,
        "failback": spec.failback.when,
        "failback_after_s": spec.failback.after,
    }


def accelerator_table(cluster_policy: ClusterPolicy) -> tuple[AcceleratorType, ...]:
    """Join the policy's rows with the built-in ones: the policy's come first, and their figures count for the type."""
    rows = (*cluster_policy.accelerators, *BUILT_IN_ACCELERATORS)
    speeds = {row.name: row.relative_speed for row in reversed(rows) if row.relative_speed is not None}
    watts = {row.name: row.watts for row in reversed(rows) if row.watts is not None}
    return tuple(AcceleratorType(row.name, row.node_labels, speeds.get(row.name), watts.get(row.name)) for row in rows)


def _layer(spec: PolicySpec, **more: Any) -> PolicyLayer:
    return PolicyLayer(
        mode=spec.mode,
        usd_per_delay_hour=spec.prices.usd_per_delay_hour,
        pricing_horizon_s=spec.pricing_horizon,
        usd_per_tonne_co2=spec.prices.usd_per_tonne_co2,
        usd_per_round_trip_ms_hour=spec.prices.usd_per_round_trip_millisecond_hour,
        min_saving_usd=spec.rebalance.min_saving_usd,
        min_saving_percent=spec.rebalance.min_saving_percent,
        max_usd_per_hour=spec.budget.max_usd_per_hour,
        max_total_usd=spec.budget.max_total_usd,
        **more,
    )


def _interruptions(spec: InterruptionRates) -> dict[Market, float]:
    said = {
        Market.ON_DEMAND: spec.on_demand,
        Market.SPOT: spec.spot,
        Market.RESERVED: spec.reserved,
        Market.OWNED: spec.owned,
    }
    return {market: rate for market, rate in said.items() if rate is not None}


def _assumptions(spec: AssumptionsSpec) -> Assumptions:
    said = {
        "grams_co2_per_kwh": spec.grams_co2_per_kwh,
        "pue": spec.pue,
        "watts_per_accelerator": spec.watts_per_accelerator,
        "watts_per_cpu_core": spec.watts_per_cpu_core,
        "transfer_kwh_per_gb": spec.transfer_kwh_per_gb,
        "checkpoint_gbps": None if spec.checkpoint_bandwidth is None else spec.checkpoint_bandwidth / 1e9,
        "restart_s": spec.restart,
    }
    return replace(Assumptions(), **{name: float(figure) for name, figure in said.items() if figure is not None})


def _rebalance(spec: ClusterRebalanceSpec) -> Rebalance:
    built_in = Rebalance()
    return Rebalance(
        moves_per_minute=built_in.moves_per_minute if spec.moves_per_minute is None else spec.moves_per_minute,
        interval_s=built_in.interval_s if spec.interval is None else spec.interval,
    )


def _moves(spec: MovesSpec) -> MoveBudget:
    said: dict[str, Any] = {
        "per_minute": spec.per_minute,
        "per_target_per_minute": spec.per_target_per_minute,
        "move_partitioned_after_s": spec.move_partitioned_after,
        "burst": spec.burst,
        "canary_image": spec.canary_image,
        "max_unhealthy_percent": spec.max_unhealthy_percent,
    }
    return replace(MoveBudget(), **{name: figure for name, figure in said.items() if figure is not None})


def _detection(spec: DetectionSpec, otherwise: Detection) -> Detection:
    def said(value: float | None, fallback: float) -> float:
        return fallback if value is None else value

    return Detection(
        probe_interval_s=said(spec.probe_interval, otherwise.probe_interval_s),
        down_after_one_kind_s=said(spec.down_after_one_kind, otherwise.down_after_one_kind_s),
        down_after_two_kinds_s=said(spec.down_after_two_kinds, otherwise.down_after_two_kinds_s),
        up_after_s=said(spec.up_after, otherwise.up_after_s),
    )


def _prometheus(spec: PrometheusSpec) -> Prometheus:
    built_in = Prometheus()
    interval_s = built_in.interval_s if spec.interval is None else spec.interval
    timeout_s = built_in.timeout_s if spec.timeout is None else spec.timeout
    return Prometheus(spec.url or "", interval_s, min(timeout_s, interval_s))


def _feed(spec: FeedSpec) -> StatusFeed:
    built_in = StatusFeed(spec.provider)
    interval_s = built_in.poll_interval_s if spec.poll_interval is None else spec.poll_interval
    return StatusFeed(spec.provider, spec.url or "", interval_s)
