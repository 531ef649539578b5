"""Programs are found in order, or built; a build that fails says what to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tradewind.lab import binaries, build
from tradewind.lab.binaries import Source
from tradewind.lab.errors import BadInputError, LabError
from tradewind.lab.progress import Progress
from tradewind.lab.tools import TOOLS, Tool

if TYPE_CHECKING:
    from pathlib import Path

QUIET = Progress(quiet=True)
GO = """#!/bin/sh
if [ "$1" = version ]; then echo go version go{version} linux/amd64; exit 0; fi
echo "$@" >> {log}
pwd >> {log}
while [ $# -gt 1 ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done
{body}
"""


@pytest.fixture(autouse=True)
def _nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for variable in binaries.FOLDER_VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, *, version: str = "1.26.8") -> Path:
    """A Go that does ``body`` instead of building; returns the log of how it was called."""
    log = tmp_path / "go.log"
    program(tmp_path / "bin" / "go", GO.format(version=version, body=body, log=log))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return log


def test_a_named_folder_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = TOOLS["kubectl"]
    assert binaries.find(tool) is None
    cached = program(binaries.cached(tool))
    assert binaries.find(tool) == cached
    envtest = program(tmp_path / "envtest" / "kubectl")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(envtest.parent))
    assert binaries.find(tool) == envtest
    ours = program(tmp_path / "ours" / "kubectl")
    monkeypatch.setenv("TRADEWIND_LAB_BIN", str(ours.parent))
    assert binaries.find(tool) == ours


def test_a_folder_with_a_part_of_a_control_plane_is_no_source_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    for name in ("etcd", "kube-apiserver", "kubectl"):
        program(tmp_path / name)
    assert binaries.find(TOOLS["kube-apiserver"]) is None
    assert binaries.find(TOOLS["etcd"]) == tmp_path / "etcd"
    for name in ("kube-controller-manager", "kube-scheduler"):
        program(tmp_path / name)
    assert binaries.find(TOOLS["kube-apiserver"]) == tmp_path / "kube-apiserver"


def test_a_prometheus_on_the_path_does_and_a_kubectl_there_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    system = program(tmp_path / "prometheus")
    program(tmp_path / "kubectl")
    assert binaries.find(TOOLS["prometheus"]) == system
    assert binaries.find(TOOLS["kubectl"]) is None
    cached = program(binaries.cached(TOOLS["prometheus"]))
    assert binaries.find(TOOLS["prometheus"]) == cached, "the pinned version first"


def test_prometheus_is_built_without_the_clients_of_all_clouds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake_go(tmp_path, monkeypatch, 'touch "$out"; chmod +x "$out"')
    binaries.ensure([TOOLS["prometheus"]], source=Source.BUILD, progress=QUIET)
    assert "-tags remove_all_sd -o" in log.read_text()


def test_the_release_of_prometheus_is_that_of_its_go_module() -> None:
    # v0.315.0 is how Go writes the release v3.15.0.
    release = TOOLS["promtool"].release
    assert release.prefix.endswith("/download/v3.15.0")
    assert release.file.startswith("prometheus-3.15.0.")
    assert release.member == release.file.removesuffix(".tar.gz") + "/promtool"


def test_from_the_cache_alone_what_is_missing_is_named() -> None:
    with pytest.raises(LabError, match=r"BinariesMissing.*etcd.*\n.*tradewind lab binaries"):
        binaries.ensure([TOOLS["etcd"]], source=Source.CACHE)


def test_an_unknown_tool_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(BadInputError, match=r"UnknownTool.*'kubelet'.*\n.*kubectl"):
        binaries.tool("kubelet")


def test_a_build_is_pinned_static_and_stamped_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake_go(tmp_path, monkeypatch, 'echo "$CGO_ENABLED" > "$out"; chmod +x "$out"')
    tool = TOOLS["kubectl"]
    path = binaries.ensure([tool], source=Source.BUILD, progress=QUIET)["kubectl"]
    assert path.read_text() == "0\n"
    called, folder = log.read_text().splitlines()
    assert folder == str(build.MODULES / "kubernetes")
    assert "-trimpath -mod=readonly" in called
    assert "version.gitVersion=v1.36.3" in called
    assert [each.name for each in path.parent.iterdir()] == ["kubectl"]


def test_what_is_in_the_cache_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake_go(tmp_path, monkeypatch, "exit 1")
    path = program(binaries.cached(TOOLS["kubectl"]))
    assert binaries.ensure([TOOLS["kubectl"]], progress=QUIET) == {"kubectl": path}
    assert not log.exists()


def test_a_failed_build_shows_its_last_lines_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = 'touch "$out"; for n in $(seq 40); do echo "line $n" >&2; done; exit 1'
    fake_go(tmp_path, monkeypatch, body)
    with pytest.raises(LabError, match=r"(?s)BuildFailed.*line 40.*--from download") as failure:
        binaries.ensure([TOOLS["kubectl"]], source=Source.BUILD, progress=QUIET)
    assert "line 20\n" not in failure.value.message
    assert list(binaries.cached(TOOLS["kubectl"]).parent.iterdir()) == []


def test_a_build_without_network_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch, 'echo "dial tcp: lookup proxy.golang.org: no such host" >&2; exit 1')
    with pytest.raises(LabError, match=r"(?s)NoNetwork.*GOPROXY.*resumes"):
        binaries.ensure([TOOLS["kubectl"]], source=Source.BUILD, progress=QUIET)


@pytest.mark.parametrize(
    "version", [pytest.param("1.25.9", id="too old"), pytest.param("devel", id="of no known version")]
)
def test_a_go_is_not_used_that_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    fake_go(tmp_path, monkeypatch, "exit 0", version=version)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(LabError, match=r"NoGo.*1\.26.*\n.*tradewind\[lab\]"):
        binaries.ensure([TOOLS["kubectl"]], source=Source.BUILD, progress=QUIET)


def test_the_go_beside_python_is_used_where_path_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = program(tmp_path / "venv" / "go", GO.format(version="1.26.2", body="", log=tmp_path / "log"))
    monkeypatch.setattr(sys, "executable", str(beside.with_name("python")))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert build.find_go() == str(beside)


def test_two_that_need_the_same_program_build_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A mirror at a closed port: there is no release.
    monkeypatch.setenv("KWOK_KUBE_BINARY_PREFIX", "http://127.0.0.1:9")
    log = fake_go(tmp_path, monkeypatch, 'sleep 0.3; touch "$out"; chmod +x "$out"')
    threads = [
        threading.Thread(target=binaries.ensure, args=[[TOOLS["kubectl"]]], kwargs={"progress": QUIET}) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log.read_text().splitlines()) == 2, "one call: its arguments and its folder"


LAB = """
import signal
from tradewind.cli.lab import lab
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
lab()
"""
"""What runs these tests in the background may ignore both signals, and its children with it."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_build_leaves_no_half_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    log = fake_go(
        tmp_path, monkeypatch, 'echo half > "$out"; echo started >> ' + str(tmp_path / "go.log") + "; exec sleep 60"
    )
    command = [
        sys.executable,
        "-c",
        LAB,
        "binaries",
        "--from",
        "build",
        "kubectl",
    ]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL) as building:  # noqa: S603 - our own command
        deadline = time.monotonic() + 20
        while not (log.exists() and "started" in log.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        # To the command alone, as a supervisor of services would; the build is its to end.
        os.kill(building.pid, number)
        assert building.wait(timeout=20) != 0
    assert list(binaries.cached(TOOLS["kubectl"]).parent.iterdir()) == []


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_the_pinned_module_holds_the_version_that_is_asked_for(tool: Tool) -> None:
    module = (build.MODULES / tool.family / "go.mod").read_text()
    root = tool.package.split("/cmd/")[0]
    assert f"{root} {tool.version}" in module
    assert (build.MODULES / tool.family / "go.sum").stat().st_size > 0
