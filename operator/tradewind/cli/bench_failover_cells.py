"""Which runs the fail-over benchmark makes, which of them a results file holds already, and how long the rest takes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Figures = dict[str, Any]

OUTAGES = ("kill", "hang", "blackhole", "one-way")
"""Faults that take the cluster away: its work has to move."""
ALARMS = ("flap", "upgrade", "credentials", "feed", "hub-cut")
"""Faults in which work has to stay where it is."""
FAULTS = (*OUTAGES, *ALARMS)
BOUND = ("kill", "hang", "blackhole")
"""The outages that have bounds, and are run by default."""

PATIENCE_S = {"default": 30.0, "tightest": 3.0}
"""downAfterOneKind of each settings."""
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    # One lost probe a second must be bearable for every API server, and 4 of them in a row are the least evidence
    # that the operator takes; an API server that is restarted on a machine with its data at hand is away for 2.5 s.
    "tightest": {"detection": {"probeInterval": "1s", "downAfterOneKind": "3s"}},
}
JOBS = (100, 1000)
FEW_JOBS = 100
RUNS = 3
AWAY_S = 20.0
"""How long an API server is away in an upgrade of one node of its own."""
FLAPS = 3
MARGIN_S = 8.0
"""A fault that must move nothing is held for longer than the patience by this."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the matrix; it is run several times."""

    fault: str
    guarantee: str
    settings: str
    jobs: int

    @property
    def moves(self) -> bool:
        """Whether work has to move."""
        return self.fault in OUTAGES

    @property
    def flap_s(self) -> float:
        """How long a flap lasts, and the time between two: two thirds of the patience, 20 s by default."""
        return PATIENCE_S[self.settings] * 2 / 3

    @property
    def held_s(self) -> float:
        """How long a fault is held in which nothing may move."""
        if self.fault == "upgrade":
            return AWAY_S
        if self.fault == "flap":
            return (2 * FLAPS - 1) * self.flap_s
        return PATIENCE_S[self.settings] + MARGIN_S

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.fault}, {self.settings} settings, {self.jobs} jobs"


def matrix(
    *, guarantee: str, faults: Sequence[str], settings: Sequence[str], jobs: Sequence[int], runs: int | None
) -> list[Cell]:
    """List the runs, the short ones first; what is empty or None stands for the full matrix.

    An API server that is away for 20 s is an outage where 3 s of silence are one, so `upgrade` has default settings.

    Raises:
        InputError: nothing is left to run.
    """
    cells = []
    for size in jobs or JOBS:
        for name in settings or tuple(SETTINGS):
            for fault in faults or (*BOUND, *ALARMS):
                few = fault in ALARMS and not jobs and size != FEW_JOBS
                if few or (fault == "upgrade" and PATIENCE_S[name] <= AWAY_S):
                    continue
                times = runs or (RUNS if fault in OUTAGES else 1)
                cells += [Cell(fault, guarantee, name, size)] * times
    if not cells:
        message = f"upgrade is away for {AWAY_S:.0f} s, which is an outage at the tightest settings"
        raise InputError("--faults", "", f"{message}. Use --settings default.")
    return sorted(cells, key=lambda cell: (cell.jobs, cell.fault in ALARMS))


def cell_of(figures: Figures) -> Cell:
    """Read which cell a run belongs to."""
    return Cell(figures["fault"], figures["guarantee"], figures["settings"], int(figures["jobs"]))


def missing(cells: Iterable[Cell], done: Iterable[Figures]) -> list[Cell]:
    """Leave out, for each run that is done, one run of its cell."""
    have = Counter(map(cell_of, done))
    left = []
    for cell in cells:
        if have[cell]:
            have[cell] -= 1
        else:
            left.append(cell)
    return left


def expected_s(cell: Cell) -> float:
    """Say about how long a run takes on two cores, its preparation and its end included."""
    makes_s, removes_s = 4 + cell.jobs / 20, 6 + cell.jobs / 30
    if cell.moves:
        return makes_s + PATIENCE_S[cell.settings] + 3 + cell.jobs / 25 + 10 + cell.jobs / 40 + removes_s
    return makes_s + cell.held_s + 12 + removes_s


def read_results(file: Path) -> list[Figures]:
    """Read the runs that a results file holds; none where there is no file, or an empty one.

    Raises:
        InputError: it is something else.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(file), "", f"can't be read: {error}") from error
    if not text.strip():
        return []
    try:
        runs: list[Figures] = json.loads(text)["runs"]
        for run in runs:
            cell_of(run)
    except (ValueError, KeyError, TypeError) as error:
        message = 'is no results file of this benchmark: {"runs": [...]}. Name another, or remove it'
        raise InputError(str(file), "", message) from error
    return runs


def write_results(file: Path, runs: Sequence[Figures]) -> None:
    """Write all runs; whoever interrupts this finds the file as it was or as it is to be."""
    lines = ",\n".join(json.dumps(run, allow_nan=False) for run in runs)
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(f'{{"runs": [\n{lines}\n]}}\n', encoding="utf-8")
    partial.replace(file)
