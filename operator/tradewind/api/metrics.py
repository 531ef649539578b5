"""Figures that a Prometheus server measures: which, of what, and where they are asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tradewind.api.base import Model, Rule
from tradewind.api.scalars import URL, DNSLabel, Duration
from tradewind.model.fleet import CLUSTER_METRICS, MetricField

_CEL_CLUSTER_METRICS = f"[{', '.join(repr(each.value) for each in MetricField if each in CLUSTER_METRICS)}]"
_WHOSE = ", ".join(each.value for each in MetricField if each in CLUSTER_METRICS)


class PrometheusQuery(Model):
    """What is asked, and how old the answer may be."""

    query: Annotated[str, Field(min_length=1, max_length=4096)]
    """PromQL that gives one sample."""
    max_age: Duration | None = None
    """With an older sample the figure of the spec counts again; 10m where absent."""
    url: URL | None = None
    """The server; absent: the one of the ClusterPlacementPolicy."""

    RULES = (
        Rule(
            "prometheus: maxAge must be more than 0",
            "!has(self.maxAge) || duration(self.maxAge) > duration('0s')",
            lambda spec: spec.max_age is None or spec.max_age > 0,
        ),
    )


class MetricSpec(Model):
    """A measured figure that stands in for one of the spec."""

    name: DNSLabel
    """A name for it."""
    field: MetricField
    """The figure that it gives."""
    offer: DNSLabel | None = None
    """The offer whose figure it is; absent for those of the cluster."""
    prometheus: PrometheusQuery
    """Where it is measured."""

    RULES = (
        Rule(
            f"metrics: {_WHOSE} are the cluster's, so leave out offer; all other fields need it",
            f"has(self.offer) != (self.field in {_CEL_CLUSTER_METRICS})",
            lambda metric: (metric.offer is not None) != (metric.field in CLUSTER_METRICS),
        ),
    )


class PrometheusSpec(Model):
    """The Prometheus server that measured figures are read from; only those who run the hub can name one."""

    url: URL | None = None
    """Its address; absent: only metrics that name a server of their own are read."""
    interval: Duration | None = None
    """Time between two readings; 60s where absent."""
    timeout: Duration | None = None
    """How long one query may take, never longer than `interval`; 10s where absent."""

    RULES = (
        Rule(
            "prometheus: interval must be at least 1s",
            "!has(self.interval) || duration(self.interval) >= duration('1s')",
            lambda spec: spec.interval is None or spec.interval >= 1,
        ),
        Rule(
            "prometheus: timeout must be at least 100ms",
            "!has(self.timeout) || duration(self.timeout) >= duration('100ms')",
            lambda spec: spec.timeout is None or spec.timeout >= 0.1,  # noqa: PLR2004 - as in the message
        ),
    )
