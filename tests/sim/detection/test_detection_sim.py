"""Judging alone, in virtual time, with agents and anchors: each seed is one history."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from tests.sim.detection.history import play
from tests.sim.kinds import BLOCKS, DETECTION, seeds
from tests.sim.soak import fails

import tradewind.outage.verdict
from tradewind.model.health import Judgement, Verdict

BOUND = 500


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_invariants_hold_in_every_history_of_judging(block: int) -> None:
    for seed in seeds(DETECTION, block):
        play(seed)


def _down(*_: Any, **__: Any) -> Judgement:
    return Judgement(Verdict.DOWN, "ApiServerSilent", "Silent.")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        pytest.param("holds", lambda *_, **__: {}, id="nothing freezes when most fall silent"),
        pytest.param("_judge_silent", _down, id="one lost probe is an outage"),
        pytest.param("_judge_long_silent", _down, id="an agent that lives is not asked"),
        pytest.param("awaited", lambda *_, **__: "", id="who answers once is trusted at once"),
        pytest.param("agent_silent_for_s", lambda *_, **__: 0.0, id="agents never fall silent"),
        pytest.param("MIN_SILENT_PROBES", 1000, id="silence never suffices"),
    ],
)
def test_a_fault_put_into_the_judge_is_found(attribute: str, value: Any) -> None:
    with patch.object(tradewind.outage.verdict, attribute, value):
        assert any(fails(seed, kind=DETECTION) for seed in range(BOUND))
