"""Simulated nodes and pods behave as the fleet and the pods' annotations say."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tradewind.lab import fleet
from tradewind.lab.lab import Lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab

SPOT = {"karpenter.sh/capacity-type": "spot"}
FLEET = """
apiVersion: tradewind.dev/v1alpha1
kind: FederatedCluster
metadata: {name: gcp-one, annotations: {lab.tradewind.dev/nodes: "h100=1"}}
spec:
  provider: gcp
  region: europe-west4
  connection: {kubeconfigSecretRef: {name: grower}}
  offers:
  - name: h100
    accelerator: H100-80GB
    perNode: 8
  - name: h100-spot
    accelerator: H100-80GB
    perNode: 8
    maxNodes: 2
    provisioning: 60s
    podPatch:
      nodeSelector: {karpenter.sh/capacity-type: spot}
      tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
"""


def job(name: str, *, pods: int = 1, accelerators: int = 1, run_for: str = "", spot: bool = False) -> str:
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "containers": [{"name": "a", "image": "x", "resources": {"limits": {"nvidia.com/gpu": str(accelerators)}}}],
    }
    if spot:
        spec["nodeSelector"] = SPOT
        spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    annotations = {"lab.tradewind.dev/run-for": run_for} if run_for else {}
    template = {"metadata": {"annotations": annotations}, "spec": spec}
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"parallelism": pods, "completions": pods, "template": template},
    }
    return json.dumps(manifest)


def pods_of(lab: Lab, cluster: str, name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(
        lab.kubectl(cluster, "get", "pods", "-l", f"job-name={name}", "-o", "json")
    )["items"]
    return items


def test_a_jobs_pod_runs_for_as_long_as_its_annotation_says(lab: Lab) -> None:
    lab.kubectl("gcp", "create", "-f", "-", stdin=job("short", run_for="2s"))
    lab.kubectl("gcp", "wait", "job/short", "--for=condition=Complete", "--timeout=15s")
    [pod] = pods_of(lab, "gcp", "short")
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    lasted = datetime.fromisoformat(ended["finishedAt"]) - datetime.fromisoformat(ended["startedAt"])
    assert 2 <= lasted.total_seconds() <= 4
    lab.kubectl("gcp", "delete", "job", "short")


@pytest.mark.parametrize(
    "run_for", [pytest.param("", id="no annotation"), pytest.param("soon", id="an annotation that is no duration")]
)
def test_a_jobs_pod_runs_for_ever_with(lab: Lab, run_for: str) -> None:
    lab.kubectl("gcp", "create", "-f", "-", stdin=job("endless", run_for=run_for))
    # A Job with an end of its own, started later, is the clock: KWOK serves pods in order.
    lab.kubectl("gcp", "create", "-f", "-", stdin=job("clock", run_for="3s"))
    lab.kubectl("gcp", "wait", "job/clock", "--for=condition=Complete", "--timeout=15s")
    assert [pod["status"]["phase"] for pod in pods_of(lab, "gcp", "endless")] == ["Running"]
    lab.kubectl("gcp", "delete", "job", "endless", "clock")


def test_time_goes_on_for_a_pod_while_its_control_plane_is_dead(lab: Lab) -> None:
    lab.kubectl("gcp", "create", "-f", "-", stdin=job("through", run_for="8s"))
    lab.kubectl("gcp", "wait", "pod", "-l", "job-name=through", "--for=condition=Ready", "--timeout=10s")
    lab.kill("gcp")
    lab.resume("gcp")
    lab.kubectl("gcp", "wait", "job/through", "--for=condition=Complete", "--timeout=20s")
    [pod] = pods_of(lab, "gcp", "through")
    started = datetime.fromisoformat(pod["status"]["startTime"])
    ended = datetime.fromisoformat(pod["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"])
    assert 8 <= (ended - started).total_seconds() <= 12
    lab.kubectl("gcp", "delete", "job", "through")


def test_a_deployment_with_a_service_becomes_available_and_has_endpoints(lab: Lab) -> None:
    lab.kubectl("onprem", "create", "deployment", "web", "--image=x", "--replicas=2", "--port=80")
    lab.kubectl("onprem", "expose", "deployment", "web")
    lab.kubectl("onprem", "rollout", "status", "deployment/web", "--timeout=15s")
    lab.kubectl(
        "onprem",
        "wait",
        "endpointslice",
        "-l",
        "kubernetes.io/service-name=web",
        "--for=jsonpath={.endpoints[1].conditions.ready}=true",
        "--timeout=10s",
    )
    lab.kubectl("onprem", "delete", "deployment,service", "web")


def test_a_fleets_pools_exist_or_grow_after_their_provisioning(
    own_lab_name: str, lab_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    lab = Lab.up(own_lab_name, pools=fleet.read(tmp_path), time_scale=1 / 60, root=lab_root)
    assert lab.members == ["grower"]
    [fixed] = json.loads(lab.kubectl("grower", "get", "nodes", "-o", "json"))["items"]
    assert fixed["metadata"]["labels"]["cloud.google.com/gke-accelerator"] == "nvidia-h100-80gb"

    # Two pods fill one node, five need three: the pool may have two.
    lab.kubectl("grower", "create", "-f", "-", stdin=job("grow", pods=5, accelerators=4, spot=True))
    selector = ",".join(f"{key}={value}" for key, value in SPOT.items())
    lab.kubectl("grower", "wait", "node", "-l", selector, "--for=create", "--timeout=20s")
    lab.kubectl("grower", "wait", "job/grow", "--for=jsonpath={.status.ready}=4", "--timeout=20s")
    nodes = json.loads(lab.kubectl("grower", "get", "nodes", "-l", selector, "-o", "json"))["items"]
    assert len(nodes) == 2
    assert nodes[0]["spec"]["taints"] == [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]
    ordered = min(
        datetime.fromisoformat(pod["metadata"]["creationTimestamp"]) for pod in pods_of(lab, "grower", "grow")
    )
    appeared = min(datetime.fromisoformat(node["metadata"]["creationTimestamp"]) for node in nodes)
    assert (appeared - ordered).total_seconds() >= 1, "60 s of provisioning are 1 s in this lab"
    lab.down()
