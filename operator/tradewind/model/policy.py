"""Effective values: workload, namespace policy, cluster policy, built-in by type; the first that is set counts.

For limits (mode, cooldown, moves per hour) the strictest counts instead, so that a tenant may only tighten.
Every built-in default stands here, with the reason for its figure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from tradewind.model.assumptions import INTERRUPTIONS_PER_HOUR, Assumptions
from tradewind.model.kind import WorkloadType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tradewind.model.workload import Market

T = TypeVar("T")
Number = TypeVar("Number", int, float)


class Guarantee(StrEnum):
    """How many copies may run while a cluster can't be seen."""

    AT_MOST_ONCE = "AtMostOnce"
    AT_LEAST_ONCE = "AtLeastOnce"


class Mode(StrEnum):
    """Whether decisions are carried out, or only shown."""

    ENFORCE = "Enforce"
    RECOMMEND = "Recommend"


class Failback(StrEnum):
    """Whether work goes back to the cluster that an outage drove it from."""

    NEVER = "Never"
    WHEN_HEALTHY = "WhenHealthy"
    WHEN_CHEAPER = "WhenCheaper"


DEFAULT_GUARANTEE = {
    # Two writers can ruin a checkpoint, and a job that waits loses only time.
    WorkloadType.TRAINING: Guarantee.AT_MOST_ONCE,
    WorkloadType.BATCH: Guarantee.AT_MOST_ONCE,
    # A second server does no harm, and silence does.
    WorkloadType.INFERENCE: Guarantee.AT_LEAST_ONCE,
}


@dataclass(frozen=True, slots=True)
class PolicyLayer:
    """What one layer says; None where it is silent."""

    mode: Mode | None = None
    usd_per_delay_hour: float | None = None
    pricing_horizon_s: float | None = None
    guarantee: Guarantee | None = None
    cooldown_s: float | None = None
    max_moves_per_hour: int | None = None
    failback: Failback | None = None
    failback_after_s: float | None = None
    copy_config: bool | None = None
    usd_per_tonne_co2: float | None = None
    usd_per_round_trip_ms_hour: float | None = None
    min_saving_usd: float | None = None
    min_saving_percent: int | None = None
    max_usd_per_hour: float | None = None
    max_total_usd: float | None = None
    datasets_required: bool | None = None


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """What counts for one workload; shown in its status.

    Attributes:
        usd_per_round_trip_ms_hour: price of a millisecond of round trip to the clients, for an hour.
        min_saving_usd, min_saving_percent: running work moves for money only if it saves at least both; the percents
            are of what staying would still cost.
        failback, failback_after_s: whether work goes back to the cluster that an outage drove it from, and for how long
            that must have been well.
        max_usd_per_hour, max_total_usd: the budget of the workload; None where there is none.
        datasets_required: data without a Dataset is refused, since nobody has said what law binds it.
    """

    mode: Mode
    guarantee: Guarantee
    usd_per_delay_hour: float
    pricing_horizon_s: float
    cooldown_s: float
    max_moves_per_hour: int
    copy_config: bool
    usd_per_tonne_co2: float = 0.0
    usd_per_round_trip_ms_hour: float = 0.0
    min_saving_usd: float = 0.0
    min_saving_percent: int = 0
    max_usd_per_hour: float | None = None
    max_total_usd: float | None = None
    datasets_required: bool = False
    failback: Failback = Failback.NEVER
    failback_after_s: float = 3600.0


BUILT_IN = PolicyLayer(
    mode=Mode.ENFORCE,
    # Delay is free until someone says what an hour is worth: no price is invented.
    usd_per_delay_hour=0.0,
    # A day: long enough that a transfer is judged against real use, short enough that prices still hold.
    pricing_horizon_s=24 * 3600.0,
    # Five minutes outlast a control plane's restart; three moves an hour bound the loss to a flapping fleet.
    cooldown_s=300.0,
    max_moves_per_hour=3,
    # Every move costs a restart, and work that would be cheaper at home goes back for the money anyway.
    failback=Failback.NEVER,
    # What has just come back often goes again: most repeated losses come within the first hour.
    failback_after_s=3600.0,
    # Work that names a ConfigMap or Secret can't start without it.
    copy_config=True,
    # Neither is a price until someone gives it: what it would be is shown in grams and milliseconds.
    usd_per_tonne_co2=0.0,
    usd_per_round_trip_ms_hour=0.0,
    # A move costs a restart, trust, and an hour of an engineer if it goes wrong: small change is not worth it.
    min_saving_usd=50.0,
    min_saving_percent=15,
    datasets_required=False,
)


@lru_cache(maxsize=4096)
def resolve(
    workload_type: WorkloadType, *, workload: PolicyLayer, namespace: PolicyLayer, cluster: PolicyLayer
) -> EffectivePolicy:
    """Combine the layers into what counts; most workloads share theirs, and each round asks for all."""
    layers = (workload, namespace, cluster, BUILT_IN)
    modes = {layer.mode for layer in layers}
    return EffectivePolicy(
        mode=Mode.RECOMMEND if Mode.RECOMMEND in modes else Mode.ENFORCE,
        guarantee=first(workload.guarantee, namespace.guarantee, cluster.guarantee, DEFAULT_GUARANTEE[workload_type]),
        usd_per_delay_hour=first(*(layer.usd_per_delay_hour for layer in layers)),
        pricing_horizon_s=first(*(layer.pricing_horizon_s for layer in layers)),
        cooldown_s=_strictest((layer.cooldown_s for layer in layers[:-1]), BUILT_IN.cooldown_s, max),
        max_moves_per_hour=_strictest(
            (layer.max_moves_per_hour for layer in layers[:-1]), BUILT_IN.max_moves_per_hour, min
        ),
        copy_config=all(layer.copy_config is not False for layer in layers),
        usd_per_tonne_co2=first(*(layer.usd_per_tonne_co2 for layer in layers)),
        usd_per_round_trip_ms_hour=first(*(layer.usd_per_round_trip_ms_hour for layer in layers)),
        min_saving_usd=first(*(layer.min_saving_usd for layer in layers)),
        min_saving_percent=first(*(layer.min_saving_percent for layer in layers)),
        max_usd_per_hour=_least(layer.max_usd_per_hour for layer in layers),
        max_total_usd=_least(layer.max_total_usd for layer in layers),
        failback=first(*(layer.failback for layer in layers)),
        failback_after_s=first(*(layer.failback_after_s for layer in layers)),
        datasets_required=any(layer.datasets_required for layer in layers),
    )


def first(*values: T | None) -> T:
    """Return the first value that is set; the last one always is."""
    return next(value for value in values if value is not None)


def _strictest(
    said: Iterable[Number | None], built_in: Number | None, pick: Callable[[list[Number]], Number]
) -> Number:
    values = [value for value in said if value is not None]
    return pick(values) if values else first(built_in)


def _least(said: Iterable[float | None]) -> float | None:
    return min((value for value in said if value is not None), default=None)


@dataclass(frozen=True, slots=True)
class Detection:
    """How silence becomes an outage. Times in seconds."""

    # Two seconds is as often as a hundred API servers can be asked without anyone noticing.
    probe_interval_s: float = 2.0
    # Control planes restart within half a minute in an upgrade; without an agent there is one kind of evidence only.
    down_after_one_kind_s: float = 30.0
    # Two kinds of evidence by two ways need less time: four probes, and two heartbeats that are missing.
    down_after_two_kinds_s: float = 8.0
    # A cluster that has just come back often goes again.
    up_after_s: float = 60.0


@dataclass(frozen=True, slots=True)
class MoveBudget:
    """How fast work may leave, and when nothing may."""

    # 30 a second over the fleet: each move is three writes on the hub, and its API server has others to serve.
    per_minute: int = 1800
    # 20 a second onto one target: as fast as its own controller manager makes pods by its default client limit. More
    # would only wait there. Halved where it shows that this is too much.
    per_target_per_minute: int = 1200
    # A hundred jobs, which most lost clusters do not have more of, wait for nothing.
    burst: int = 100
    # Never: work on a cluster that only the hub can't reach runs well, and moving it would cost a restart.
    move_partitioned_after_s: float = 0.0
    # Small, public, and known to most nodes: kubelets start every pod with an image of this name.
    canary_image: str = "registry.k8s.io/pause:3.10"
    # Above this share of the fleet silent at once, the hub's own network is the likelier cause. It counts only where
    # neither agents nor anchors can tell.
    max_unhealthy_percent: int = 60


@dataclass(frozen=True, slots=True)
class AcceleratorType:
    """A row of the accelerator table: how a type is recognised, and how fast it is.

    Attributes:
        node_labels: all must match for a node to count as this type.
        relative_speed: training throughput relative to A100-80GB.
        watts: power of one accelerator under load, with its share of the machine.
    """

    name: str
    node_labels: dict[str, str]
    relative_speed: float | None = None
    watts: float | None = None


@dataclass(frozen=True, slots=True)
class Rebalance:
    """How fast work may move for money over the whole fleet."""

    # A price that jumps must not stampede a fleet: one move in ten seconds lets every next one see the others' effect.
    moves_per_minute: int = 6
    # How often running work is compared with other places.
    interval_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Where measured figures are read, unless a FederatedCluster names a server of its own. Times in seconds."""

    url: str = ""  # none: only metrics that name a server are read
    # Prices and grids change within minutes; a scrape is a minute old at most where nobody has changed the default.
    interval_s: float = 60.0
    # Prometheus itself ends a query after two minutes; by then the next one would be under way.
    timeout_s: float = 10.0


class FeedProvider(StrEnum):
    """The providers whose status feeds can be read; FederatedClusters name the provider by the same word."""

    AWS = "aws"
    GCP = "gcp"
    AZURE = "azure"


@dataclass(frozen=True, slots=True)
class StatusFeed:
    """A provider's own announcements of its outages. `url` is "" for the public address."""

    provider: FeedProvider
    url: str = ""
    # Providers announce an outage minutes after it began, and each of their feeds serves all the world.
    poll_interval_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ClusterPolicy:
    """The ClusterPlacementPolicy, or what counts without one."""

    layer: PolicyLayer = field(default_factory=PolicyLayer)
    detection: Detection = field(default_factory=Detection)
    moves: MoveBudget = field(default_factory=MoveBudget)
    accelerators: tuple[AcceleratorType, ...] = ()
    interruptions_per_hour: Mapping[Market, float] = field(default_factory=lambda: dict(INTERRUPTIONS_PER_HOUR))
    assumptions: Assumptions = field(default_factory=Assumptions)
    rebalance: Rebalance = field(default_factory=Rebalance)
    prometheus: Prometheus = field(default_factory=Prometheus)
    feeds: tuple[StatusFeed, ...] = ()
    anchors: tuple[str, ...] = ()
