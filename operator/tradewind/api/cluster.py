"""FederatedCluster: a cluster that work may run on, what can be had there and at what price."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tradewind.api.base import Model, Rule, list_atomic, list_map, list_set
from tradewind.api.metrics import MetricSpec
from tradewind.api.parts import DetectionSpec, PodToleration, Resource, SecretKeyRef
from tradewind.api.scalars import (
    AcceleratorName,
    Annotations,
    CertificationName,
    Country,
    Decimal,
    DecimalUSD,
    DNSLabel,
    Duration,
    Labels,
    LastDay,
    Positive,
    Quantity,
    Whole,
)
from tradewind.model.fleet import MetricField, Scheduling
from tradewind.model.workload import RDMA_FABRICS, Encryption, Interconnect, Market, Tier

_FABRICS = ", ".join(each for each in Interconnect if each in RDMA_FABRICS)


class PodPatch(Model):
    """Merged into the pods that are delivered for the offer."""

    node_selector: Labels = Field(default_factory=dict)
    """Added to the pods' node selector; also says which nodes the offer speaks of."""
    tolerations: Annotated[tuple[PodToleration, ...], list_atomic(at_most=16)] = ()
    """Added to the pods' tolerations."""
    annotations: Annotations = Field(default_factory=dict)
    """Added to the pods' annotations."""


class NodeResources(Model):
    """What a new node of the pool brings."""

    cpu: Quantity
    """Cores that pods can use."""
    memory: Quantity
    """Memory that pods can use, in bytes."""


class OfferSpec(Model):
    """What can be had, at which price, and how to ask for it."""

    name: DNSLabel
    """The offer's name."""
    accelerator: AcceleratorName | None = None
    """The type; absent: an offer for work without accelerators."""
    per_node: Annotated[Positive, Field(le=256)] | None = None
    """Accelerators on one node."""
    market: Market
    """How it is bought."""
    usd_per_accelerator_hour: DecimalUSD | None = None
    """Price of one accelerator for an hour, in USD, with its share of the machine."""
    usd_per_cpu_hour: DecimalUSD | None = None
    """Price of one core for an hour, in USD, for work without accelerators."""
    max_nodes: Annotated[Positive, Field(le=100000)] | None = None
    """The pool may grow to this from zero; absent: only nodes that exist."""
    provisioning: Duration | None = None
    """From asking for a new node to its being ready; 10m is assumed where absent."""
    node_resources: NodeResources | None = None
    """What a new node of the pool brings; absent: as much as its accelerators' pods ask for."""
    interconnect: Interconnect | None = None
    """The fabric between its nodes; absent: refused by work that needs one."""
    node_bandwidth: Quantity | None = None
    """What a node can send to the others by it, in bits per second; absent: refused by work that needs some."""
    interruptions_per_hour: Decimal | None = None
    """How often a node is taken away; absent: the policy's rate for the market."""
    pod_patch: PodPatch = PodPatch()
    """Merged into the delivered pods: this is what makes the market and the type true."""

    RULES = (
        Rule(
            "offers: an accelerator needs perNode and usdPerAcceleratorHour",
            "!has(self.accelerator) || (has(self.perNode) && has(self.usdPerAcceleratorHour))",
            lambda offer: (
                offer.accelerator is None or (offer.per_node is not None and offer.usd_per_accelerator_hour is not None)
            ),
        ),
        Rule(
            "offers: without an accelerator usdPerCPUHour is needed, and perNode, usdPerAcceleratorHour mean nothing",
            "has(self.accelerator) || "
            "(has(self.usdPerCPUHour) && !has(self.perNode) && !has(self.usdPerAcceleratorHour))",
            lambda offer: (
                offer.accelerator is not None
                or (
                    offer.usd_per_cpu_hour is not None
                    and offer.per_node is None
                    and offer.usd_per_accelerator_hour is None
                )
            ),
        ),
        Rule(
            "offers: maxNodes without an accelerator needs nodeResources, since nothing else says what a node brings",
            "!has(self.maxNodes) || has(self.accelerator) || has(self.nodeResources)",
            lambda offer: offer.max_nodes is None or offer.accelerator is not None or offer.node_resources is not None,
        ),
        Rule(
            f"offers: RDMA is a wish of work that any of {_FABRICS} fulfils; name the fabric",
            "!has(self.interconnect) || self.interconnect != 'RDMA'",
            lambda offer: offer.interconnect is not Interconnect.RDMA,
        ),
    )


class Connection(Model):
    """How the cluster is reached."""

    kubeconfig_secret_ref: SecretKeyRef
    """A Secret in the operator's namespace that holds a kubeconfig."""


class CertificationSpec(Model):
    """What an auditor has confirmed."""

    name: CertificationName
    """Its name, as workloads ask for it, such as ISO27001; an open vocabulary."""
    valid_until: LastDay | None = None
    """The last day on which it holds, in UTC; absent: without an end."""


class CarbonSpec(Model):
    """What its power costs the climate."""

    grams_co2_per_kwh: Annotated[Whole, Field(le=5000)] | None = None
    """Grams of CO2 equivalent of the grid; absent: a pessimistic assumption, which is shown."""
    pue: Decimal | None = None
    """Power usage effectiveness: what the site draws for each unit that reaches the machines; absent likewise."""

    RULES = (
        Rule(
            "carbon: pue must be at least 1, since the machines' own power is in it",
            "!has(self.pue) || double(self.pue) >= 1.0",
            lambda carbon: carbon.pue is None or carbon.pue >= 1,
        ),
    )


def _metric_finds_its_offer(spec: ClusterSpec) -> bool:
    by_name = {offer.name: offer for offer in spec.offers}
    return all(metric.offer is None or metric.offer in by_name for metric in spec.metrics)


def _metric_fits_its_offer(spec: ClusterSpec) -> bool:
    has_accelerator = {offer.name: offer.accelerator is not None for offer in spec.offers}
    return all(
        metric.field is not MetricField.USD_PER_ACCELERATOR_HOUR or has_accelerator.get(metric.offer or "", True)
        for metric in spec.metrics
    )


def _every_figure_has_one_metric(spec: ClusterSpec) -> bool:
    return len({(metric.offer, metric.field) for metric in spec.metrics}) == len(spec.metrics)


class ClusterSpec(Model):
    """Where the cluster is, how it is reached, and what can be had on it."""

    provider: DNSLabel
    """Who runs it, such as aws or gcp; an open vocabulary. Can't be changed."""
    region: DNSLabel
    """The provider's region. Can't be changed."""
    tier: Tier = Tier.CLOUD
    """Where it stands."""
    jurisdiction: Country | None = None
    """The country whose law holds there, by ISO 3166-1; absent: refused by work that must stay in some."""
    operator_jurisdictions: Annotated[tuple[Country, ...], list_set(at_most=16)] = ()
    """The countries whose courts can compel those who run it; absent: refused by work that allows only some."""
    connection: Connection
    """How it is reached."""
    scheduling: Scheduling = Scheduling.ENABLED
    """Cordoned takes no new work, and what runs there stays; with Draining that leaves, at its next checkpoint."""
    detection: DetectionSpec = DetectionSpec()
    """Overrides the cluster policy's detection, for links or control planes that are slow."""
    offers: Annotated[tuple[OfferSpec, ...], list_map("name", at_most=64)] = ()
    """What can be had."""
    certifications: Annotated[tuple[CertificationSpec, ...], list_map("name", at_most=32)] = ()
    """What auditors have confirmed."""
    encryption: Annotated[tuple[Encryption, ...], list_set(at_most=2)] = ()
    """What it encrypts."""
    carbon: CarbonSpec = CarbonSpec()
    """What its power costs the climate."""
    metrics: Annotated[tuple[MetricSpec, ...], list_map("name", at_most=64)] = ()
    """Figures that a Prometheus server measures, in place of those above."""

    RULES = (
        Rule("provider can't be changed; make a new FederatedCluster", "self.provider == oldSelf.provider"),
        Rule("region can't be changed; make a new FederatedCluster", "self.region == oldSelf.region"),
        Rule(
            "metrics: each offer that is named must be among offers",
            "!has(self.metrics) || self.metrics.all(metric, !has(metric.offer) || "
            "(has(self.offers) && self.offers.exists(offer, offer.name == metric.offer)))",
            _metric_finds_its_offer,
        ),
        Rule(
            "metrics: usdPerAcceleratorHour can only be given to an offer that has an accelerator",
            "!has(self.metrics) || !has(self.offers) || self.metrics.all(metric, "
            "metric.field != 'usdPerAcceleratorHour' || !self.offers.exists(offer, "
            "has(metric.offer) && offer.name == metric.offer && !has(offer.accelerator)))",
            _metric_fits_its_offer,
        ),
        Rule(
            "metrics: a figure can only be given by one of them",
            "!has(self.metrics) || self.metrics.all(metric, self.metrics.exists_one(other, "
            "other.field == metric.field && (has(other.offer) ? other.offer : '') == "
            "(has(metric.offer) ? metric.offer : '')))",
            _every_figure_has_one_metric,
        ),
    )


class FederatedCluster(Resource):
    """A cluster that work may run on. Its name is the one that Argo CD knows it by."""

    spec: ClusterSpec
    """Where the cluster is, how it is reached, and what can be had on it."""

    RULES = (
        Rule(
            "metadata.name: at most 63 characters, since labels carry it",
            "size(self.metadata.name) <= 63",
            lambda cluster: len(cluster.metadata.name) <= 63,  # noqa: PLR2004 - as in the message
        ),
    )
