"""What measured figures make of a cluster's offers and carbon. Pure.

A figure that moves by less than 1 % stays as it was: so an offer, a price of a decision and a status change only with
something that anybody would act on.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tradewind.model.fleet import FigureState, MetricField
from tradewind.state.figures import Problem, Sample, alike, believed, finding, short
from tradewind.state.record import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.model.fleet import Cluster, Metric, Offer
    from tradewind.model.workload import Market
    from tradewind.state.figures import Figure

MATERIAL = 1.01
"""A change by a smaller factor is none."""
MAX_MESSAGE = 320
OFFER_FIELDS = {
    MetricField.USD_PER_ACCELERATOR_HOUR: "usd_per_accelerator_hour",
    MetricField.USD_PER_CPU_HOUR: "usd_per_cpu_hour",
    MetricField.INTERRUPTIONS_PER_HOUR: "interruptions_per_hour",
}
CARBON_FIELDS = {MetricField.GRAMS_CO2_PER_KWH: "grams_co2_per_kwh", MetricField.PUE: "pue"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a metric says now.

    Attributes:
        counts: the sample that counts; None where the spec's figure does.
        wrong: what is wrong with it; None where it is fresh.
    """

    metric: Metric
    counts: Sample | None
    wrong: Problem | None

    @property
    def state(self) -> FigureState:
        """What is to be said of it."""
        return FigureState.FRESH if self.wrong is None else self.wrong.state

    @property
    def message(self) -> str:
        """What is wrong with it, and what counts instead, in sentences."""
        if self.wrong is None:
            return "The last answer counts."
        instead = "The spec's figure counts" if self.counts is None else f"{short(self.counts.value)} still counts"
        return f"{self.wrong.reason}: {self.wrong.message[:MAX_MESSAGE].rstrip('.')}. {instead}."

    @property
    def phrase(self) -> str:
        """What is to be known of the figure where a price is explained; "" where it is fresh."""
        if self.wrong is None:
            return ""
        source = "is the spec's" if self.counts is None else "is the last good one"
        return f"{self.metric.field} {source}: metric {self.metric.name} is {self.state} ({self.wrong.reason})"


def measure(metric: Metric, figure: Figure, before: Measured | None, *, now_s: float) -> Measured:
    """Say what a metric says now; `before` itself where that is the same."""
    counts = believed(figure, max_age_s=metric.max_age_s, now_s=now_s)
    wrong = finding(figure, max_age_s=metric.max_age_s, now_s=now_s)
    if before is None or before.metric != metric:
        return Measured(metric, counts, wrong)
    was = before.counts
    if counts is not None and was is not None and alike(counts.value, was.value, factor=MATERIAL):
        counts = was
    return before if (counts, wrong) == (was, before.wrong) else Measured(metric, counts, wrong)


def said_by(spec: Cluster, metric: Metric) -> float | None:
    """Give the spec's own figure; None where it has none, which for a price is written as 0."""
    if metric.field in CARBON_FIELDS:
        value: float | None = getattr(spec.carbon, CARBON_FIELDS[metric.field])
        return value
    offer = _offer_of(spec, metric)
    value = None if offer is None else getattr(offer, OFFER_FIELDS[metric.field])
    return value if value or metric.field is MetricField.INTERRUPTIONS_PER_HOUR else None


def market_of(spec: Cluster, metric: Metric) -> Market | None:
    """Name the market of a metric's offer; None for a figure of the cluster."""
    offer = _offer_of(spec, metric)
    return None if offer is None else offer.market


def lay(spec: Cluster, measured: Iterable[Measured]) -> Cluster:
    """Lay what is measured over a spec. What no metric changes stays the very same object."""
    offers = {offer.name: offer for offer in spec.offers}
    carbon = spec.carbon
    for each in measured:
        metric = each.metric
        if metric not in spec.metrics:
            continue
        if metric.field in CARBON_FIELDS:
            carbon = replace(carbon, **_changes(CARBON_FIELDS[metric.field], each, carbon.assumed))
        else:
            changes = _changes(OFFER_FIELDS[metric.field], each, offers[metric.offer].assumed)
            offers[metric.offer] = replace(offers[metric.offer], **changes)
    return replace(spec, offers=tuple(offers.values()), carbon=carbon)


def differ(spec: Cluster, before: Iterable[Measured], after: Iterable[Measured]) -> bool:
    """Whether a figure that counts has changed, by more than 1 %."""
    old, new = ({each.metric: each.counts for each in measured} for measured in (before, after))
    return any(_value(spec, metric, old) != _value(spec, metric, new) for metric in spec.metrics)


def written(spec: Cluster, status: Mapping[str, Any]) -> tuple[Measured, ...]:
    """Read what an operator has written of a cluster's metrics.

    A status that is about an earlier spec says nothing about the metrics of this one: `spec` must be what it observed.
    """
    metrics = {metric.name: metric for metric in spec.metrics}
    found = (each for each in status.get("metrics") or () if isinstance(each, dict) and each.get("name") in metrics)
    return tuple(_read(metrics[each["name"]], each) for each in found)


def _read(metric: Metric, entry: Mapping[str, Any]) -> Measured:
    counts = wrong = None
    with suppress(KeyError, TypeError, ValueError):
        counts = Sample(float(entry["value"]), seconds_of(entry.get("at")))
    with suppress(ValueError):
        state = FigureState(str(entry.get("state")))
        wrong = Problem(state, str(entry.get("reason")), str(entry.get("message")))
    return Measured(metric, counts, None if wrong is not None and wrong.state is FigureState.FRESH else wrong)


def _value(spec: Cluster, metric: Metric, counts: Mapping[Metric, Sample | None]) -> float | None:
    sample = counts.get(metric)
    return said_by(spec, metric) if sample is None else sample.value


def _offer_of(spec: Cluster, metric: Metric) -> Offer | None:
    return next((offer for offer in spec.offers if offer.name == metric.offer), None)


def _changes(name: str, measured: Measured, assumed: tuple[str, ...]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if measured.counts is not None:
        changes[name] = measured.counts.value
    if measured.phrase:
        changes["assumed"] = (*assumed, measured.phrase)
    return changes
