"""Control planes as kind's containers, for machines where a Docker engine answers.

The API server gets the port that the lab reserved and its keys are laid out as kwokctl lays them out, so that the
proxy, kubeconfigs and nodes are the same as with programs. A container can only fail as a whole; the node simulator
stays a process of the host.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import yaml

from tradewind.lab import processes
from tradewind.lab.errors import LabError
from tradewind.lab.ports import HOST
from tradewind.lab.processes import Component

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.lab.clusters import Cluster

_ENGINE_TIMEOUT_S = 5.0
_COMMAND_TIMEOUT_S = 120.0
CONTAINER_PARTS = frozenset(Component) - {Component.NODES}
_KEYS = {"ca.crt": "certificate-authority-data", "admin.crt": "client-certificate-data", "admin.key": "client-key-data"}


def engine_answers() -> bool:
    """Whether a Docker engine answers; its client alone is often on PATH."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return _run([docker, "version", "--format", "{{.Server.Version}}"], timeout_s=_ENGINE_TIMEOUT_S) != ""
    except LabError:
        return False


def config(cluster: Cluster) -> str:
    """Kind's configuration of one cluster of a lab."""
    document = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"apiServerAddress": HOST, "apiServerPort": cluster.ports.apiserver},
        "nodes": [{"role": "control-plane"}],
    }
    return yaml.safe_dump(document)


def begin_create(cluster: Cluster, binaries: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start kind, which makes the cluster and ends when it is up."""
    cluster.folder.mkdir(parents=True)
    file = cluster.lab_folder / f"{cluster.name}.yaml"
    file.write_text(config(cluster), encoding="utf-8")
    command = [binaries["kind"], "create", "cluster", "--name", _name(cluster), "--config", str(file), "--wait", "90s"]
    command += ["--kubeconfig", str(cluster.folder / "kubeconfig.yaml")]
    with (cluster.lab_folder / f"{cluster.name}.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - the lab's own kind
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def adopt(cluster: Cluster, binaries: Mapping[str, str], *, stages: str) -> None:
    """Lay out the new cluster's keys, keep pods off its own node, and start the node simulator."""
    kubeconfig = yaml.safe_load((cluster.folder / "kubeconfig.yaml").read_text(encoding="utf-8"))
    data = kubeconfig["clusters"][0]["cluster"] | kubeconfig["users"][0]["user"]
    for folder in ("pki", "logs", "bin"):
        (cluster.folder / folder).mkdir(exist_ok=True)
    for name, key in _KEYS.items():
        (cluster.folder / "pki" / name).touch(mode=0o600)
        (cluster.folder / "pki" / name).write_bytes(base64.b64decode(data[key]))
    (cluster.folder / "bin" / Component.NODES.program).symlink_to(binaries["kwok"])
    (cluster.folder / "stages.yaml").write_text(stages, encoding="utf-8")
    with cluster.api() as api:
        for node in api.get("/api/v1/nodes")["items"]:
            api.patch(f"/api/v1/nodes/{node['metadata']['name']}", {"spec": {"unschedulable": True}})
    start_nodes(cluster)


def start_nodes(cluster: Cluster) -> None:
    """Start the node simulator, which leaves kind's own node alone."""
    command = [str(cluster.folder / "bin" / Component.NODES.program), "--manage-all-nodes=false"]
    command += ["--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake"]
    command += [f"--kubeconfig={cluster.folder / 'kubeconfig.yaml'}", f"--config={cluster.folder / 'stages.yaml'}"]
    command += [f"--server-address={HOST}:{cluster.ports.kwok}", "--node-lease-duration-seconds=40"]
    processes.spawn(command, log=cluster.folder / "logs" / "kwok-controller.log", folder=cluster.folder)


def delete(clusters: Iterable[Cluster], kind: str) -> None:
    """Remove the clusters' containers."""
    for cluster in clusters:
        _run([kind, "delete", "cluster", "--name", _name(cluster)])


def container(cluster: Cluster, verb: str) -> None:
    """``docker kill``, ``pause``, ``unpause`` or ``start`` the cluster's container."""
    _run(["docker", verb, f"{_name(cluster)}-control-plane"])


def container_state(cluster: Cluster) -> str:
    """Running, Paused or Dead."""
    try:
        state = _run(["docker", "inspect", "--format", "{{.State.Status}}", f"{_name(cluster)}-control-plane"])
    except LabError:
        return "Dead"
    return {"running": "Running", "paused": "Paused"}.get(state, "Dead")


def _name(cluster: Cluster) -> str:
    # Labs of several users, or in several folders, share one engine.
    return f"tw-{cluster.lab_folder.name}-{os.getuid()}-{cluster.name}"


def _run(command: list[str], *, timeout_s: float = _COMMAND_TIMEOUT_S) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - docker and kind
            command, capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError("DockerFailed", f"{' '.join(command)}: {error}") from error
    if done.returncode:
        raise LabError("DockerFailed", f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()
