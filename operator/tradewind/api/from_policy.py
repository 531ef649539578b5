"""Policies as the core's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.api.accelerators import BUILT_IN_ACCELERATORS
from tradewind.api.cluster import FederatedCluster
from tradewind.api.policy import ClusterPlacementPolicy, PlacementPolicy
from tradewind.api.reading import read
from tradewind.model.policy import AcceleratorType, ClusterPolicy, Detection, MoveBudget, PolicyLayer, Prometheus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.api.metrics import PrometheusSpec
    from tradewind.api.parts import DetectionSpec, PolicySpec


def detection_for(obj: Mapping[str, Any], cluster_policy: ClusterPolicy) -> Detection:
    """Combine the cluster policy's detection with what the FederatedCluster says of its own."""
    return _detection(read(FederatedCluster, obj).spec.detection, cluster_policy.detection)


def cluster_policy_from(obj: Mapping[str, Any] | None) -> ClusterPolicy:
    """Read the ClusterPlacementPolicy; None, where there is none, gives the built-in values."""
    if obj is None:
        return ClusterPolicy()
    spec = read(ClusterPlacementPolicy, obj).spec
    built_in = MoveBudget()
    moves = spec.moves
    return ClusterPolicy(
        layer=_layer(
            spec,
            cooldown_s=spec.failover.cooldown,
            max_moves_per_hour=spec.failover.max_moves_per_hour,
            copy_config=spec.delivery.config_maps_and_secrets,
        ),
        detection=_detection(spec.detection, Detection()),
        moves=MoveBudget(
            per_minute=built_in.per_minute if moves.per_minute is None else moves.per_minute,
            burst=built_in.burst if moves.burst is None else moves.burst,
            max_unhealthy_percent=(
                built_in.max_unhealthy_percent if moves.max_unhealthy_percent is None else moves.max_unhealthy_percent
            ),
        ),
        accelerators=tuple(
            AcceleratorType(row.name, row.node_labels or {}, row.relative_speed) for row in spec.accelerators
        ),
        prometheus=_prometheus(spec.prometheus),
    )


def policy_layer_from(obj: Mapping[str, Any]) -> PolicyLayer:
    """Read a PlacementPolicy."""
    spec = read(PlacementPolicy, obj).spec
    return _layer(
        spec,
        guarantee=spec.failover.guarantee,
        cooldown_s=spec.failover.cooldown,
        max_moves_per_hour=spec.failover.max_moves_per_hour,
    )


def accelerator_table(cluster_policy: ClusterPolicy) -> tuple[AcceleratorType, ...]:
    """Join the policy's rows with the built-in ones: the policy's come first, and their speeds count for the type."""
    said = {row.name: row.relative_speed for row in cluster_policy.accelerators if row.relative_speed is not None}
    rows = (*cluster_policy.accelerators, *BUILT_IN_ACCELERATORS)
    known = {row.name: row.relative_speed for row in reversed(rows) if row.relative_speed is not None} | said
    return tuple(AcceleratorType(row.name, row.node_labels, known.get(row.name)) for row in rows)


def _layer(spec: PolicySpec, **more: Any) -> PolicyLayer:
    return PolicyLayer(
        mode=spec.mode,
        usd_per_delay_hour=spec.prices.usd_per_delay_hour,
        pricing_horizon_s=spec.pricing_horizon,
        **more,
    )


def _detection(spec: DetectionSpec, otherwise: Detection) -> Detection:
    def said(value: float | None, fallback: float) -> float:
        return fallback if value is None else value

    return Detection(
        probe_interval_s=said(spec.probe_interval, otherwise.probe_interval_s),
        down_after_one_kind_s=said(spec.down_after_one_kind, otherwise.down_after_one_kind_s),
        up_after_s=said(spec.up_after, otherwise.up_after_s),
    )


def _prometheus(spec: PrometheusSpec) -> Prometheus:
    built_in = Prometheus()
    interval_s = built_in.interval_s if spec.interval is None else spec.interval
    timeout_s = built_in.timeout_s if spec.timeout is None else spec.timeout
    return Prometheus(spec.url or "", interval_s, min(timeout_s, interval_s))
