"""FederatedClusters as the core's data."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from tradewind.api.cluster import CertificationSpec, FederatedCluster, OfferSpec
from tradewind.api.reading import read
from tradewind.model.fleet import Carbon, Certification, Cluster, Metric, Offer, Toleration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.api.metrics import MetricSpec

UNSTATED_PROVISIONING_S = 600.0
"""For pools that don't say how long a node takes: pessimistic, so that a pool that says it is preferred."""
UNSTATED_MAX_AGE_S = 600.0
"""For metrics that don't say how old a sample may be: ten readings at the default interval may fail."""


def cluster_from(obj: Mapping[str, Any]) -> Cluster:
    """Read a FederatedCluster, without its nodes."""
    resource = read(FederatedCluster, obj)
    spec = resource.spec
    return Cluster(
        name=resource.metadata.name,
        provider=spec.provider,
        region=spec.region,
        tier=spec.tier,
        jurisdiction=spec.jurisdiction or "",
        scheduling=spec.scheduling,
        labels=resource.metadata.labels,
        offers=tuple(_offer(offer) for offer in spec.offers),
        operator_jurisdictions=frozenset(spec.operator_jurisdictions),
        certifications=tuple(_certification(each) for each in spec.certifications),
        encryption=frozenset(spec.encryption),
        carbon=Carbon(
            None if spec.carbon.grams_co2_per_kwh is None else float(spec.carbon.grams_co2_per_kwh), spec.carbon.pue
        ),
        metrics=tuple(_metric(metric) for metric in spec.metrics),
    )


def _certification(spec: CertificationSpec) -> Certification:
    return Certification(spec.name) if spec.valid_until is None else Certification(spec.name, spec.valid_until)


def _metric(spec: MetricSpec) -> Metric:
    asked = spec.prometheus
    return Metric(
        name=spec.name,
        field=spec.field,
        query=asked.query,
        offer=spec.offer or "",
        url=asked.url or "",
        max_age_s=UNSTATED_MAX_AGE_S if asked.max_age is None else asked.max_age,
    )


def _offer(spec: OfferSpec) -> Offer:
    brings = spec.node_resources
    provisioning = spec.provisioning
    if provisioning is None:
        provisioning = UNSTATED_PROVISIONING_S if spec.max_nodes else 0.0
    return Offer(
        name=spec.name,
        market=spec.market,
        accelerator=spec.accelerator or "",
        per_node=spec.per_node or 0,
        usd_per_accelerator_hour=spec.usd_per_accelerator_hour or 0.0,
        usd_per_cpu_hour=spec.usd_per_cpu_hour or 0.0,
        max_nodes=spec.max_nodes,
        provisioning_s=provisioning,
        node_selector=spec.pod_patch.node_selector,
        tolerations=tuple(
            Toleration(each.key or "", str(each.operator or "Equal"), each.value or "", str(each.effect or ""))
            for each in spec.pod_patch.tolerations
        ),
        node_cpu_cores=brings.cpu if brings else inf,
        node_memory_bytes=brings.memory if brings else inf,
        interconnect=spec.interconnect,
        node_gbps=(spec.node_bandwidth or 0.0) / 1e9,
        interruptions_per_hour=spec.interruptions_per_hour,
    )


def kubeconfig_ref(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Say which Secret of the operator's namespace, and which key of it, holds a cluster's kubeconfig."""
    reference = read(FederatedCluster, obj).spec.connection.kubeconfig_secret_ref
    return reference.name, reference.key
