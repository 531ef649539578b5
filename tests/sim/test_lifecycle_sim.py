"""Many histories of a small world, each by its seed: `play(seed)` replays one."""

from __future__ import annotations

import os

import pytest
from tests.sim.play import History

HISTORIES = int(os.environ.get("TRADEWIND_HISTORIES", "500"))
BLOCKS = 20


def play(seed: int) -> None:
    history = History(seed)
    try:
        history.play()
    except Exception as error:
        error.add_note(f"seed {seed}, events: {' '.join(history.log)}")
        raise


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_invariants_hold_in_every_history(block: int) -> None:
    for seed in range(block, HISTORIES, BLOCKS):
        play(seed)
