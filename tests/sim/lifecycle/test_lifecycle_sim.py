"""Many histories of a small world that decides with the real decisions, each by its seed."""

from __future__ import annotations

import pytest
from tests.sim.kinds import BLOCKS, LIFECYCLE, seeds
from tests.sim.lifecycle.play import play


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_invariants_hold_in_every_history_of_decisions(block: int) -> None:
    for seed in seeds(LIFECYCLE, block):
        play(seed)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(7106, id="a copy that vanished unseen is made again, in going back to it from one that never ran"),
        pytest.param(8317, id="a move for money comes to its end after prices have changed, and is taken back"),
    ],
)
def test_what_was_found_once_is_not_there_again(seed: int) -> None:
    play(seed)
