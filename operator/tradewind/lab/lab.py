"""The lab: what ``tradewind lab`` and the tests do with it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml

from tradewind.lab import binaries, control, health, nodes, ports, processes
from tradewind.lab.clusters import Cluster
from tradewind.lab.errors import LabError
from tradewind.lab.progress import Progress
from tradewind.lab.state import DEFAULT_MEMBERS, DEFAULT_NAME, HUB, ClusterRecord, LabRecord, check_name, lab_folder
from tradewind.lab.tools import CONTROL_PLANE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tradewind.lab.nodes import Pool

_CREATE_TIMEOUT_S = 120.0
_READY_TIMEOUT_S = 60.0
_SUPERVISOR_TIMEOUT_S = 15.0
_POLL_S = 0.05


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
        members: Sequence[str] = DEFAULT_MEMBERS,
        pools: Mapping[str, list[Pool]] | None = None,
        nodes_per_pool: int = nodes.DEFAULT_NODES,
        time_scale: float = 1 / 60,
        root: Path | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Start a hub and these members, and return when all are ready with their nodes.

        ``pools`` says which nodes a member has; a member that it does not name gets ``nodes_per_pool`` default ones.
        Nothing is left behind where it fails or is interrupted.
        """
        progress = progress or Progress(quiet=True)
        folder = _new_folder(name, root=root, members=members)
        every_pool = {
            member: (pools or {}).get(member) or nodes.default_pools(member, nodes=nodes_per_pool) for member in members
        }
        with _nothing_left_behind(folder):
            programs = binaries.ensure(CONTROL_PLANE, progress=progress)
            with progress.task(f"starting a hub and {len(members)} members"):
                lab = cls(_start(name, folder, members, programs=programs, time_scale=time_scale, pools=every_pool))
                lab._check_identities()
            with progress.task("waiting for the nodes"):
                for member, its_pools in every_pool.items():
                    health.add_nodes(lab.cluster(member), its_pools)
                for member, its_pools in every_pool.items():
                    expected = sum(pool.nodes for pool in its_pools)
                    health.wait_nodes(lab.cluster(member), expected=expected, timeout_s=_READY_TIMEOUT_S)
            lab.record.save()
        return lab

    @property
    def members(self) -> list[str]:
        """The members' names, without the hub."""
        return [name for name in self.record.clusters if name != HUB]

    @property
    def kubectl_path(self) -> Path:
        """The kubectl that fits the lab's API servers."""
        return Path(self.record.binaries["kubectl"])

    def binary(self, name: str) -> Path:
        """A program by name; it is fetched or built on first use (helm, kind, actionlint)."""
        return binaries.ensure([binaries.tool(name)])[name]

    def cluster(self, name: str) -> Cluster:
        """One control plane."""
        return Cluster(name, self.folder, self.record.cluster(name).ports)

    def kubeconfig(self, name: str = HUB, *, direct: bool = False) -> Path:
        """The path of a kubeconfig with its certificates inside; through the proxy unless ``direct``."""
        content = self.cluster(name).kubeconfig(direct=direct)
        path = self.folder / "kubeconfig" / f"{name}{'-direct' if direct else ''}.yaml"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        partial.replace(path)
        return path

    def kubectl(self, cluster: str, *arguments: str, stdin: str = "", timeout_s: float = 60.0) -> str:
        """Run kubectl against a cluster, through its proxy, and return what it prints."""
        command = [str(self.kubectl_path), "--kubeconfig", str(self.kubeconfig(cluster)), *arguments]
        done = subprocess.run(  # noqa: S603 - the lab's own kubectl
            command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if done.returncode:
            raise LabError("KubectlFailed", f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def down(self) -> None:
        """End every process of the lab, and remove its folder."""
        remove(self.folder)

    def _check_identities(self) -> None:
        """Two clusters that were given one etcd would both look ready, and be one."""
        seen: dict[str, str] = {}
        for name in self.record.clusters:
            uid = self.cluster(name).uid()
            if uid in seen:
                raise LabError("SharedStore", f"{name!r} and {seen[uid]!r} are one cluster: they share an etcd")
            seen[uid] = name


def remove(folder: Path) -> int:
    """End the lab in this folder and remove it; returns how many processes were ended."""
    ended = processes.end_all(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return ended


def _new_folder(name: str, *, root: Path | None, members: Sequence[str]) -> Path:
    for member in members:
        check_name(member, what="member")
    if HUB in members or len(set(members)) != len(members) or not members:
        raise LabError(
            "BadMembers",
            f"the members {', '.join(members)!r} are not distinct names other than {HUB!r}",
            next_step="For example: --members aws,gcp,onprem",
        )
    folder = lab_folder(name, root)
    if processes.of_lab(folder):
        raise LabError(
            "AlreadyUp",
            f"the lab {name!r} runs already, in {folder}",
            next_step=f"Use it, end it (tradewind lab down --name {name}), or start another with --name.",
        )
    # What is left here has no process any more: a reboot, or a crash.
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise LabError("AlreadyUp", f"the lab {name!r} is being started by another process") from None
    return folder


def _start(
    name: str,
    folder: Path,
    members: Iterable[str],
    *,
    programs: Mapping[str, Path],
    time_scale: float,
    pools: Mapping[str, list[Pool]],
) -> LabRecord:
    names = [HUB, *members]
    reservation = ports.reserve(len(names))
    record = LabRecord(
        name=name,
        folder=folder,
        runtime="binary",
        control_port=reservation.base,
        token=secrets.token_hex(16),
        time_scale=time_scale,
        binaries={key: str(path) for key, path in programs.items()},
        clusters={each: ClusterRecord(each, reservation.cluster(index)) for index, each in enumerate(names)},
        pools={member: [asdict(pool) for pool in its_pools] for member, its_pools in pools.items()},
    )
    record.save()
    clusters = [Cluster(each, folder, record.cluster(each).ports) for each in names]
    making = {cluster: cluster.begin_create(record.binaries) for cluster in clusters}
    with reservation.guard as guard:
        command = [sys.executable, "-m", processes.SUPERVISOR_MODULE, str(folder), "--control-fd", str(guard.fileno())]
        processes.spawn(command, log=folder / "supervisor.log", folder=folder, pass_fds=(guard.fileno(),))
    try:
        _wait_created(making)
    finally:
        for process in making.values():
            if process.poll() is None:
                process.kill()
            process.wait()
    for cluster in clusters:
        cluster.wait_ready(timeout_s=_READY_TIMEOUT_S)
    control.ask(record.control_port, record.token, "status", timeout_s=_SUPERVISOR_TIMEOUT_S)
    return record


def _wait_created(making: Mapping[Cluster, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _CREATE_TIMEOUT_S
    while running := {cluster: process for cluster, process in making.items() if process.poll() is None}:
        failed = [cluster for cluster, process in making.items() if process.poll()]
        late = list(running) if time.monotonic() > deadline else []
        if failed or late:
            break
        time.sleep(_POLL_S)
    for cluster, process in making.items():
        if process.poll() != 0:
            what = "did not come up in time" if process.poll() is None else "could not be made"
            raise LabError(
                "ControlPlaneFailed",
                f"the control plane of {cluster.name!r} {what}; kwokctl's last lines:\n{cluster.log_tail()}",
                next_step="Check that the machine has 3 GiB of free memory, and the programs: tradewind lab binaries",
            )


@contextlib.contextmanager
def _nothing_left_behind(folder: Path) -> Iterator[None]:
    """End whatever was started in the folder if the body fails, also by Ctrl-C, also if pressed twice."""
    try:
        yield
    except BaseException:
        main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
        try:
            remove(folder)
        finally:
            if main:
                signal.signal(signal.SIGINT, before)
        raise
