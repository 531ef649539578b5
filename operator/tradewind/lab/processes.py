"""Finds the lab's processes and sends them signals.

The components of a control plane have process 1 as their parent and a session of their own, so nothing but their
command line ties them to a lab, and kwokctl's pid files go stale. A process belongs to a lab if its *program* lies in
the lab's folder; one that merely names the folder (an editor, kubectl, ``lab down`` itself) does not.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import psutil

from tradewind.lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

GO_RUNTIME = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}
"""Four control planes share the cores of one machine, and with Go's default (100) a third of what an API server does
is to collect garbage. This costs each about as much memory again, at most up to the limit. Your own variables win."""
SUPERVISOR_MODULE = "tradewind.lab.supervisor"
GONE = (psutil.NoSuchProcess, psutil.AccessDenied)
_POLL_S = 0.05
_QUIET_SCANS = 2


class Component(StrEnum):
    """What a control plane is made of, by the names that the command line uses."""

    APISERVER = "apiserver"
    SCHEDULER = "scheduler"
    CONTROLLER_MANAGER = "controller-manager"
    NODES = "nodes"
    ETCD = "etcd"

    @property
    def program(self) -> str:
        """The name of its program, which is also kwokctl's name for it."""
        return _PROGRAMS[self]


_PROGRAMS = {
    Component.APISERVER: "kube-apiserver",
    Component.SCHEDULER: "kube-scheduler",
    Component.CONTROLLER_MANAGER: "kube-controller-manager",
    Component.NODES: "kwok-controller",
    Component.ETCD: "etcd",
}
_COMPONENTS = {program: component for component, program in _PROGRAMS.items()}


@dataclass(frozen=True, slots=True)
class LabProcess:
    """One live process of a lab. ``cluster`` and ``component`` are empty for kwokctl and the supervisor."""

    process: psutil.Process
    cluster: str = ""
    component: Component | None = None

    @property
    def paused(self) -> bool:
        """Whether it was stopped by a signal."""
        try:
            return self.process.status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    @property
    def rss_bytes(self) -> int:
        """Resident memory, shared pages included."""
        return int(self.process.memory_info().rss)


def of_lab(folder: Path) -> list[LabProcess]:
    """Every live process of the lab in ``folder``."""
    return list(_scan(folder))


def of_cluster(folder: Path, cluster: str, components: Iterable[Component]) -> list[LabProcess]:
    """The live processes of these components of one cluster."""
    wanted = set(components)
    return [found for found in _scan(folder) if found.cluster == cluster and found.component in wanted]


def _scan(folder: Path) -> Iterator[LabProcess]:
    clusters = f"{folder}/clusters/"
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            command = process.cmdline()
        except GONE:
            continue
        if not command:
            continue
        if command[0].startswith(clusters):
            cluster, _, program = command[0].removeprefix(clusters).partition("/bin/")
            yield LabProcess(process, cluster, _COMPONENTS.get(program))
        elif _is_ours(command, folder):
            yield LabProcess(process)


def _is_ours(command: list[str], folder: Path) -> bool:
    """A kwokctl that works in the folder, or the folder's supervisor."""
    inside = any(argument == str(folder) or argument.startswith(f"{folder}/") for argument in command[1:])
    program = command[0].rpartition("/")[2]
    return inside and (program == "kwokctl" or command[1:3] == ["-m", SUPERVISOR_MODULE])


def send(processes: Iterable[LabProcess], number: signal.Signals) -> None:
    """Signal processes; one that has gone meanwhile is no error."""
    for found in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.process.send_signal(number)


def pause(processes: Iterable[LabProcess], *, timeout_s: float) -> None:
    """Stop processes, and return when they stand still: the kernel takes a moment."""
    processes = list(processes)
    send(processes, signal.SIGSTOP)
    deadline = time.monotonic() + timeout_s
    while any(not each.paused and _alive(each.process) for each in processes) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def wait_gone(processes: Iterable[LabProcess], *, timeout_s: float) -> None:
    """Wait until none of them is left (a zombie is gone: it holds no port and no file)."""
    deadline = time.monotonic() + timeout_s
    for found in processes:
        while _alive(found.process):
            if time.monotonic() > deadline:
                raise LabError(
                    "ProcessWillNotDie",
                    f"process {found.process.pid} did not end within {timeout_s:g} s",
                    next_step=f"Look at it with: ps -o pid,stat,wchan,args -p {found.process.pid}",
                )
            time.sleep(_POLL_S)


def end_all(folder: Path, *, timeout_s: float = 10.0) -> int:
    """Kill every process of the lab, and those that the killed ones had just started; returns how many."""
    ended, quiet_scans = 0, 0
    while quiet_scans < _QUIET_SCANS:
        if not (found := of_lab(folder)):
            # A program that is just being started has no command line yet.
            quiet_scans += 1
            time.sleep(_POLL_S)
            continue
        # A kwokctl that is starting a control plane goes first: it must not start another component.
        send(sorted(found, key=lambda each: bool(each.cluster)), signal.SIGKILL)
        wait_gone(found, timeout_s=timeout_s)
        ended, quiet_scans = ended + len(found), 0
    return ended


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def spawn(command: list[str], *, log: Path, folder: Path, pass_fds: tuple[int, ...] = ()) -> None:
    """Start a program that outlives this one, in a session of its own, its output appended to ``log``.

    The shell in between ends at once, so that process 1 becomes the parent: no one must reap it here, and Ctrl-C
    does not reach it.
    """
    subprocess.run(  # noqa: S603 - programs and arguments are the lab's own
        ["/bin/sh", "-c", 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null &', "sh", str(log), *command],
        cwd=folder,
        env=GO_RUNTIME | os.environ,
        start_new_session=True,
        pass_fds=pass_fds,
        check=True,
        timeout=30,
    )
