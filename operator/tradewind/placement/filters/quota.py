"""The namespace's quota on the member must hold the pods: a copy whose pods are refused there would wait for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tradewind.model.plan import Here, Refusal, Wake
from tradewind.model.workload import Replicas
from tradewind.placement.quotas import allowed, quota_left, short_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from tradewind.model.fleet import Cluster, Offer
    from tradewind.model.plan import Ask
    from tradewind.placement.facts import RowFacts
    from tradewind.placement.framework import FilterContext
    from tradewind.placement.table import Mask

QUOTA_EXCEEDED = "QuotaExceeded"


class WithinQuota:
    """What ResourceQuotas leave to the namespace holds the pods; one pod where they may be divided over clusters.

    It is about the beginning of the round; what the round itself reserves is in `placement.quotas`. On the offer where
    the work runs already, its pods are in the quota; another one of the same cluster needs room for both copies.
    """

    NAME: ClassVar[str] = "quota"
    REASONS: ClassVar[tuple[str, ...]] = (QUOTA_EXCEEDED,)
    HOLDS_WHILE_RUNNING: ClassVar[bool] = False
    WAKES_ON: ClassVar[Wake] = Wake.CAPACITY

    def reads(self, ask: Ask, /) -> Hashable | None:
        """The namespace, the pods, and where they are now."""
        work, pods = ask.workload, ask.workload.pods
        amounts = pods.cpu_cores, pods.memory_bytes, pods.accelerators, pods.accelerator_resource
        return work.key.namespace, _least(ask), amounts, ask.here

    def sees(self, cluster: Cluster, offer: Offer, /) -> Hashable:
        """The cluster and the offer, where there are quotas."""
        return (cluster.name, offer.name) if cluster.quotas else None

    def mask(self, ask: Ask, facts: RowFacts, /) -> Mask:
        """Compare all clusters at once: there are as many namespaces and shapes of pods as there are tenants."""
        return facts.within_quota(ask, count=_least(ask))

    def check(self, context: FilterContext, /) -> Refusal | None:
        """Refuse with what is too little."""
        cluster = context.cluster
        if not cluster.quotas or context.ask.here == Here(cluster.name, context.offer.name):
            return None
        return quota_refusal(
            context.ask, quota_left(cluster, context.workload.key.namespace), count=_least(context.ask)
        )


def quota_refusal(ask: Ask, left: Mapping[str, float], *, count: int) -> Refusal | None:
    """Say what of a quota is too little for so many of the pods; None where it holds them."""
    pods, namespace = ask.workload.pods, ask.workload.key.namespace
    if allowed(left, pods) >= count:
        return None
    short = "; ".join(short_of(left, pods, count=count))
    why = f"the ResourceQuotas of namespace {namespace} on the member leave too little: {short}"
    return Refusal(QUOTA_EXCEEDED, why, WithinQuota.WAKES_ON)


def _least(ask: Ask) -> int:
    spread = ask.workload.spread
    return 1 if spread.clusters > 1 and spread.replicas is Replicas.DIVIDED else ask.workload.pods.count
