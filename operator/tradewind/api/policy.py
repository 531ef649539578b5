"""ClusterPlacementPolicy (one for the hub) and PlacementPolicy (for a namespace, which may only tighten)."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Len
from pydantic import Field

from tradewind.api.base import Model, Rule, list_map
from tradewind.api.metrics import PrometheusSpec
from tradewind.api.parts import DetectionSpec, Failover, FailoverLimits, PolicySpec, Resource, Status
from tradewind.api.scalars import AcceleratorName, Decimal, Flag, Labels, Positive, Whole


class MovesSpec(Model):
    """How fast work may leave, and when nothing may."""

    per_minute: Annotated[Positive, Field(le=100000)] | None = None
    """Moves in a minute over the whole fleet; 1800 where absent."""
    burst: Annotated[Positive, Field(le=10000)] | None = None
    """Moves at once; 100 where absent."""
    max_unhealthy_percent: Annotated[Whole, Field(le=100)] | None = None
    """If more of the fleet falls silent at once, nothing moves: the hub is the likelier cause. 60 where absent."""


class Delivery(Model):
    """What goes along with the work."""

    config_maps_and_secrets: Flag | None = None
    """Whether ConfigMaps and Secrets that the pods name are copied; true where absent."""


class AcceleratorSpec(Model):
    """A type of accelerator: how nodes show it, and how fast it is."""

    name: AcceleratorName
    """The type's name, as offers and workloads use it."""
    node_labels: Annotated[Labels, Len(1)] | None = None
    """A node with all of these has it; absent: only the speed of a known type is given."""
    relative_speed: Decimal | None = None
    """Training throughput, A100-80GB being 1."""

    RULES = (
        Rule(
            "accelerators: give nodeLabels, relativeSpeed or both",
            "has(self.nodeLabels) || has(self.relativeSpeed)",
            lambda row: row.node_labels is not None or row.relative_speed is not None,
        ),
        Rule(
            "accelerators: relativeSpeed must be more than 0",
            "!has(self.relativeSpeed) || double(self.relativeSpeed) > 0.0",
            lambda row: row.relative_speed is None or row.relative_speed > 0,
        ),
    )


class ClusterPolicySpec(PolicySpec):
    """What counts for the whole hub."""

    detection: DetectionSpec = DetectionSpec()
    """How silence becomes an outage."""
    moves: MovesSpec = MovesSpec()
    """How fast work may leave."""
    failover: FailoverLimits = FailoverLimits()
    """Limits on moves."""
    delivery: Delivery = Delivery()
    """What goes along with the work."""
    accelerators: Annotated[tuple[AcceleratorSpec, ...], list_map("name", at_most=128)] = ()
    """Extends the built-in table of types; an entry here wins over a built-in one."""
    prometheus: PrometheusSpec = PrometheusSpec()
    """Where measured figures are read."""


class ClusterPlacementPolicy(Resource):
    """What counts for the whole hub. The only one is called default."""

    spec: ClusterPolicySpec
    """What counts for the whole hub."""

    RULES = (
        Rule(
            "metadata.name must be default: there is one ClusterPlacementPolicy",
            "self.metadata.name == 'default'",
            lambda policy: policy.metadata.name == "default",
        ),
    )


class NamespacePolicySpec(PolicySpec):
    """What counts for workloads of the namespace; limits can only be tightened."""

    failover: Failover = Failover()
    """What happens when a cluster is lost."""


class PlacementPolicy(Resource):
    """What counts for workloads of a namespace: those that name it, and where it is called default, all others."""

    spec: NamespacePolicySpec
    """What counts for workloads of the namespace."""


class PolicyStatus(Status):
    """What became of the policy."""
