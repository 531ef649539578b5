"""A lab starts, is what it says, and ends without a trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
import yaml

from tradewind.lab import ports, processes, status
from tradewind.lab.errors import LabError
from tradewind.lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.lab


def command(*arguments: str, root: Path) -> list[str]:
    return [sys.executable, "-c", "from tradewind.cli.lab import lab; lab()", *arguments, "--dir", str(root)]


def run(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments, root=root), capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own command


def until(condition: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def test_every_cluster_is_ready_and_is_a_cluster_of_its_own(lab: Lab) -> None:
    described = status.describe(lab)
    assert described["ready"]
    assert [each["name"] for each in described["clusters"]] == ["hub", "aws", "gcp", "onprem"]
    assert len({lab.cluster(name).uid() for name in lab.record.clusters}) == 4


def test_a_hub_and_three_members_take_less_than_3_gib(lab: Lab) -> None:
    assert status.describe(lab)["memoryMiB"] < 3 * 1024


def test_every_port_is_on_loopback_and_below_those_that_the_kernel_gives_to_clients(lab: Lab) -> None:
    listening = [
        connection.laddr
        for each in processes.of_lab(lab.folder)
        for connection in each.process.net_connections("tcp")
        if connection.status == "LISTEN"
    ]
    assert len(listening) >= 4 * 6
    assert all(ip_address(address.ip).is_loopback for address in listening)
    assert max(address.port for address in listening) < ports.ephemeral_start()


def test_a_kubeconfig_holds_its_certificates_and_goes_through_the_proxy(lab: Lab) -> None:
    shown = run("kubeconfig", "aws", "--name", lab.name, root=lab.folder.parent)
    config = yaml.safe_load(shown.stdout)
    assert config["clusters"][0]["cluster"]["server"].endswith(f":{lab.cluster('aws').ports.proxy}")
    assert str(lab.folder) not in shown.stdout
    direct = run("kubeconfig", "aws", "--direct", "-o", "json", "--name", lab.name, root=lab.folder.parent)
    server = json.loads(direct.stdout)["clusters"][0]["cluster"]["server"]
    assert server.endswith(f":{lab.cluster('aws').ports.apiserver}")


def test_a_second_lab_of_the_same_name_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="AlreadyUp"):
        Lab.up(lab.name, root=lab.folder.parent)
    assert status.describe(lab)["ready"]


def test_two_labs_live_side_by_side_and_one_ends_alone(lab: Lab, own_lab_name: str, lab_root: Path) -> None:
    started = run("up", "--name", own_lab_name, "--members", "aws", "--nodes", "1", "-o", "json", root=lab_root)
    assert started.returncode == 0, started.stderr
    described = json.loads(started.stdout)
    assert described["ready"]
    # Alone on two cores it takes 5 to 8 s; test machines are rarely alone.
    assert described["upSeconds"] < 60
    other = Lab.open(own_lab_name, root=lab_root)
    assert other.cluster("aws").uid() != lab.cluster("aws").uid()
    assert "aws-default-0" in other.kubectl("aws", "get", "nodes")

    ended = run("down", "--name", own_lab_name, root=lab_root)
    assert ended.returncode == 0, ended.stderr
    assert processes.of_lab(lab_root / own_lab_name) == []
    assert not (lab_root / own_lab_name).exists()
    assert status.describe(lab)["ready"]


def kwokctl_runs(folder: Path) -> bool:
    return bool(processes.of_lab(folder))


def an_api_server_runs(folder: Path) -> bool:
    return any(each.component is processes.Component.APISERVER for each in processes.of_lab(folder))


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param(kwokctl_runs, signal.SIGINT, id="Ctrl-C as soon as something runs"),
        pytest.param(an_api_server_runs, signal.SIGINT, id="Ctrl-C while API servers start"),
        pytest.param(an_api_server_runs, signal.SIGTERM, id="SIGTERM while API servers start"),
        pytest.param(an_api_server_runs, signal.SIGHUP, id="the terminal goes while API servers start"),
    ],
)
def test_an_interrupted_up_leaves_nothing(
    moment: Callable[[Path], bool], number: signal.Signals, lab_root: Path
) -> None:
    name = f"p{os.getpid()}-interrupted"
    up = subprocess.Popen(  # noqa: S603 - our own command
        command("up", "--name", name, "--members", "aws", root=lab_root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with up:
        until(lambda: moment(lab_root / name))
        # As a terminal does: to the whole process group; and once more, as people do.
        os.killpg(up.pid, number)
        time.sleep(0.1)
        os.killpg(up.pid, number)
        assert up.wait(timeout=30) != 0
    assert processes.of_lab(lab_root / name) == []
    assert not (lab_root / name).exists()


def test_what_a_killed_up_left_behind_is_ended_by_down(own_lab_name: str, lab_root: Path) -> None:
    folder = lab_root / own_lab_name
    with subprocess.Popen(  # noqa: S603 - our own command
        command("up", "--name", own_lab_name, "--members", "aws", root=lab_root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as up:
        until(lambda: an_api_server_runs(folder))
        up.kill()
    assert processes.of_lab(folder)
    assert run("up", "--name", own_lab_name, root=lab_root).returncode == 1, "it runs, in a way"
    assert run("down", "--name", own_lab_name, root=lab_root).returncode == 0
    assert processes.of_lab(folder) == []
    assert not folder.exists()


def test_a_control_plane_that_cannot_start_is_reported_with_its_reason(
    own_lab_name: str, lab_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "etcd"
    broken.write_text("#!/bin/sh\necho 'etcd Version: 3.6.8'\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("TRADEWIND_LAB_BIN", str(tmp_path))
    monkeypatch.setattr("tradewind.lab.clusters.CREATE_WAIT_S", 5)
    with pytest.raises(LabError, match=r"ControlPlaneFailed|NotReady"):
        Lab.up(own_lab_name, members=["aws"], root=lab_root)
    assert processes.of_lab(lab_root / own_lab_name) == []
