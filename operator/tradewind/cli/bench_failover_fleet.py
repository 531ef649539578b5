"""The fleet and the work of the fail-over benchmark: all work runs on one member, and fits on the two others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.cli.bench_failover_cells import SETTINGS
from tradewind.kube.errors import NotFoundError
from tradewind.kube.resources import AIWORKLOADS, CLUSTER_POLICIES, FEDERATED_CLUSTERS
from tradewind.lab import fleet
from tradewind.lab.loopback import Loopback, aws_events
from tradewind.model.units import format_duration

if TYPE_CHECKING:
    from tradewind.cli.bench_failover_cells import Cell
    from tradewind.kube.client import ApiServer
    from tradewind.lab.nodes import Pool

Manifest = dict[str, Any]

LOST = "aws"
"""The member that fails; it is the cheapest."""
REGION = "us-east-1"
PRICES = {LOST: "1", "gcp": "2", "onprem": "2"}
ACCELERATOR, PER_NODE = "A100-40GB", 16
"""As a2-megagpu-16g of Google Cloud has them: the fewer nodes, the less the simulator of nodes takes of the machine."""
SPARE_NODES = 2
ENDED_SHARE = 0.05
"""Of the jobs, so many more have succeeded before the fault: they must not run again."""


def ended_jobs(jobs: int) -> int:
    """Say how many jobs beside these are to have ended before the fault."""
    return max(2, round(jobs * ENDED_SHARE))


def clusters(jobs: int) -> list[Manifest]:
    """Declare three members: one with room for all jobs, two with room for a little more than half of them each."""
    nodes = -(-(jobs + ended_jobs(jobs)) // PER_NODE) + SPARE_NODES
    return [_cluster(name, nodes=nodes if name == LOST else nodes // 2 + SPARE_NODES) for name in PRICES]


def pools(declared: list[Manifest]) -> dict[str, list[Pool]]:
    """Read off the manifests which nodes the lab's members have."""
    return {each["metadata"]["name"]: fleet.pools_of(each, default_nodes=0) for each in declared}


def _cluster(name: str, *, nodes: int) -> Manifest:
    offer = {"name": "gpu", "accelerator": ACCELERATOR, "perNode": PER_NODE, "market": "OnDemand"}
    return {
        "apiVersion": FEDERATED_CLUSTERS.api_version,
        "kind": FEDERATED_CLUSTERS.kind,
        "metadata": {"name": name, "annotations": {fleet.NODES_ANNOTATION: f"gpu={nodes}"}},
        "spec": {
            "provider": name,
            "region": REGION,
            "connection": {"kubeconfigSecretRef": {"name": name}},
            "offers": [{**offer, "usdPerAcceleratorHour": PRICES[name]}],
        },
    }


async def set_policy(hub: ApiServer, cell: Cell, *, feed: str = "") -> None:
    """Make this the ClusterPlacementPolicy; `feed` is the address of a status feed of the member that fails."""
    feeds = {"feeds": [{"provider": LOST, "url": feed, "pollInterval": "1s"}]} if feed else {}
    body: Manifest = {
        "apiVersion": CLUSTER_POLICIES.api_version,
        "kind": CLUSTER_POLICIES.kind,
        "metadata": {"name": "default"},
        "spec": SETTINGS[cell.settings] | feeds,
    }
    # Replaced, not applied: an apply that takes the last item or field away leaves a null, which is refused.
    try:
        found = await hub.get(CLUSTER_POLICIES, "default")
    except NotFoundError:
        await hub.create(CLUSTER_POLICIES, body)
    else:
        body["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        await hub.replace(CLUSTER_POLICIES, "default", body)


def a_job(name: str, *, guarantee: str, run_for_s: float = 0.0) -> Manifest:
    """One accelerator; its pod runs for ever unless `run_for_s` says for how long."""
    container = {
        "name": "main",
        "image": "example.org/batch:1",
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }
    annotations = {"lab.tradewind.dev/run-for": format_duration(run_for_s)} if run_for_s else {}
    pod = {"metadata": {"annotations": annotations}, "spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": AIWORKLOADS.api_version,
        "kind": AIWORKLOADS.kind,
        "metadata": {"name": name},
        "spec": {
            "type": "Batch",
            "template": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": pod}},
            "accelerators": {"anyOf": [ACCELERATOR]},
            "expectedRuntime": {"duration": "1h"},
            "failover": {"guarantee": guarantee},
        },
    }


def status_feed() -> Loopback:
    """Make a status feed of the provider of the member that fails, with an outage of its region."""
    body = aws_events(REGION, "3")
    return Loopback(lambda: body)
