"""Many histories of a small world that decides with the real decisions, each by its seed."""

from __future__ import annotations

import pytest
from tests.sim.kinds import BLOCKS, LIFECYCLE, seeds
from tests.sim.lifecycle.play import play


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_invariants_hold_in_every_history_of_decisions(block: int) -> None:
    for seed in seeds(LIFECYCLE, block):
        play(seed)
