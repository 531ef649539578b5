"""The lab: what ``tradewind lab``, the demo and the tests do with it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any, Self

import yaml

from tradewind.lab import binaries, control, faults, nodes, standin, startup
from tradewind.lab.clusters import Cluster, Runtime
from tradewind.lab.errors import LabError
from tradewind.lab.ports import HOST
from tradewind.lab.progress import Progress
from tradewind.lab.proxy import STANDS_IN, Mode
from tradewind.lab.state import DEFAULT_MEMBERS, DEFAULT_NAME, HUB, LabRecord, lab_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tradewind.lab.nodes import Pool
    from tradewind.lab.processes import Component

TIME_SCALE = 1 / 60
"""Lab seconds per second of an offer's ``provisioning``, where nothing else is said."""


class Lab:
    """A lab that runs. Make one with ``Lab.up``, or take one that is there with ``Lab.open``."""

    def __init__(self, record: LabRecord) -> None:
        self.record = record
        self.name = record.name
        self.folder = record.folder

    @classmethod
    def open(cls, name: str = DEFAULT_NAME, *, root: Path | None = None) -> Self:
        """The lab of this name."""
        return cls(LabRecord.load(lab_folder(name, root)))

    @classmethod
    def up(
        cls,
        name: str = DEFAULT_NAME,
        *,
        members: Sequence[str] = (),
        pools: Mapping[str, list[Pool]] | None = None,
        nodes_per_pool: int = nodes.DEFAULT_NODES,
        time_scale: float = TIME_SCALE,
        runtime: str = "auto",
        root: Path | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Start a hub and these members, and return when all are ready with their nodes.

        ``pools`` says which nodes a member has (``fleet.read`` makes it from manifests); a member that it does not
        name gets ``nodes_per_pool`` default ones. Without ``members``: those of ``pools``, else aws, gcp and onprem.
        Nothing is left behind where it fails or is interrupted.
        """
        members = members or list(pools or DEFAULT_MEMBERS)
        progress = progress or Progress(quiet=True)
        chosen, programs = startup.choose(runtime, progress=progress)
        its_pools = {
            member: (pools or {}).get(member) or nodes.default_pools(member, nodes=nodes_per_pool) for member in members
        }
        folder = startup.new_folder(name, root=root, members=members)
        with startup.nothing_left_behind(folder):
            with progress.task(f"starting a hub and {len(members)} members"):
                record = startup.start(
                    folder, members, runtime=chosen, programs=programs, time_scale=time_scale, pools=its_pools
                )
            with progress.task("waiting for the nodes"):
                startup.populate(record, its_pools)
        return cls(record)

    def down(self) -> None:
        """End every process of the lab, and remove its folder."""
        startup.remove(self.folder)

    @property
    def members(self) -> list[str]:
        """The members' names, without the hub."""
        return [name for name in self.record.clusters if name != HUB]

    @property
    def kubectl_path(self) -> Path:
        """The kubectl that fits the lab's API servers."""
        return self.binary("kubectl")

    def binary(self, name: str) -> Path:
        """A program by name; it is fetched or built on first use (helm, kind, actionlint)."""
        return binaries.ensure([binaries.tool(name)])[name]

    def cluster(self, name: str) -> Cluster:
        """One control plane."""
        return Cluster(name, self.folder, self.record.cluster(name).ports, Runtime(self.record.runtime))

    def kubeconfig(self, name: str = HUB, *, direct: bool = False, observer: str = HUB) -> Path:
        """The path of a kubeconfig with its certificates inside; through the proxy unless ``direct``.

        ``observer``: the cluster from which it is looked at; each has a way of its own, which can be cut alone.
        """
        content = self.cluster(name).kubeconfig(direct=direct, host=self._host(name, observer))
        kind = "-direct" if direct else "" if observer == HUB else f"-from-{observer}"
        path = self.folder / "kubeconfig" / f"{name}{kind}.yaml"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return partial.replace(path)

    def kubectl(self, cluster: str, *arguments: str, stdin: str = "", timeout_s: float = 60.0) -> str:
        """Run kubectl against a cluster, through its proxy, and return what it prints."""
        command = [str(self.kubectl_path), "--kubeconfig", str(self.kubeconfig(cluster)), *arguments]
        done = subprocess.run(  # noqa: S603 - the lab's own kubectl
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            # The user's cache goes by address, and an earlier lab may have had the same port.
            env=os.environ | {"KUBECACHEDIR": str(self.folder / "kubectl-cache")},
        )
        if done.returncode:
            raise LabError("KubectlFailed", f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def kill(self, cluster: str, *, component: str | Component = faults.ALL, now: bool = False) -> int:
        """SIGKILL components; ``now`` marks the nodes lost at once (see ``faults.kill``)."""
        return faults.kill(self.cluster(cluster), faults.components(component), now=now)

    def pause(self, cluster: str, *, component: str | Component = faults.ALL) -> int:
        """SIGSTOP components."""
        return faults.pause(self.cluster(cluster), faults.components(component))

    def resume(self, cluster: str, *, component: str | Component = faults.ALL) -> list[Component]:
        """Continue what is paused, start what is dead, and wait until it works."""
        return faults.resume(self.cluster(cluster), faults.components(component))

    def rebuild(self, cluster: str) -> str:
        """Make a cluster anew, empty but for its nodes, under the same name and address; returns its new UID."""
        its_pools = [nodes.Pool(**each) for each in self.record.pools.get(cluster, [])]
        return faults.rebuild(self.cluster(cluster), its_pools)

    def cut(
        self,
        cluster: str,
        *,
        mode: str | Mode = Mode.BLACKHOLE,
        delay_s: float = 0.0,
        status: int = standin.TOO_MANY_REQUESTS,
        observer: str = "",
    ) -> None:
        """Cut the network to a cluster's API server, for one other cluster alone where ``observer`` names it.

        ``status``: what is answered in its place in mode answer.
        """
        mode = Mode(mode)
        if mode in STANDS_IN and self.cluster(cluster).runtime is Runtime.KIND:
            raise LabError("NotWithKind", "the lab has no keys to answer for a kind cluster")
        if mode is Mode.EXPIRED:
            standin.expire(self.cluster(cluster).folder / "pki")
        self._set_mode(cluster, mode, delay_s=delay_s, status=status, observer=observer)

    def heal(self, cluster: str) -> None:
        """Make the network to a cluster's API server whole again, for all."""
        self._set_mode(cluster, Mode.PASS)

    def proxies(self) -> dict[str, Any]:
        """By cluster: mode, delaySeconds, connections of the hub's way, and in ``from`` of those of members."""
        return control.ask(self.record.control_port, self.record.token, "status")

    def _host(self, cluster: str, observer: str) -> str:
        if observer == HUB:
            return HOST
        self.record.cluster(observer)
        answer = control.ask(self.record.control_port, self.record.token, "way", cluster=cluster, observer=observer)
        return str(answer["host"])

    def _set_mode(
        self,
        cluster: str,
        mode: Mode,
        *,
        delay_s: float = 0.0,
        status: int = standin.TOO_MANY_REQUESTS,
        observer: str = "",
    ) -> None:
        for name in (cluster, observer or HUB):
            self.record.cluster(name)
        control.ask(
            *(self.record.control_port, self.record.token, "mode"),
            cluster=cluster,
            mode=mode,
            delay_s=delay_s,
            status=status,
            observer=observer,
        )
