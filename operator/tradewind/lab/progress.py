"""Says what a long step is doing, and since when: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Update = Callable[[float], None]
    """Takes the share that is done, 0 to 1."""

_PLAIN_AFTER_S = 0.2


class Progress:
    """Shows tasks on stderr. ``last_problem`` keeps why the last optional step did not work out."""

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self.last_problem = ""

    @contextlib.contextmanager
    def task(self, text: str, *, measured: bool = False) -> Iterator[Update]:
        """Show ``text`` with the elapsed time for as long as the body runs; with a bar where it is ``measured``."""
        if self._quiet:
            yield lambda _share: None
        elif self._console.is_terminal:
            columns = [SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
            if measured:
                columns.insert(2, BarColumn(bar_width=24))
            with RichProgress(*columns, console=self._console, transient=True) as bars:
                task = bars.add_task(text, total=1.0 if measured else None)
                yield lambda share: bars.update(task, completed=share)
        else:
            self.note(f"{text} ...")
            started = time.monotonic()
            yield lambda _share: None
            if (elapsed_s := time.monotonic() - started) > _PLAIN_AFTER_S:
                self.note(f"{text}: done in {elapsed_s:.1f} s")

    def note(self, text: str) -> None:
        """One line for the person."""
        if not self._quiet:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def problem(self, text: str) -> None:
        """An optional step did not work out; shown, and kept for the error if nothing else works either."""
        self.last_problem = text
        self.note(text)
