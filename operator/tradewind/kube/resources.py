"""Addresses of resources on an API server."""

from __future__ import annotations

from dataclasses import dataclass

GROUP_VERSION = "tradewind.dev/v1alpha1"
FIELD_MANAGER = "tradewind"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind with its address: `api_version` as in manifests, and the plural of its path."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Write the URL path of the collection, an object, or a subresource; no namespace means all of them."""
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        parts = [root]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


AIWORKLOADS = Resource(GROUP_VERSION, "AIWorkload", "aiworkloads")
FEDERATED_CLUSTERS = Resource(GROUP_VERSION, "FederatedCluster", "federatedclusters", namespaced=False)
NETWORK_MAPS = Resource(GROUP_VERSION, "NetworkMap", "networkmaps", namespaced=False)
CLUSTER_POLICIES = Resource(GROUP_VERSION, "ClusterPlacementPolicy", "clusterplacementpolicies", namespaced=False)
POLICIES = Resource(GROUP_VERSION, "PlacementPolicy", "placementpolicies")
DATASETS = Resource(GROUP_VERSION, "Dataset", "datasets")
FEW = (FEDERATED_CLUSTERS, NETWORK_MAPS, CLUSTER_POLICIES, POLICIES, DATASETS)
"""The hub's kinds of which there are hundreds at most."""

NODES = Resource("v1", "Node", "nodes", namespaced=False)
PODS = Resource("v1", "Pod", "pods")
NAMESPACES = Resource("v1", "Namespace", "namespaces", namespaced=False)
CONFIG_MAPS = Resource("v1", "ConfigMap", "configmaps")
SECRETS = Resource("v1", "Secret", "secrets")
RESOURCE_QUOTAS = Resource("v1", "ResourceQuota", "resourcequotas")
SERVICES = Resource("v1", "Service", "services")
SERVICE_ACCOUNTS = Resource("v1", "ServiceAccount", "serviceaccounts")
VOLUME_CLAIMS = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
EVENTS = Resource("events.k8s.io/v1", "Event", "events")
LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases")
PRIORITY_CLASSES = Resource("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", namespaced=False)
JOBS = Resource("batch/v1", "Job", "jobs")
DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")

COPIES = (JOBS, DEPLOYMENTS)
"""The kinds that work is delivered as."""
COMPANIONS = (
    SERVICES,
    CONFIG_MAPS,
    SECRETS,
    Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Resource("networking.k8s.io/v1", "Ingress", "ingresses"),
    Resource("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"),
)
"""The kinds that may come with it."""

_BY_KIND = {(r.api_version, r.kind): r for r in (*COPIES, *COMPANIONS)}


def deliverable(manifest: dict[str, object]) -> Resource:
    """Find the address of a manifest that may be delivered.

    Raises:
        KeyError: for any other kind.
    """
    return _BY_KIND[str(manifest["apiVersion"]), str(manifest["kind"])]
