"""ClusterPlacementPolicy (one for the hub) and PlacementPolicy (for a namespace, which may only tighten)."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Len
from pydantic import Field

from tradewind.api.base import Model, Rule, list_map, list_set
from tradewind.api.metrics import PrometheusSpec
from tradewind.api.parts import (
    DetectionSpec,
    Failover,
    FailoverLimits,
    PolicySpec,
    RebalanceSpec,
    Resource,
    Status,
)
from tradewind.api.scalars import (
    URL,
    AcceleratorName,
    Decimal,
    Duration,
    Flag,
    Labels,
    Line,
    Positive,
    Quantity,
    Short,
    Whole,
)
from tradewind.model.policy import FeedProvider


class MovesSpec(Model):
    """How fast work may leave, and when nothing may."""

    per_minute: Annotated[Positive, Field(le=100000)] | None = None
    """Moves in a minute over the whole fleet; 1800 where absent."""
    per_target_per_minute: Annotated[Positive, Field(le=100000)] | None = None
    """Moves in a minute onto one cluster; 1200 where absent. Less while it answers 429 or writes slowly."""
    move_partitioned_after: Duration | None = None
    """When AtLeastOnce work leaves a cluster that only the hub can't reach; 0s: never. 0s where absent."""
    burst: Annotated[Positive, Field(le=10000)] | None = None
    """Moves at once; 100 where absent."""
    canary_image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Of the pod that tries a cluster out whose region or provider is failing; registry.k8s.io/pause:3.10 where absent.
    """
    max_unhealthy_percent: Annotated[Whole, Field(le=100)] | None = None
    """If more of the fleet falls silent at once, nothing moves; only without agents and anchors; 60 where absent."""


class Delivery(Model):
    """What goes along with the work."""

    config_maps_and_secrets: Flag | None = None
    """Whether ConfigMaps and Secrets that the pods name are copied; true where absent."""


class AcceleratorSpec(Model):
    """A type of accelerator: how nodes show it, how fast it is, and what it draws."""

    name: AcceleratorName
    """The type's name, as offers and workloads use it."""
    node_labels: Annotated[Labels, Len(1)] | None = None
    """A node with all of these has it; absent: only figures of a known type are given."""
    relative_speed: Decimal | None = None
    """Training throughput, A100-80GB being 1."""
    watts: Annotated[Positive, Field(le=100000)] | None = None
    """What one draws under load, with its share of the machine that it sits in."""

    RULES = (
        Rule(
            "accelerators: give at least one of nodeLabels, relativeSpeed, watts",
            "has(self.nodeLabels) || has(self.relativeSpeed) || has(self.watts)",
            lambda row: (row.node_labels, row.relative_speed, row.watts) != (None, None, None),
        ),
        Rule(
            "accelerators: relativeSpeed must be more than 0",
            "!has(self.relativeSpeed) || double(self.relativeSpeed) > 0.0",
            lambda row: row.relative_speed is None or row.relative_speed > 0,
        ),
    )


class ClusterRebalanceSpec(RebalanceSpec):
    """When running work moves for money, and how fast."""

    moves_per_minute: Annotated[Whole, Field(le=10000)] | None = None
    """Such moves in a minute over the whole fleet; 0: none at all. 6 where absent."""
    interval: Duration | None = None
    """How often running work is compared with other places; 5m where absent."""

    RULES = (
        Rule(
            "rebalance: interval must be at least 1s",
            "!has(self.interval) || duration(self.interval) >= duration('1s')",
            lambda spec: spec.interval is None or spec.interval >= 1,
        ),
    )


class InterruptionRates(Model):
    """How often a node of a market is taken away or fails, in an hour."""

    on_demand: Annotated[Decimal | None, Field(alias="OnDemand")] = None
    """0.001 where absent."""
    spot: Annotated[Decimal | None, Field(alias="Spot")] = None
    """0.05 where absent."""
    reserved: Annotated[Decimal | None, Field(alias="Reserved")] = None
    """0.001 where absent."""
    owned: Annotated[Decimal | None, Field(alias="Owned")] = None
    """0.001 where absent."""


class AssumptionsSpec(Model):
    """What stands in for figures that nobody has given; pessimistic where absent, and shown wherever it is used."""

    grams_co2_per_kwh: Annotated[Whole, Field(le=5000)] | None = None
    """Of a grid; 800 where absent."""
    pue: Decimal | None = None
    """Of a site; 1.6 where absent."""
    watts_per_accelerator: Annotated[Positive, Field(le=100000)] | None = None
    """Of an accelerator of unknown type, with its share of the machine; 1275 where absent."""
    watts_per_cpu_core: Decimal | None = None
    """Of a core under load, with its share of the machine; 10 where absent."""
    transfer_kwh_per_gb: Decimal | None = None
    """To move 10^9 bytes between data centres; 0.001 where absent."""
    checkpoint_bandwidth: Quantity | None = None
    """With which checkpoints are written, in bits per second; 1G where absent."""
    restart: Duration | None = None
    """From an interruption's being known to running again on nodes that are there; 2m where absent."""

    RULES = (
        Rule(
            "assumptions: pue must be at least 1, since the machines' own power is in it",
            "!has(self.pue) || double(self.pue) >= 1.0",
            lambda spec: spec.pue is None or spec.pue >= 1,
        ),
        Rule(
            "assumptions: checkpointBandwidth must be more than 0",
            "!has(self.checkpointBandwidth) || quantity(string(self.checkpointBandwidth)).isGreaterThan(quantity('0'))",
            lambda spec: spec.checkpoint_bandwidth is None or spec.checkpoint_bandwidth > 0,
        ),
    )


class FeedSpec(Model):
    """Where a provider announces its outages: a reason to place nothing new there, and never to move anything."""

    provider: FeedProvider
    """Whose feed it is, in that provider's format; it speaks of the FederatedClusters that name this provider."""
    url: URL | None = None
    """Its address, or that of a copy of it; absent: the public one."""
    poll_interval: Duration | None = None
    """Time between two readings, 1s to 10m; 60s where absent."""

    RULES = (
        Rule(
            "feeds: pollInterval must be between 1s and 10m, since an event that is not confirmed is forgotten",
            "!has(self.pollInterval) || (duration(self.pollInterval) >= duration('1s') && "
            "duration(self.pollInterval) <= duration('10m'))",
            lambda feed: feed.poll_interval is None or 1 <= feed.poll_interval <= 600,  # noqa: PLR2004 - as in the message
        ),
    )


class ClusterPolicySpec(PolicySpec):
    """What counts for the whole hub."""

    rebalance: ClusterRebalanceSpec = ClusterRebalanceSpec()
    """When running work moves for money, and how fast."""
    datasets_required: Flag | None = None
    """Whether data without a Dataset is refused, since nobody has said what law binds it; false where absent."""
    interruptions_per_hour: InterruptionRates = InterruptionRates()
    """How often a node is taken away or fails, by market, where its offer does not say it."""
    assumptions: AssumptionsSpec = AssumptionsSpec()
    """What stands in for figures that nobody has given."""
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
    feeds: Annotated[tuple[FeedSpec, ...], list_map("provider", at_most=3)] = ()
    """Status feeds of providers; none is read that is not listed, since the hub may not reach the internet."""
    anchors: Annotated[tuple[URL, ...], list_set(at_least=3, at_most=16)] = ()
    """Addresses at different providers, asked while a cluster is silent: unless two thirds answer, nothing moves."""


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


class FeedStatus(Model):
    """What became of a feed."""

    provider: FeedProvider
    """Whose feed it is."""
    reason: Short
    """Read, or a stable CamelCase word for what is wrong."""
    message: Line
    """How many events are open, or what is wrong."""


class ClusterPolicyStatus(PolicyStatus):
    """What became of the policy, and of the feeds that it names."""

    feeds: Annotated[tuple[FeedStatus, ...], list_map("provider", at_most=3)] = ()
    """The feeds that have been read, or should have been."""
