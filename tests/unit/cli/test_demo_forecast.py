"""The demo's forecast beside what happened: it agrees where work went where it was said to go, and explains amounts."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cli.test_plan_hub import a_cluster_of_the_hub
from tests.unit.cli.test_whatif_hub import placed

from tradewind.cli.bill import Bill
from tradewind.cli.demo_checks import foreseen_check
from tradewind.cli.demo_forecast import compared, lagging
from tradewind.cli.demo_picture import work_of
from tradewind.cli.forecast import Fate, Forecast, Outcome
from tradewind.cli.loss import Loss, Lost
from tradewind.cli.present import of_hub
from tradewind.cli.world import Objects
from tradewind.model.decision import Usd
from tradewind.model.workload import Key

Manifest = dict[str, Any]
LOST = Lost((Loss("cluster", "aws"),), frozenset({"aws"}), frozenset({"aws"}))
KEY = Key("ml", "train")
TERMS = {"compute": "90", "egress": "0", "loss": "0", "carbon": "0", "delay": "10", "latency": "0"}


def a_bill(cluster: str = "gcp") -> Bill:
    return Bill(((cluster, "h100", 1),), 100.0, 9.0, Usd(compute=90.0, delay=10.0))


def a_work(*, cluster: str = "gcp", usd: str = "100", reason: str = "Running", **terms: str) -> Manifest:
    candidate = {"cluster": cluster, "offer": "h100", "chosen": True, "usd": TERMS | terms}
    place = {"cluster": cluster, "offer": "h100", "state": "Running", "totalUSD": usd}
    ready = {"type": "Ready", "reason": reason, "message": ""}
    status = {"conditions": [ready], "placements": [place], "candidates": [candidate]}
    return {"metadata": {"namespace": KEY.namespace, "name": KEY.name}, "status": status}


MOVES = Fate(KEY, Outcome.MOVES, "Placed", "", a_bill("aws"), a_bill())
WAITS = Fate(KEY, Outcome.STRANDED, "OldCopyMayRun", "", a_bill("aws"))
STAYS = Fate(KEY, Outcome.STAYS, "Untouched", "", a_bill(), a_bill())


@pytest.mark.parametrize(
    ("fate", "work", "agrees"),
    [
        pytest.param(MOVES, a_work(), True, id="it moved to the place that was forecast"),
        pytest.param(MOVES, a_work(cluster="azure"), False, id="it moved elsewhere"),
        pytest.param(MOVES, a_work(cluster="aws", reason="OldCopyMayRun"), False, id="it was to move, and waits"),
        pytest.param(WAITS, a_work(cluster="aws", reason="OldCopyMayRun"), True, id="it waits, as was forecast"),
        pytest.param(WAITS, a_work(cluster="aws", reason="MovesExhausted"), False, id="it waits for another reason"),
        pytest.param(WAITS, a_work(), False, id="it was to wait, and moved"),
        pytest.param(STAYS, a_work(), True, id="it stayed, as was forecast"),
        pytest.param(STAYS, a_work(cluster="azure"), False, id="it was to stay, and moved"),
    ],
)
def test_a_forecast_agrees_with_where_the_work_is(fate: Fate, work: Manifest, *, agrees: bool) -> None:
    (outcome,) = compared(Forecast(LOST, (fate,)), {str(KEY): work_of(work)}, lost="aws")
    assert outcome.agrees is agrees
    check = foreseen_check([outcome])
    assert (check.name, check.holds) == ("forecast", agrees)
    assert agrees or f"ml/train: forecast {outcome.foreseen}, actual {outcome.seen}" in check.detail


@pytest.mark.parametrize(
    ("work", "why"),
    [
        pytest.param(a_work(), "as forecast", id="equal amounts"),
        pytest.param(
            a_work(usd="97", compute="91", delay="6"),
            "delay -$4.00: other nodes had to be made ready first",
            id="the term that differs most",
        ),
        pytest.param(a_work(cluster="azure", usd="80"), "it went elsewhere", id="another place"),
    ],
)
def test_a_difference_in_cost_is_explained(work: Manifest, why: str) -> None:
    (outcome,) = compared(Forecast(LOST, (MOVES,)), {str(KEY): work_of(work)}, lost="aws")
    assert outcome.why == why
    assert (outcome.foreseen_usd, outcome.seen_usd) == (100.0, float(work["status"]["placements"][0]["totalUSD"]))


@pytest.mark.parametrize(
    ("free", "late"),
    [
        pytest.param({8: 1}, ["aws/h100"], id="the status still shows the room as free that work has taken"),
        pytest.param({0: 1}, [], id="the status shows it as taken"),
    ],
)
def test_a_forecast_waits_until_the_hub_shows_what_runs(free: dict[int, int], late: list[str]) -> None:
    objects = Objects(workloads=(placed("train", "aws"),), clusters=(a_cluster_of_the_hub("aws", free=free, nodes=1),))
    assert lagging(of_hub(objects)) == late
