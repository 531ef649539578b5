"""The demo as people run it: one command, on real control planes, that leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = (sys.executable, "-c", "from tradewind.cli import main; main()", "demo")
LIMIT_S = 300.0

pytestmark = pytest.mark.lab


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that name something in the folder, the operator's included."""
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in argument for argument in process.info["cmdline"] or ())
    ]


def test_the_demo_passes_and_leaves_nothing_behind(lab_root: Path, own_lab_name: str, tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - ourselves
        [*COMMAND, "--name", own_lab_name, "-o", "json"],
        env=os.environ | {"TRADEWIND_LAB_DIR": str(lab_root)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [line for line in done.stderr.splitlines() if line.strip()]
    assert told[-1].startswith("Demo passed in "), told[-1]
    assert "\x1b" not in done.stderr
    figures = json.loads(done.stdout)
    assert figures["lost"] == "aws-eu-south-2"
    assert set(figures["moved"]) == {"products/archive-ocr", "products/chat-assistant", "research/support-finetune"}
    assert figures["waited"] == ["research/claims-etl", "research/speech-train"]
    assert all(times["decided"] <= times["running"] for times in figures["moved"].values())
    foreseen = figures["forecast"]
    assert len(foreseen) == 11
    assert all(each["forecast"] == each["actual"] for each in foreseen.values())
    assert {key for key, each in foreseen.items() if each["forecast"].startswith("waits")} == set(figures["waited"])
    moved = [foreseen[key] for key in figures["moved"]]
    # Seconds pass between the forecast and the outage: what they are worth is cents.
    assert all(each["actualUSD"] == pytest.approx(each["forecastUSD"], rel=0.01) for each in moved)
    assert all(each["why"] for each in moved)
    assert sum(len(member["copies"]) for member in figures["members"]) == 11
    assert left_behind(lab_root / own_lab_name) == []
    assert not (lab_root / own_lab_name).exists()


def test_an_interrupted_demo_leaves_nothing_behind(lab_root: Path, own_lab_name: str, tmp_path: Path) -> None:
    folder, told = lab_root / own_lab_name, tmp_path / "told"
    with told.open("wb") as out:
        demo = subprocess.Popen(  # noqa: S603 - ourselves
            [*COMMAND, "--name", own_lab_name],
            env=os.environ | {"TRADEWIND_LAB_DIR": str(lab_root)},
            cwd=tmp_path,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        deadline_s = time.monotonic() + LIMIT_S
        # By then the operator runs, and so do the watches.
        while "kubectl apply" not in told.read_text(encoding="utf-8"):
            assert demo.poll() is None, told.read_text(encoding="utf-8")
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        assert left_behind(folder) != []
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(60) == 130
    finally:
        demo.kill()
        demo.wait()
    assert left_behind(folder) == []
    assert not folder.exists()
    assert "Traceback" not in told.read_text(encoding="utf-8")
