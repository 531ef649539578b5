"""A lab's processes are found by their programs, and nothing else is."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tradewind.lab import processes
from tradewind.lab.processes import Component

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program that does nothing for a while."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*command: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([str(each) for each in command], stdin=subprocess.DEVNULL)  # noqa: S603 - a test's own
        started.append(process)
        # Until the kernel has replaced this program by the other, the command line is ours, or empty.
        deadline = time.monotonic() + 10
        while psutil.Process(process.pid).cmdline()[:1] != [str(command[0])]:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def a_program(lab: Path, cluster: str, component: Component) -> Path:
    path = lab / "clusters" / cluster / "bin" / component.program
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(shutil.which("sleep") or "/bin/sleep", path)
    return path


def test_a_component_is_known_by_its_program(tmp_path: Path, start: Start) -> None:
    etcd = start(a_program(tmp_path, "aws", Component.ETCD), 60)
    start(a_program(tmp_path, "gcp", Component.ETCD), 60)
    [found] = processes.of_cluster(tmp_path, "aws", Component)
    assert (found.process.pid, found.cluster, found.component) == (etcd.pid, "aws", Component.ETCD)
    assert len(processes.of_lab(tmp_path)) == 2


def test_who_only_names_the_folder_is_left_alone(tmp_path: Path, start: Start) -> None:
    start(sys.executable, "-c", "import time; time.sleep(60)", tmp_path / "clusters" / "aws" / "bin" / "etcd")
    assert processes.of_lab(tmp_path) == []


def test_a_lab_whose_name_goes_on_is_another(tmp_path: Path, start: Start) -> None:
    start(a_program(tmp_path / "lab2", "aws", Component.ETCD), 60)
    assert processes.of_lab(tmp_path / "lab") == []


def test_a_dead_child_that_nobody_reaped_is_gone(tmp_path: Path, start: Start) -> None:
    etcd = start(a_program(tmp_path, "aws", Component.ETCD), 60)
    found = processes.of_lab(tmp_path)
    processes.send(found, signal.SIGKILL)
    processes.wait_gone(found, timeout_s=5)
    assert psutil.Process(etcd.pid).status() == psutil.STATUS_ZOMBIE
    assert processes.of_lab(tmp_path) == []


def test_a_stopped_process_is_paused_until_it_is_continued(tmp_path: Path, start: Start) -> None:
    start(a_program(tmp_path, "aws", Component.SCHEDULER), 60)
    [found] = processes.of_lab(tmp_path)
    assert not found.paused
    processes.pause([found], timeout_s=5)
    assert found.paused
    processes.send([found], signal.SIGCONT)
    processes.send([found], signal.SIGKILL)
    processes.wait_gone([found], timeout_s=5)
    assert not found.paused


def test_everything_is_ended_also_what_is_paused(tmp_path: Path, start: Start) -> None:
    for component in Component:
        start(a_program(tmp_path, "aws", component), 60)
    processes.pause(processes.of_lab(tmp_path), timeout_s=5)
    assert processes.end_all(tmp_path) == len(Component)
    assert processes.of_lab(tmp_path) == []
    assert processes.end_all(tmp_path) == 0


def test_a_spawned_program_belongs_to_no_one_here_and_logs_into_its_file(tmp_path: Path) -> None:
    program = a_program(tmp_path, "aws", Component.APISERVER)
    processes.spawn([str(program), "60"], log=tmp_path / "log", folder=tmp_path)
    deadline = time.monotonic() + 10
    while not (running := processes.of_lab(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    [found] = running
    assert found.process.pid not in {child.pid for child in psutil.Process().children(recursive=True)}
    assert (tmp_path / "log").exists()
    processes.end_all(tmp_path)


@pytest.mark.parametrize(
    ("own", "found"),
    [pytest.param({}, "400 2GiB", id="the lab's"), pytest.param({"GOGC": "50"}, "50 2GiB", id="yours win")],
)
def test_a_program_of_the_lab_collects_less_garbage_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: dict[str, str], found: str
) -> None:
    for name in processes.GO_RUNTIME:
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    log = tmp_path / "log"
    processes.spawn(["/bin/sh", "-c", "echo $GOGC $GOMEMLIMIT"], log=log, folder=tmp_path)
    deadline_s = time.monotonic() + 10
    while not (log.exists() and log.read_text(encoding="utf-8")) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert log.read_text(encoding="utf-8").strip() == found
