"""Parts that several kinds share: metadata, selectors, tolerations, prices, conditions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from annotated_types import MaxLen
from pydantic import Field

from tradewind.api.base import Model, Rule, list_atomic, list_map, list_set
from tradewind.api.goals import BudgetSpec
from tradewind.api.scalars import (
    ConfigKey,
    DecimalUSD,
    Duration,
    LabelKey,
    Labels,
    LabelValue,
    ObjectName,
    Time,
    Whole,
)
from tradewind.model.policy import Failback, Guarantee, Mode


class Metadata(Model):
    """An object's metadata, as far as it is read here; the rest is known, so that a typing error is still found."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    uid: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: Any = None
    resource_version: Any = None
    generate_name: Any = None
    finalizers: Any = None
    owner_references: Any = None
    managed_fields: Any = None
    self_link: Any = None


class Resource(Model):
    """A whole object; its `spec` is added by each kind, its `status` is the operator's and never read from a file."""

    api_version: str = ""
    kind: str = ""
    metadata: Metadata
    status: Any = None


class SelectorOperator(StrEnum):
    """How a requirement compares."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class SelectorRequirement(Model):
    """One requirement of a label selector."""

    key: LabelKey
    """The label's key."""
    operator: SelectorOperator
    """How the label's value compares with `values`."""
    values: Annotated[tuple[LabelValue, ...], list_set(at_most=32)] = ()
    """The values for In and NotIn; empty for the others."""

    RULES = (
        Rule(
            "matchExpressions: In and NotIn need values, Exists and DoesNotExist take none",
            "self.operator in ['In', 'NotIn'] == (has(self.values) && size(self.values) > 0)",
            lambda term: (term.operator in {"In", "NotIn"}) == bool(term.values),
        ),
    )


class LabelSelector(Model):
    """Selects by labels; all requirements must hold."""

    match_labels: Labels = Field(default_factory=dict)
    """Labels that must be present with these values."""
    match_expressions: Annotated[tuple[SelectorRequirement, ...], list_atomic(at_most=16)] = ()
    """Further requirements."""


class TolerationOperator(StrEnum):
    """How a toleration compares."""

    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(StrEnum):
    """What a taint does."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class PodToleration(Model):
    """A toleration, as in a pod."""

    key: LabelKey | None = None
    """The taint's key; absent with Exists tolerates every taint."""
    operator: TolerationOperator | None = None
    """Equal where absent."""
    value: LabelValue | None = None
    """The taint's value, for Equal."""
    effect: TaintEffect | None = None
    """The taint's effect; absent tolerates all effects."""
    toleration_seconds: Whole | None = None
    """How long NoExecute is tolerated."""

    RULES = (
        Rule(
            "tolerations: without a key, operator must be Exists",
            "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
            lambda toleration: toleration.key is not None or toleration.operator == "Exists",
        ),
    )


class SecretKeyRef(Model):
    """A key of a Secret in the operator's namespace."""

    name: ObjectName
    """The Secret's name."""
    key: ConfigKey = "kubeconfig"
    """The key that holds the kubeconfig."""


class Prices(Model):
    """What time, emissions and distance are worth; nothing where no layer says it, and then they are only shown."""

    usd_per_delay_hour: DecimalUSD | None = None
    """What an hour of waiting, moving data and running costs you, in USD, beyond the machines."""
    usd_per_tonne_co2: DecimalUSD | None = None
    """What a tonne of CO2 equivalent costs you, in USD."""
    usd_per_round_trip_millisecond_hour: DecimalUSD | None = None
    """What a millisecond of round trip to the clients costs you, in USD for each hour of service."""


class RebalanceSpec(Model):
    """When running work moves for money: it must save at least both."""

    min_saving_usd: DecimalUSD | None = None
    """In USD, after all that the move itself costs; 50 where no layer says it."""
    min_saving_percent: Annotated[Whole, Field(le=100)] | None = None
    """In percent of what staying would still cost; 15 where no layer says it."""


class FailbackSpec(Model):
    """Whether work goes back to the cluster that an outage drove it from."""

    when: Failback | None = None
    """WhenHealthy: once it has been healthy for `after`. WhenCheaper: then, and if that is cheaper. Never where absent.
    """
    after: Duration | None = None
    """For how long that cluster must have been healthy without a break; 1h where no layer says it."""


class FailoverLimits(Model):
    """Limits on moves; where several layers set one, the strictest counts, but for failback the first that speaks."""

    cooldown: Duration | None = None
    """How long a workload stays after a move before it may move again."""
    max_moves_per_hour: Whole | None = None
    """Moves of one workload in an hour."""
    failback: FailbackSpec = FailbackSpec()
    """The way back after an outage."""


class Failover(FailoverLimits):
    """What happens when the cluster is lost."""

    guarantee: Guarantee | None = None
    """AtMostOnce never lets two copies run, so it waits while the old one can't be seen; AtLeastOnce starts at once."""


class DetectionSpec(Model):
    """How silence of an API server becomes an outage."""

    probe_interval: Duration | None = None
    """Time between probes."""
    down_after_one_kind: Duration | None = None
    """Silence of the API server after which the cluster counts as down, where no agent is heard; 30s where absent."""
    down_after_two_kinds: Duration | None = None
    """Silence of the API server and of the cluster's agent after which it counts as down; 8s where absent."""
    up_after: Duration | None = None
    """Time of good probes after which it counts as up again."""

    RULES = (
        Rule(
            "detection: probeInterval must be at least 200ms",
            "!has(self.probeInterval) || duration(self.probeInterval) >= duration('200ms')",
            lambda spec: spec.probe_interval is None or spec.probe_interval >= 0.2,  # noqa: PLR2004 - as in the message
        ),
        Rule(
            "detection: downAfterOneKind must be at least twice probeInterval, since one lost probe is no outage",
            "!has(self.probeInterval) || !has(self.downAfterOneKind) || "
            "duration(self.downAfterOneKind) >= duration(self.probeInterval) + duration(self.probeInterval)",
            lambda spec: (
                spec.probe_interval is None
                or spec.down_after_one_kind is None
                or spec.down_after_one_kind >= 2 * spec.probe_interval
            ),
        ),
        Rule(
            "detection: downAfterTwoKinds must be at least twice probeInterval, since one lost probe is no outage",
            "!has(self.probeInterval) || !has(self.downAfterTwoKinds) || "
            "duration(self.downAfterTwoKinds) >= duration(self.probeInterval) + duration(self.probeInterval)",
            lambda spec: (
                spec.probe_interval is None
                or spec.down_after_two_kinds is None
                or spec.down_after_two_kinds >= 2 * spec.probe_interval
            ),
        ),
    )


class PolicySpec(Model):
    """What both policies may say. Nothing here has a default, so that the next layer can speak."""

    mode: Mode | None = None
    """Recommend decides and shows, and touches nothing; it counts wherever any layer says it."""
    prices: Prices = Prices()
    """What time, emissions and distance are worth."""
    pricing_horizon: Duration | None = None
    """For how long work without a known end is priced; 24h where no layer says it."""
    rebalance: RebalanceSpec = RebalanceSpec()
    """When running work moves for money."""
    budget: BudgetSpec = BudgetSpec()
    """Limits on what each workload may cost."""


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """A condition, as metav1.Condition has it."""

    type: Annotated[str, MaxLen(316)]
    """CamelCase name."""
    status: ConditionStatus
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """A stable CamelCase word."""
    message: Annotated[str, MaxLen(4096)]
    """One sentence, with the next step where a person must act."""
    last_transition_time: Time
    """When `status` last changed."""
    observed_generation: Whole | None = None
    """The generation that it speaks of."""


class Status(Model):
    """What every status has."""

    observed_generation: Whole | None = None
    """The generation that the operator has dealt with."""
    conditions: Annotated[tuple[Condition, ...], list_map("type", at_most=16)] = ()
    """Ready, Reconciling, Stalled, and what the kind adds."""
