"""The fleet and the workloads of the operator's tests, as their users would write them."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]
GROUP = "tradewind.dev/v1alpha1"
H100 = "H100-80GB"
ONE_HOUR = {"duration": "1h"}

POLICY: Manifest = {
    "apiVersion": GROUP,
    "kind": "ClusterPlacementPolicy",
    "metadata": {"name": "default"},
    "spec": {"detection": {"probeInterval": "1s", "downAfterOneKind": "5s", "upAfter": "3s"}},
}
PRICES = {"aws": "2", "gcp": "3", "onprem": "4"}
"""USD for an H100 and hour: aws is the cheapest, then gcp."""
REGIONS = {"aws": "eu-south-2", "gcp": "europe-west4", "onprem": "madrid"}


def a_cluster(name: str, *offers: Manifest, secret: str = "", nodes: str = "") -> Manifest:
    return {
        "apiVersion": GROUP,
        "kind": "FederatedCluster",
        "metadata": {"name": name, "annotations": {"lab.tradewind.dev/nodes": nodes} if nodes else {}},
        "spec": {
            "provider": name,
            "region": REGIONS.get(name, "nowhere"),
            "connection": {"kubeconfigSecretRef": {"name": secret or name, "key": "kubeconfig"}},
            "offers": list(offers),
        },
    }


def an_offer(name: str, accelerator: str, price: str, *, per_node: int = 8, **more: Any) -> Manifest:
    return {
        "name": name,
        "accelerator": accelerator,
        "perNode": per_node,
        "market": "OnDemand",
        "usdPerAcceleratorHour": price,
        "podPatch": {"nodeSelector": {"pool": name}},
        **more,
    }


def a_cpu_offer(price: str) -> Manifest:
    return {
        "name": "cpu",
        "market": "OnDemand",
        "usdPerCPUHour": price,
        "podPatch": {"nodeSelector": {"pool": "cpu"}},
    }


def the_fleet() -> list[Manifest]:
    """Two nodes of eight H100 at each of aws and gcp, one at onprem, which can also grow L4 from zero."""
    aws, gcp, onprem = (an_offer("h100", H100, PRICES[name]) for name in ("aws", "gcp", "onprem"))
    growing = an_offer("l4", "L4", "0.5", per_node=2, maxNodes=2, provisioning="2s")
    return [
        a_cluster("aws", aws, a_cpu_offer("0.03"), nodes="h100=2,cpu=1"),
        a_cluster("gcp", gcp, a_cpu_offer("0.04"), nodes="h100=2,cpu=1"),
        a_cluster("onprem", onprem, growing, nodes="h100=1"),
    ]


def a_job(name: str, *, accelerators: int = 1, kind: str = H100, run_for: str = "", **spec: Any) -> Manifest:
    """A batch Job; without `run_for` (as Go writes durations) its pods never end."""
    template = spec.pop("template", None) or job_template(accelerators, run_for=run_for)
    return _workload(name, "Batch", template=template, kind=kind, spec=spec)


def job_template(
    accelerators: int = 1, *, image: str = "example.org/batch:1", run_for: str = "", **pod: Any
) -> Manifest:
    container = {"name": "main", "image": image, "resources": _limits(accelerators), **pod.pop("container", {})}
    annotations = {"lab.tradewind.dev/run-for": run_for} if run_for else {}
    body = {"restartPolicy": "Never", "containers": [container], **pod}
    template = {"metadata": {"annotations": annotations}, "spec": body}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template}}


def a_job_at_rest(name: str) -> Manifest:
    """A Job of nobody's, without a pod."""
    job = job_template(0)
    return {**job, "metadata": {"name": name}, "spec": {**job["spec"], "suspend": True}}


def a_service(name: str, *, replicas: int = 1, image: str = "example.org/chat:1", **spec: Any) -> Manifest:
    """Inference: a Deployment."""
    run = {"image": image, "replicas": replicas, "ports": [8000], "resources": _limits(1)}
    return _workload(name, "Inference", run=run, kind=H100, spec=spec)


def _limits(accelerators: int) -> Manifest:
    return {"limits": {"nvidia.com/gpu": str(accelerators)}} if accelerators else {"requests": {"cpu": "1"}}


def _workload(name: str, type_: str, *, kind: str, spec: Manifest, **work: Manifest) -> Manifest:
    accelerators = {"accelerators": {"anyOf": [kind]}} if kind else {}
    return {
        "apiVersion": GROUP,
        "kind": "AIWorkload",
        "metadata": {"name": name},
        "spec": {
            key: value
            for key, value in {"type": type_, "expectedRuntime": ONE_HOUR, **accelerators, **work, **spec}.items()
            if value is not None
        },
    }


def a_config(kind: str, name: str, **data: str) -> Manifest:
    """A ConfigMap or Secret."""
    field = "stringData" if kind == "Secret" else "data"
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: data}


def guarantee(wanted: str) -> Manifest:
    """Spec fields that ask for this guarantee."""
    return {"failover": {"guarantee": wanted}}


def only_on(cluster: str) -> Manifest:
    """Spec fields that allow one cluster of the fleet only."""
    return {"constraints": {"providers": {"allow": [cluster]}}}
