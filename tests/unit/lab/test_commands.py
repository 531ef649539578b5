"""The command line: quick to import, and mistakes end with a reason and exit status 2."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tradewind.cli import lab as cli
from tradewind.lab import faults, kind, startup
from tradewind.lab.binaries import Source
from tradewind.lab.clusters import Cluster, Runtime
from tradewind.lab.errors import LabError
from tradewind.lab.ports import ClusterPorts
from tradewind.lab.processes import Component
from tradewind.lab.progress import Progress
from tradewind.lab.proxy import Mode

if TYPE_CHECKING:
    from pathlib import Path


def test_importing_the_commands_imports_nothing_heavy() -> None:
    code = (
        "import sys, tradewind.cli.lab; print([m for m in ('rich', 'psutil', 'yaml', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - this Python
    assert done.stdout.strip() == "[]"


def test_the_choices_are_those_that_the_lab_knows() -> None:
    assert set(cli.COMPONENTS) == {*Component, faults.ALL}
    assert set(cli.MODES) == set(Mode) - {Mode.PASS}
    assert set(cli.SOURCES) == set(Source)
    assert set(cli.RUNTIMES) == {"auto", *Runtime}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["up", "--members", "aws,AWS"], "BadName", id="a name in capitals"),
        pytest.param(["up", "--members", "aws,aws"], "BadMembers", id="a member twice"),
        pytest.param(["up", "--members", "hub"], "BadMembers", id="a member called hub"),
        pytest.param(["up", "--name", "../up"], "BadName", id="a name that is a path"),
        pytest.param(["up", "--time-scale", "fast"], "BadTimeScale", id="a time scale that is no number"),
        pytest.param(["down", "--name", "a/b"], "BadName", id="a lab that is a path"),
        pytest.param(["binaries", "kubelet"], "UnknownTool", id="a tool that does not exist"),
        pytest.param(["cut", "aws", "--mode", "delay", "--delay", "long"], "BadDelay", id="a delay that is none"),
        pytest.param(["kill", "aws", "--component", "kubelet"], "kubelet", id="a component that does not exist"),
        pytest.param(["up", "--nodes", "-1"], "-1", id="fewer nodes than none"),
    ],
)
def test_a_mistake_is_exit_status_2_with_its_reason(
    arguments: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_LAB_DIR", str(tmp_path))
    monkeypatch.setattr(startup, "choose", lambda *_, **__: (Runtime.BINARY, {}))
    done = CliRunner().invoke(cli.lab, arguments)
    assert (done.exit_code, done.exception.__class__) == (2, SystemExit)
    assert reason in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["status"], id="status"),
        pytest.param(["kubeconfig", "hub"], id="kubeconfig"),
        pytest.param(["kill", "aws"], id="kill"),
        pytest.param(["resume", "aws"], id="resume"),
        pytest.param(["cut", "aws"], id="cut"),
    ],
)
def test_a_lab_that_does_not_exist_is_exit_status_1_with_the_next_step(arguments: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.lab, [*arguments, "--dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "NoSuchLab" in done.stderr
    assert "tradewind lab up" in done.stderr


def test_ending_a_lab_that_does_not_exist_is_no_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.lab, ["down", "--dir", str(tmp_path), "-o", "json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"name": "tradewind", "existed": False, "processesEnded": 0}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(
        cli.lab, ["up", "--dir", str(tmp_path / "file" / "labs")], env={"XDG_CACHE_HOME": "/proc/1"}
    )
    assert (done.exit_code, done.exception.__class__) == (1, SystemExit)
    assert "Error:" in done.stderr


def test_a_broken_record_is_named_and_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "tradewind").mkdir()
    (tmp_path / "tradewind" / "lab.json").write_text("{")
    done = CliRunner().invoke(cli.lab, ["status", "--dir", str(tmp_path)])
    assert (done.exit_code, "BrokenLab" in done.stderr) == (1, True)
    assert CliRunner().invoke(cli.lab, ["down", "--dir", str(tmp_path)]).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def a_docker(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    docker = folder / "docker"
    docker.write_text(f"#!/bin/sh\n{body}\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        pytest.param("echo 28.2.2", True, id="answers"),
        pytest.param("echo 'Cannot connect to the Docker daemon' >&2; exit 1", False, id="is not running"),
        pytest.param("exec sleep 60", False, id="hangs"),
    ],
)
def test_kind_is_a_choice_only_where_an_engine_answers(
    *, body: str, answers: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_docker(tmp_path, monkeypatch, body)
    monkeypatch.setattr(kind, "_ENGINE_TIMEOUT_S", 0.5)
    assert kind.engine_answers() is answers


def test_asking_for_kind_without_an_engine_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_docker(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(LabError, match=r"NoDocker.*\n.*--runtime binary"):
        startup.choose("kind", progress=Progress(quiet=True))


def test_a_part_of_a_kind_cluster_cannot_fail_alone(tmp_path: Path) -> None:
    cluster = Cluster("aws", tmp_path, ClusterPorts.at(30000), Runtime.KIND)
    with pytest.raises(LabError, match=r"NotWithKind.*etcd.*\n.*--runtime binary"):
        faults.kill(cluster, [Component.ETCD])
