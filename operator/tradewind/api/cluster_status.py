"""FederatedCluster.status: what is known of a cluster. The operator writes it as plain dicts."""

from __future__ import annotations

from typing import Annotated

from annotated_types import MaxLen

from tradewind.api.base import Model, list_atomic, list_map
from tradewind.api.parts import Status
from tradewind.api.scalars import Amount, Line, Short, Time, Whole
from tradewind.model.fleet import FigureState
from tradewind.model.health import EvidenceKind, Verdict


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


class MetricStatus(Model):
    """What has become of a measured figure."""

    name: Short
    """The metric's name."""
    value: Amount | None = None
    """What counts, to four significant digits; absent while the figure of the spec does."""
    at: Time | None = None
    """When it was measured; later samples that differ by less than 1 % are not written."""
    state: FigureState
    """Fresh; Stale, Invalid or Unavailable: see reason; Jump: it changed threefold, and is not believed yet."""
    reason: Short
    """A stable CamelCase word."""
    message: Line
    """What is wrong with it, and what counts meanwhile."""


class IncidentStatus(Model):
    """An outage that the provider announces."""

    id: Annotated[str, MaxLen(512)]
    """The provider's id of it."""
    title: Line
    """What the provider calls it."""
    service: Short
    """The service that clusters stand on."""
    began: Time
    """Since when, by the provider's word."""


class EvidenceStatus(Model):
    """What one kind of evidence says of the cluster's health."""

    kind: EvidenceKind
    """Reads and small writes of the hub, heartbeats of the agent, nodes, and launches of what was accepted."""
    says: Short
    """A stable CamelCase word."""
    since: Time | None = None
    """Since when it has been so."""
    message: Line
    """The same for people; latencies in steps of four."""


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
    evidence: Annotated[tuple[EvidenceStatus, ...], list_map("kind", at_most=8)] = ()
    """What the verdict rests on."""
    lost_at: Time | None = None
    """When it was lost last: it flaps if it is lost again within half an hour."""
    back_at: Time | None = None
    """Since when it takes work again after that; absent while it is on probation."""
    up_after_seconds: Whole | None = None
    """How long it had to answer after that."""
    cluster_uid: Annotated[str, MaxLen(64)] | None = None
    """The UID of its kube-system namespace."""
    kubernetes_version: Annotated[str, MaxLen(64)] | None = None
    """Its API server's version."""
    inventoried_at: Time | None = None
    """When nodes and pods were last counted."""
    offers: Annotated[tuple[OfferStatus, ...], list_map("name", at_most=64)] = ()
    """What is there and free."""
    orphans: Annotated[tuple[OrphanStatus, ...], list_atomic(at_most=2000)] = ()
    """Copies to be removed when the cluster returns, since nothing else on the hub remembers them."""
    metrics: Annotated[tuple[MetricStatus, ...], list_map("name", at_most=64)] = ()
    """Measured figures, in the order of spec.metrics."""
    incidents: Annotated[tuple[IncidentStatus, ...], list_map("id", at_most=16)] = ()
    """Outages that the provider announces for its region, oldest first; nothing moves for them alone."""
    workloads: Whole | None = None
    """Workloads that are placed there."""
    usd_per_hour: Amount | None = None
    """What they cost in an hour."""
