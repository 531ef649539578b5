"""A fleet for tests of placement: aws is the cheapest for an H100, and each wish that work may have rules it out.

It stands in Switzerland, so outside the EU; its certificate has expired; it encrypts less, has no fabric that anybody
named, and a narrow network. gcp is next by price, in the Netherlands; onprem is the dearest, and its operators are
Spanish.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.lab.operator_manifests import GROUP, H100, a_job, a_service, an_offer

Manifest = dict[str, Any]
A100 = "A100-80GB"
BOTH = [A100, H100]
ZURICH = "cdn/zurich"
"""Where clients are."""
PLACES = {"aws": "aws/eu-central-2", "gcp": "gcp/europe-west4", "onprem": "onprem/madrid"}

_SPOT = {
    "nodeSelector": {"pool": "h100-spot", "market": "spot"},
    "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
    "annotations": {"example.org/reclaimable": "yes"},
}


def the_fleet() -> list[Manifest]:
    """Three members, each with H100; gcp has A100 by two on a node, and onprem by eight."""
    return [
        _cluster(
            "aws",
            an_offer("h100", H100, "2", nodeBandwidth="100G"),
            nodes="h100=2",
            labels={"env": "dev"},
            jurisdiction="CH",
            operatorJurisdictions=["US"],
            certifications=[{"name": "ISO27001", "validUntil": "2020-12-31"}],
            encryption=["InTransit"],
        ),
        _cluster(
            "gcp",
            an_offer("h100", H100, "3", interconnect="Andromeda", nodeBandwidth="1600G"),
            an_offer("h100-spot", H100, "2.5", market="Spot", podPatch=_SPOT),
            an_offer("a100", A100, "0.5", per_node=2),
            nodes="h100=2,h100-spot=2,a100=10",
            labels={"env": "prod"},
            jurisdiction="NL",
            operatorJurisdictions=["US"],
            certifications=[{"name": "ISO27001", "validUntil": "2099-12-31"}, {"name": "SOC2"}],
            encryption=["AtRest", "InTransit"],
        ),
        _cluster(
            "onprem",
            an_offer("h100", H100, "4", market="Owned", interconnect="InfiniBand", nodeBandwidth="3200G"),
            an_offer("a100", A100, "1", market="Owned"),
            nodes="h100=2,a100=1",
            labels={"env": "lab"},
            tier="OnPrem",
            jurisdiction="ES",
            operatorJurisdictions=["ES"],
            certifications=[{"name": "ENS-High"}],
        ),
    ]


def _cluster(name: str, *offers: Manifest, nodes: str, labels: dict[str, str], **spec: Any) -> Manifest:
    provider, _, region = PLACES[name].partition("/")
    return {
        "apiVersion": GROUP,
        "kind": "FederatedCluster",
        "metadata": {"name": name, "labels": labels, "annotations": {"lab.tradewind.dev/nodes": nodes}},
        "spec": {
            "provider": provider,
            "region": region,
            "connection": {"kubeconfigSecretRef": {"name": name, "key": "kubeconfig"}},
            "offers": list(offers),
            **spec,
        },
    }


def a_network_map(name: str, *links: Manifest, **spec: Any) -> Manifest:
    return {
        "apiVersion": GROUP,
        "kind": "NetworkMap",
        "metadata": {"name": name},
        "spec": {"links": list(links), **spec},
    }


def a_link(source: str, target: str, *, gbps: float = 10.0, usd: str = "0.02", ms: int = 20) -> Manifest:
    return {
        "from": source,
        "to": target,
        "bandwidth": f"{round(gbps * 1000)}M",
        "egressUSDPerGB": usd,
        "roundTrip": f"{ms}ms",
    }


def both_ways(source: str, target: str, **figures: Any) -> tuple[Manifest, Manifest]:
    return a_link(source, target, **figures), a_link(target, source, **figures)


def the_network() -> Manifest:
    """Ample links between all members; clients in Zürich are near to gcp alone. Buckets in Ohio are in the US."""
    places = list(PLACES.values())
    return a_network_map(
        "measured",
        *(a_link(source, target) for source in places for target in places if source != target),
        *(a_link("aws/us-east-2", target) for target in places),
        *both_ways(ZURICH, PLACES["aws"], ms=80),
        *both_ways(ZURICH, PLACES["gcp"], ms=20),
        *both_ways(ZURICH, PLACES["onprem"], ms=90),
        locations=[{"location": "aws/us-east-2", "jurisdiction": "US", "operatorJurisdictions": ["US"]}],
    )


def a_dataset(name: str, *locations: str, size: str = "1G", **spec: Any) -> Manifest:
    return {
        "apiVersion": GROUP,
        "kind": "Dataset",
        "metadata": {"name": name},
        "spec": {"size": size, "replicas": [{"location": each} for each in locations], **spec},
    }


def reads(*datasets: str, **more: Any) -> list[Manifest]:
    """A workload's `data`: Datasets of its own namespace."""
    return [{"name": name, "datasetRef": {"name": name}, **more} for name in datasets]


def a_policy(name: str, **spec: Any) -> Manifest:
    return {"apiVersion": GROUP, "kind": "PlacementPolicy", "metadata": {"name": name}, "spec": spec}


def a_wish(name: str, *, served: bool = False, **spec: Any) -> Manifest:
    """Work for one H100 and an hour, with these fields of its spec; a Job, or a Deployment if it is served."""
    work = a_service(name) if served else a_job(name)
    work["spec"] |= spec
    return work


def in_five_hours() -> str:
    """A time, as deadlines are written."""
    return f"{datetime.now(UTC) + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"


def http_routes() -> Manifest:
    """The kind HTTPRoute, as a cluster without the Gateway API would have it installed."""
    group = "gateway.networking.k8s.io"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"httproutes.{group}",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api"},
        },
        "spec": {
            "group": group,
            "names": {"kind": "HTTPRoute", "listKind": "HTTPRouteList", "plural": "httproutes"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def a_route(name: str) -> Manifest:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {"rules": [{"backendRefs": [{"name": name, "port": 80}]}]},
    }
