"""A lab with an operator, and the facts about it as its API servers tell them: nothing here asks the operator."""

from __future__ import annotations

import base64
import json
import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lab.operator_made import MadeJobs
from tests.lab.operator_waiting import until

from tradewind.lab.kubeapi import ApiError, KubeApi

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.operator_process import Operator

    from tradewind.lab.lab import Lab

Manifest = dict[str, Any]
NOT_FOUND = 404
ANSWER_S = 5.0
SYSTEM = "tradewind-system"
LEASE = "tradewind-operator"
_PATHS = {
    "AIWorkload": "/apis/tradewind.dev/v1alpha1/namespaces/{}/aiworkloads",
    "Dataset": "/apis/tradewind.dev/v1alpha1/namespaces/{}/datasets",
    "PlacementPolicy": "/apis/tradewind.dev/v1alpha1/namespaces/{}/placementpolicies",
    "FederatedCluster": "/apis/tradewind.dev/v1alpha1/federatedclusters",
    "NetworkMap": "/apis/tradewind.dev/v1alpha1/networkmaps",
    "ClusterPlacementPolicy": "/apis/tradewind.dev/v1alpha1/clusterplacementpolicies",
    "Namespace": "/api/v1/namespaces",
    "Node": "/api/v1/nodes",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "Pod": "/api/v1/namespaces/{}/pods",
    "ResourceQuota": "/api/v1/namespaces/{}/resourcequotas",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "Event": "/apis/events.k8s.io/v1/namespaces/{}/events",
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses",
}


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """The path of a collection or of one object."""
    return _PATHS[kind].format(namespace) + (f"/{name}" if name else "")


class Api:
    """One API server, spoken to directly: cuts of the network to it are not felt here."""

    def __init__(self, server: KubeApi) -> None:
        self.server = server

    def get(self, kind: str, namespace: str = "", name: str = "") -> Manifest:
        return self.server.get(path(kind, namespace, name))

    def find(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """An object, or None where there is none."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def list(self, kind: str, namespace: str = "") -> list[Manifest]:
        items: list[Manifest] = self.get(kind, namespace)["items"]
        return items

    def create(self, body: Manifest, namespace: str = "") -> None:
        self.server.create(path(body["kind"], namespace), body)

    def merge(self, kind: str, namespace: str, name: str, body: Manifest, *, subresource: str = "") -> None:
        where = path(kind, namespace, name)
        self.server.patch(f"{where}/{subresource}" if subresource else where, body)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object, if it is there."""
        try:
            self.server.delete(path(kind, namespace, name))
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise


def manifest_of(obj: Manifest) -> Manifest:
    """An object as whoever made it would write it, without what the API server and the operator added."""
    metadata = {key: obj["metadata"][key] for key in ("name", "labels", "annotations") if key in obj["metadata"]}
    return {**{key: obj[key] for key in ("apiVersion", "kind", "spec")}, "metadata": metadata}


@dataclass(frozen=True, order=True)
class CopyThere:
    """A copy as its member shows it."""

    cluster: str
    epoch: int
    uid: str
    going: bool = False


class Fleet:
    """The lab, its operator, and the tenant namespace of one test."""

    def __init__(self, lab: Lab, operator: Operator) -> None:
        self.lab = lab
        self.operator = operator
        self.namespace = ""
        self._made: dict[str, MadeJobs] = {}
        self.hub = Api(lab.cluster("hub").api(timeout_s=ANSWER_S))
        self.members = {name: Api(lab.cluster(name).api(timeout_s=ANSWER_S)) for name in lab.members}

    def close(self) -> None:
        """Close all connections."""
        self.unmark()
        for api in (self.hub, *self.members.values()):
            api.server.close()

    # What a user does.

    def submit(self, *workloads: Manifest) -> None:
        """Create AIWorkloads, or the ConfigMaps and Secrets that they need, in the test's namespace."""
        for workload in workloads:
            self.hub.create(workload, self.namespace)

    def change(self, name: str, spec: Manifest) -> None:
        """Merge into an AIWorkload's spec."""
        self.hub.merge("AIWorkload", self.namespace, name, {"spec": spec})

    def delete(self, name: str) -> None:
        self.hub.delete("AIWorkload", self.namespace, name)

    def refuse(self, cluster: str, resource: str) -> None:
        """Have a member refuse objects of a kind in the test's namespace, by a ResourceQuota."""
        self.members[cluster].create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}}
        self.members[cluster].create({**body, "spec": {"hard": {resource: "0"}}}, self.namespace)
        until("the quota counts", lambda: self.members[cluster].get("ResourceQuota", self.namespace, "none")["status"])

    def put_kubeconfig(self, cluster: str, text: str | bytes) -> None:
        """Write the Secret with a member's kubeconfig."""
        data = base64.b64encode(text.encode() if isinstance(text, str) else text).decode()
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": cluster}, "data": {"kubeconfig": data}}
        self.hub.create(secret, SYSTEM)
        self.hub.merge("Secret", SYSTEM, cluster, {"data": secret["data"]})

    def kubeconfig(self, cluster: str) -> str:
        return self.lab.kubeconfig(cluster).read_text(encoding="utf-8")

    def lose(self, name: str) -> Manifest:
        """Make an AIWorkload vanish as from a hub that is lost; returns it as its manifest was, without status."""
        workload = self.workload(name)
        self.hub.merge("AIWorkload", self.namespace, name, {"metadata": {"finalizers": None}})
        self.delete(name)
        return manifest_of(workload) | {"metadata": {"name": name}}

    def forget_losses(self, cluster: str) -> None:
        """Declare a cluster anew if it has been lost before."""
        declared = self.hub.get("FederatedCluster", name=cluster)
        if not (declared.get("status") or {}).get("lostAt"):
            return
        self.redeclare(cluster)

    def redeclare(self, cluster: str) -> None:
        """Delete a FederatedCluster, and create it again as its manifest was."""
        old = self.hub.get("FederatedCluster", name=cluster)
        self.hub.delete("FederatedCluster", "", cluster)
        until("it is declared no more", lambda: self.hub.find("FederatedCluster", "", cluster) is None)
        self.hub.create(manifest_of(old))

    def rename(self, old: str, new: str) -> None:
        """As docs/operations.md says: declare it by the new name first, a duplicate, and then delete the old one."""
        declared = manifest_of(self.hub.get("FederatedCluster", name=old))
        self.hub.create(declared | {"metadata": {**declared["metadata"], "name": new}})
        until(f"{new} is a duplicate", lambda: self.cluster_reason(new) == "DuplicateCluster")
        self.hub.delete("FederatedCluster", "", old)
        self.until_verdict(new, "Healthy")

    def crash(self) -> None:
        """Kill the operator, and let its Lease end at once: waiting for it is a test of its own."""
        self.operator.end(signal.SIGKILL)
        self.hub.delete("Lease", SYSTEM, LEASE)

    # What is true.

    def workload(self, name: str) -> Manifest:
        return self.hub.get("AIWorkload", self.namespace, name)

    def status(self, name: str) -> Manifest:
        status: Manifest = self.workload(name).get("status") or {}
        return status

    def reason(self, name: str, condition: str = "Ready") -> str:
        """The reason of one of a workload's conditions."""
        return next((c["reason"] for c in self.status(name).get("conditions", []) if c["type"] == condition), "")

    def message(self, name: str) -> str:
        return next((c["message"] for c in self.status(name).get("conditions", []) if c["type"] == "Ready"), "")

    def phase(self, name: str) -> str:
        return str(self.status(name).get("phase", ""))

    def verdict(self, cluster: str) -> str:
        return str((self.hub.get("FederatedCluster", name=cluster).get("status") or {}).get("verdict", ""))

    def cluster_reason(self, cluster: str) -> str:
        return str((self.hub.get("FederatedCluster", name=cluster).get("status") or {}).get("reason", ""))

    def free(self, cluster: str) -> int:
        """Free accelerators of a cluster's H100 offer, as its status says."""
        offers = self.hub.get("FederatedCluster", name=cluster)["status"]["offers"]
        return int(next(offer["freeAccelerators"] for offer in offers if offer["name"] == "h100"))

    def copies(self, name: str, *, kind: str = "Job", on: tuple[str, ...] = ()) -> list[CopyThere]:
        """The copies of a workload on the members that can be asked."""
        found = []
        for cluster in on or self.members:
            copy = self.members[cluster].find(kind, self.namespace, name)
            if copy is not None:
                metadata = copy["metadata"]
                epoch = int(metadata["labels"].get("tradewind.dev/epoch", 0))
                found.append(CopyThere(cluster, epoch, metadata["uid"], going="deletionTimestamp" in metadata))
        return sorted(found)

    def copy(self, cluster: str, name: str, *, kind: str = "Job") -> Manifest:
        return self.members[cluster].get(kind, self.namespace, name)

    def runs_on(self, name: str, cluster: str, *, epoch: int, kind: str = "Job") -> bool:
        """Whether the copy of this epoch is there with all its pods ready, by its own status."""
        copy = self.copy(cluster, name, kind=kind)
        wanted = copy["spec"]["parallelism" if kind == "Job" else "replicas"]
        ready = copy["status"].get("ready" if kind == "Job" else "readyReplicas", 0)
        return int(copy["metadata"]["labels"]["tradewind.dev/epoch"]) == epoch and ready == wanted

    def mark(self) -> None:
        """Begin to watch what is made on the members: `made` tells of it."""
        self.unmark()
        self._made = {
            name: MadeJobs(self.lab.cluster(name).api(timeout_s=ANSWER_S), self.namespace).start()
            for name in self.members
        }

    def unmark(self) -> None:
        """Watch no more."""
        for made in self._made.values():
            made.end()
        self._made = {}

    def made(self) -> Counter[str]:
        """How many copies of each workload were ever made since `mark`, those that are gone again included."""
        return Counter(
            name for cluster, made in self._made.items() for name in made.names(self.members[cluster].server)
        )

    def events(self, name: str) -> list[Manifest]:
        """The Events about a workload, oldest first."""
        found = [e for e in self.hub.list("Event", self.namespace) if e["regarding"]["name"] == name]
        return sorted(found, key=lambda event: event["eventTime"])

    def told_of(self, cluster: str, reason: str) -> bool:
        """Whether an Event about a FederatedCluster has this reason."""
        about = (e for e in self.hub.list("Event", "default") if e["regarding"]["name"] == cluster)
        return any(event["reason"] == reason for event in about)

    # Waiting for it.

    def until_runs(self, name: str, cluster: str, *, epoch: int = 1, kind: str = "Job", within_s: float = 30.0) -> None:
        """Wait until the copy runs there and the status says so."""
        until(
            f"{name} runs on {cluster} with epoch {epoch}",
            lambda: (
                (
                    self.phase(name) == "Running"
                    and self.status(name)["placements"][0]["cluster"] == cluster
                    and self.runs_on(name, cluster, epoch=epoch, kind=kind)
                )
                or self._not(name)
            ),
            within_s=within_s,
        )

    def until_alone(self, name: str, *, kind: str = "Job") -> None:
        """Wait until one copy is left."""
        until(f"{name} has one copy", lambda: len(self.copies(name, kind=kind)) == 1)

    def until_reason(self, name: str, reason: str, *, within_s: float = 30.0) -> None:
        until(f"{name} says {reason}", lambda: self.reason(name) == reason or self._not(name), within_s=within_s)

    def until_verdict(self, cluster: str, verdict: str, *, within_s: float = 45.0) -> None:
        until(f"{cluster} is {verdict}", lambda: self.verdict(cluster) == verdict, within_s=within_s)

    def until_gone(self, name: str, *, within_s: float = 45.0) -> None:
        """Wait until the hub has let an AIWorkload go."""
        until(f"{name} is gone", lambda: self.hub.find("AIWorkload", self.namespace, name) is None, within_s=within_s)

    def told(self, name: str) -> str:
        """What the status of a workload says now, for a failure's message."""
        try:
            status = self.status(name)
            return json.dumps([status.get("conditions", [{}])[0], status.get("refused")])
        except (ApiError, OSError):
            return "?"

    def _not(self, name: str) -> bool:
        """Never true; makes a failed wait show what was said instead."""
        raise KeyError(self.told(name))


def declare(fleet: Fleet, clusters: list[Manifest], policy: Manifest, crds: Path) -> None:
    """Install the CRDs on the hub, and declare policy and members."""
    lab = fleet.lab
    lab.kubectl("hub", "apply", "--server-side", "-f", str(crds))
    lab.kubectl("hub", "wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    fleet.hub.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}})
    for cluster in clusters:
        fleet.put_kubeconfig(cluster["metadata"]["name"], fleet.kubeconfig(cluster["metadata"]["name"]))
        fleet.hub.create(cluster)
    fleet.hub.create(policy)
