"""The fail-over benchmark on real API servers: what it says of a small outage is whole, in order and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tradewind.cli.bench_failover import measure
from tradewind.cli.bench_failover_cells import PATIENCE_S, Cell, read_results
from tradewind.lab.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab

JOBS = 6


def test_work_of_a_killed_member_is_seen_to_run_elsewhere_and_a_false_alarm_to_move_nothing(
    lab_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_LAB_DIR", str(lab_root))
    file = tmp_path / "runs.json"
    cells = [Cell(fault, "AtLeastOnce", "tightest", JOBS) for fault in ("kill", "credentials")]
    runs = measure(cells, results=file, progress=Progress(quiet=True))
    assert runs == read_results(file)
    kill, alarm = runs
    assert (kill["moved"], kill["needlessMoves"], kill["ranAgain"], kill["lost"]) == (JOBS, 0, 0, 0)
    assert PATIENCE_S["tightest"] <= kill["detectedSeconds"] <= kill["decidedSeconds"] + 1.0
    assert kill["decidedSeconds"] < kill["deliveredSeconds"] < kill["runningSeconds"]
    assert kill["staleAskedBeforeBack"]
    assert kill["doubleRunSeconds"] > 0
    assert (alarm["moved"], alarm["needlessMoves"], alarm["ranAgain"], alarm["lost"]) == (0, 0, 0, 0)
    assert alarm["runningSeconds"] is None
