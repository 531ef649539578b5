"""Makes a lab's processes in the right order, and leaves none behind where that fails."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import sys
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from tradewind.lab import binaries, control, health, kind, ports, processes
from tradewind.lab.clusters import Cluster, Runtime, stages
from tradewind.lab.errors import BadInputError, LabError
from tradewind.lab.state import HUB, ClusterRecord, LabRecord, check_name, lab_folder
from tradewind.lab.tools import CONTROL_PLANE, KIND_RUNTIME

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tradewind.lab.nodes import Pool
    from tradewind.lab.progress import Progress

_CREATE_TIMEOUT_S = 120.0
_READY_TIMEOUT_S = 60.0
_SUPERVISOR_TIMEOUT_S = 15.0
_POLL_S = 0.05
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def new_folder(name: str, *, root: Path | None, members: Sequence[str]) -> Path:
    """Make the folder of a new lab; a lab of that name must not be running."""
    for member in members:
        check_name(member, what="member")
    if HUB in members or len(set(members)) != len(members) or not members:
        raise BadInputError(
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


def choose(runtime: str, *, progress: Progress) -> tuple[Runtime, dict[str, Path]]:
    """The runtime to use and its programs: by ``auto`` kind only where the control planes' programs cannot be had."""
    if runtime != Runtime.KIND:
        try:
            return Runtime.BINARY, binaries.ensure(CONTROL_PLANE, progress=progress)
        except LabError:
            if runtime == Runtime.BINARY or not kind.engine_answers():
                raise
            progress.note("the control planes' programs cannot be had; using kind")
    elif not kind.engine_answers():
        raise LabError(
            "NoDocker",
            "no Docker engine answers (docker version)",
            next_step="Start it, or use the programs: --runtime binary",
        )
    return Runtime.KIND, binaries.ensure(KIND_RUNTIME, progress=progress)


def start(
    folder: Path,
    members: Iterable[str],
    *,
    runtime: Runtime,
    programs: Mapping[str, Path],
    time_scale: float,
    pools: Mapping[str, list[Pool]],
) -> LabRecord:
    """Start the control planes, all at once, and the supervisor; return when all are ready."""
    names = [HUB, *members]
    reservation = ports.reserve(len(names))
    record = LabRecord(
        name=folder.name,
        folder=folder,
        runtime=runtime,
        control_port=reservation.base,
        token=secrets.token_hex(16),
        time_scale=time_scale,
        binaries={key: str(path) for key, path in programs.items()},
        clusters={each: ClusterRecord(each, reservation.cluster(index)) for index, each in enumerate(names)},
        pools={member: [asdict(pool) for pool in its_pools] for member, its_pools in pools.items()},
    )
    record.save()
    clusters = record_clusters(record)
    create = kind.begin_create if runtime is Runtime.KIND else Cluster.begin_create
    making = {cluster: create(cluster, record.binaries) for cluster in clusters}
    try:
        with reservation.guard as guard:
            control_fd = guard.fileno()
            command = [sys.executable, "-m", processes.SUPERVISOR_MODULE, str(folder)]
            command += ["--control-fd", str(control_fd)]
            processes.spawn(command, log=folder / "supervisor.log", folder=folder, pass_fds=(control_fd,))
        _wait_created(making)
    finally:
        for process in making.values():
            if process.poll() is None:
                process.kill()
            process.wait()
    for cluster in clusters:
        if runtime is Runtime.KIND:
            kind.adopt(cluster, record.binaries, stages=stages())
        cluster.wait_ready(timeout_s=_READY_TIMEOUT_S)
    _check_identities(clusters)
    try:
        control.ask(record.control_port, record.token, "status", timeout_s=_SUPERVISOR_TIMEOUT_S)
    except LabError as error:
        log = (folder / "supervisor.log").read_text(encoding="utf-8", errors="replace").strip()
        raise LabError("SupervisorFailed", f"the lab's supervisor did not start:\n{log}") from error
    return record


def record_clusters(record: LabRecord) -> list[Cluster]:
    """The control planes of a lab, the hub first."""
    runtime = Runtime(record.runtime)
    return [Cluster(name, record.folder, each.ports, runtime) for name, each in record.clusters.items()]


def _wait_created(making: Mapping[Cluster, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _CREATE_TIMEOUT_S
    while any(process.poll() is None for process in making.values()):
        if time.monotonic() > deadline or any(process.poll() for process in making.values()):
            break
        time.sleep(_POLL_S)
    for cluster, process in making.items():
        if process.poll():
            raise _failed(cluster, "could not be made")
    for cluster, process in making.items():
        if process.poll() is None:
            raise _failed(cluster, "did not come up in time")


def _failed(cluster: Cluster, what: str) -> LabError:
    return LabError(
        "ControlPlaneFailed",
        f"the control plane of {cluster.name!r} {what}; kwokctl's last lines:\n{cluster.log_tail()}",
        next_step="Check that the machine has 3 GiB of free memory, and the programs: tradewind lab binaries",
    )


def _check_identities(clusters: Iterable[Cluster]) -> None:
    """Two clusters that were given one etcd would both look ready, and be one."""
    seen: dict[str, str] = {}
    for cluster in clusters:
        uid = cluster.uid()
        if uid in seen:
            raise LabError("SharedStore", f"{cluster.name!r} and {seen[uid]!r} are one cluster: they share an etcd")
        seen[uid] = cluster.name


def populate(record: LabRecord, pools: Mapping[str, list[Pool]]) -> None:
    """Make the nodes of every member, and wait until they are ready."""
    members = [cluster for cluster in record_clusters(record) if cluster.name in pools]
    for cluster in members:
        health.add_nodes(cluster, pools[cluster.name])
    for cluster in members:
        health.wait_nodes(cluster, timeout_s=_READY_TIMEOUT_S)


def remove(folder: Path) -> int:
    """End the lab in this folder and remove it; returns how many processes were ended."""
    with contextlib.suppress(LabError):
        record = LabRecord.load(folder)
        if record.runtime == Runtime.KIND:
            kind.delete(record_clusters(record), record.binaries["kind"])
    ended = processes.end_all(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return ended


@contextlib.contextmanager
def nothing_left_behind(folder: Path) -> Iterator[None]:
    """End whatever was started in the folder if the body fails, also by Ctrl-C, also if that is pressed twice."""
    try:
        yield
    except BaseException:
        with _interrupts_ignored():
            remove(folder)
        raise


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
