"""FederatedCluster: a cluster that work may run on, what can be had there and at what price."""

from __future__ import annotations

from typing import Annotated

from annotated_types import MaxLen
from pydantic import Field

from tradewind.api.base import Model, Rule, list_atomic, list_map
from tradewind.api.parts import DetectionSpec, PodToleration, Resource, SecretKeyRef, Status
from tradewind.api.scalars import (
    AcceleratorName,
    Amount,
    Annotations,
    Country,
    DecimalUSD,
    DNSLabel,
    Duration,
    Labels,
    Line,
    Positive,
    Quantity,
    Short,
    Time,
    Whole,
)
from tradewind.model.fleet import Scheduling
from tradewind.model.health import Verdict  # noqa: TC001 - pydantic evaluates the annotation
from tradewind.model.workload import Market, Tier


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
    )


class Connection(Model):
    """How the cluster is reached."""

    kubeconfig_secret_ref: SecretKeyRef
    """A Secret in the operator's namespace that holds a kubeconfig."""


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
    connection: Connection
    """How it is reached."""
    scheduling: Scheduling = Scheduling.ENABLED
    """Cordoned takes no new work; what runs there stays."""
    detection: DetectionSpec = DetectionSpec()
    """Overrides the cluster policy's detection, for links or control planes that are slow."""
    offers: Annotated[tuple[OfferSpec, ...], list_map("name", at_most=64)] = ()
    """What can be had."""

    RULES = (
        Rule("provider can't be changed; make a new FederatedCluster", "self.provider == oldSelf.provider"),
        Rule("region can't be changed; make a new FederatedCluster", "self.region == oldSelf.region"),
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


class FreeNodes(Model):
    """How many nodes have how much free."""

    free: Whole
    """Free accelerators on one node."""
    nodes: Whole
    """Nodes with that many."""


class OfferStatus(Model):
    """What is there and free."""

    name: Short
    """The offer's name."""
    nodes: Whole
    """Nodes that exist."""
    free_accelerators: Whole
    """Free accelerators on all of them."""
    free_by_node: Annotated[tuple[FreeNodes, ...], list_map("free", at_most=257)] = ()
    """Free accelerators by node, as a histogram: eight on one node are not one on each of eight."""
    free_cpu: Amount
    """Free cores, as a quantity."""
    free_memory: Amount
    """Free memory, as a quantity."""


class OrphanStatus(Model):
    """A copy whose AIWorkload was deleted while the cluster was away."""

    namespace: Short
    """The copy's namespace."""
    name: Short
    """The copy's name."""
    uid: Annotated[str, MaxLen(64)]
    """The uid of the AIWorkload that it was delivered for."""


class ClusterStatus(Status):
    """What is known of the cluster."""

    verdict: Verdict | None = None
    """What the evidence amounts to."""
    reason: Short | None = None
    """A stable CamelCase word."""
    message: Line | None = None
    """The evidence."""
    since: Time | None = None
    """When the verdict began."""
    cluster_uid: Annotated[str, MaxLen(64)] | None = None
    """The UID of its kube-system namespace."""
    kubernetes_version: Annotated[str, MaxLen(64)] | None = None
    """Its API server's version."""
    inventoried_at: Time | None = None
    """When nodes and pods were last counted."""
    offers: Annotated[tuple[OfferStatus, ...], list_map("name", at_most=64)] = ()
    """What is there and free."""
    orphans: Annotated[tuple[OrphanStatus, ...], list_atomic(at_most=500)] = ()
    """Copies to be removed when the cluster returns, since nothing else on the hub remembers them."""
    workloads: Whole | None = None
    """Workloads that are placed there."""
    usd_per_hour: Amount | None = None
    """What they cost in an hour."""
