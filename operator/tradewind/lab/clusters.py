"""One control plane: made by kwokctl, checked, and its single components started again."""

from __future__ import annotations

import base64
import http.client
import os
import subprocess
import time
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from tradewind.lab import processes
from tradewind.lab.errors import LabError
from tradewind.lab.kubeapi import ApiError, KubeApi
from tradewind.lab.ports import HOST
from tradewind.lab.processes import Component

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tradewind.lab.ports import ClusterPorts

_POLL_S = 0.1
CREATE_WAIT_S = 60
"""How long kwokctl waits for a control plane."""
# Nobody stands by, so electing a leader only costs two writes a second, and 15 s after a kill.
# Generous client limits: the lab measures Tradewind, not the throttling of the control planes.
_CLIENT = {"leader-elect": "false", "kube-api-qps": "500", "kube-api-burst": "1000"}
_ARGUMENTS: dict[Component, dict[str, str]] = {
    # A lab's data need not survive a power cut, and four etcds that sync share one disk.
    Component.ETCD: {"unsafe-no-fsync": "true", "log-level": "warn"},
    Component.APISERVER: {"profiling": "false"},
    Component.CONTROLLER_MANAGER: _CLIENT | {"profiling": "false", "concurrent-job-syncs": "20"},
    Component.SCHEDULER: _CLIENT | {"profiling": "false"},
    # Else it writes a line for every pod that it touches.
    Component.NODES: {"v": "WARN"},
}


def stages() -> str:
    """How KWOK plays the kubelet, as YAML."""
    return files("tradewind.lab").joinpath("stages.yaml").read_text(encoding="utf-8")


class Runtime(StrEnum):
    """What a control plane runs as: programs of this machine, or a container that kind makes."""

    BINARY = "binary"
    KIND = "kind"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One control plane in ``<lab folder>/clusters/<name>``."""

    name: str
    lab_folder: Path
    ports: ClusterPorts
    runtime: Runtime = Runtime.BINARY

    @property
    def folder(self) -> Path:
        """Where kwokctl keeps its data, keys and logs."""
        return self.lab_folder / "clusters" / self.name

    def api(self, *, timeout_s: float = 10.0) -> KubeApi:
        """A client of its API server, not through the proxy."""
        return KubeApi(port=self.ports.apiserver, pki=self.folder / "pki", timeout_s=timeout_s)

    def begin_create(self, binaries: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start kwokctl, which makes the control plane and ends when it is up. Its output goes to ``<name>.log``."""
        config = self.lab_folder / f"{self.name}.yaml"
        config.write_text(self._config(), encoding="utf-8")
        ports, kubernetes = self.ports, ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        command = [binaries["kwokctl"], "--config", str(config), "create", "cluster", "--name", self.name]
        command += ["--runtime", "binary", "--wait", f"{CREATE_WAIT_S}s", "--heartbeat-factor", "1"]
        command += ["--kube-apiserver-port", str(ports.apiserver), "--etcd-port", str(ports.etcd)]
        command += ["--kube-controller-manager-port", str(ports.controller_manager)]
        command += ["--kube-scheduler-port", str(ports.scheduler), "--controller-port", str(ports.kwok)]
        command += ["--etcd-binary", binaries["etcd"], "--kwok-controller-binary", binaries["kwok"]]
        for name in kubernetes:
            command += [f"--{name}-binary", binaries[name]]
        command += ["--kubeconfig", str(self.lab_folder / f"{self.name}.kubeconfig")]
        # kwokctl's own variables would override what is asked for here.
        environment = processes.GO_RUNTIME | {k: v for k, v in os.environ.items() if not k.startswith("KWOK_")}
        environment["KWOK_WORKDIR"] = str(self.lab_folder)
        environment["PATH"] = f"{os.path.dirname(binaries['kubectl'])}:{environment.get('PATH', '')}"  # noqa: PTH120 - a str is wanted
        with (self.lab_folder / f"{self.name}.log").open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - programs and arguments are the lab's own
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the lab, which then ends its processes in order.
                start_new_session=True,
            )

    def _config(self) -> str:
        patches = [
            {
                "name": component.program,
                "extraArgs": [{"key": key, "value": value} for key, value in arguments.items()],
            }
            for component, arguments in _ARGUMENTS.items()
        ]
        config = {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": {"bindAddress": HOST, "etcdPeerPort": self.ports.etcd_peer},
            "componentsPatches": patches,
        }
        return f"{yaml.safe_dump(config)}---\n{stages()}"

    def log_tail(self, lines: int = 12) -> str:
        """The last lines that kwokctl wrote."""
        try:
            text = (self.lab_folder / f"{self.name}.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_ready(self, *, timeout_s: float) -> None:
        """Wait until the API server says that it is ready."""
        deadline = time.monotonic() + timeout_s
        problem = "no answer"
        while time.monotonic() < deadline:
            try:
                with self.api(timeout_s=2.0) as api:
                    api.get_text("/readyz")
                    return
            except (OSError, http.client.HTTPException, ApiError) as error:
                problem = str(error) or type(error).__name__
            time.sleep(_POLL_S)
        raise LabError(
            "NotReady",
            f"the API server of {self.name!r} was not ready within {timeout_s:g} s: {problem}",
            next_step=f"Look into {self.folder / 'logs'}.",
        )

    def uid(self) -> str:
        """The cluster's identity: the UID of its namespace kube-system."""
        with self.api() as api:
            return str(api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"])

    def start(self, component: Component) -> None:
        """Start one component again, with the command line that kwokctl recorded, on the same data."""
        spec = self._spec(component)
        log = self.folder / "logs" / f"{component.program}.log"
        processes.spawn([spec["binary"], *spec["args"]], log=log, folder=self.folder)

    def _spec(self, component: Component) -> dict[str, Any]:
        with (self.folder / "kwok.yaml").open(encoding="utf-8") as recorded:
            # The first document is kwokctl's; the stages follow it.
            config: dict[str, Any] = next(iter(yaml.safe_load_all(recorded)))
        return next(spec for spec in config["components"] if spec["name"] == component.program)

    def kubeconfig(self, *, direct: bool, host: str = HOST) -> dict[str, Any]:
        """A kubeconfig that holds its certificates; through the proxy at this address unless ``direct``."""
        pki = self.folder / "pki"

        def inline(name: str) -> str:
            return base64.b64encode((pki / name).read_bytes()).decode("ascii")

        port = self.ports.apiserver if direct else self.ports.proxy
        server = {"server": f"https://{host}:{port}", "certificate-authority-data": inline("ca.crt")}
        if host != HOST:
            server["tls-server-name"] = HOST
        user = {"client-certificate-data": inline("admin.crt"), "client-key-data": inline("admin.key")}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.name, "cluster": server}],
            "users": [{"name": self.name, "user": user}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": self.name}}],
            "current-context": self.name,
        }
