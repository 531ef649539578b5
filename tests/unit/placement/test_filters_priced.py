"""Limits on what the price is made of: budgets and required deadlines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.builders import HOUR_S, a_cluster, a_network, a_node, a_workload, an_offer, some_data
from tests.unit.placement.priced import HOME, ask_for, conditions, green, price, price_all

from tradewind.model.kind import WorkloadType
from tradewind.model.plan import Wake
from tradewind.model.workload import Deadline, DeadlineMode
from tradewind.placement.engine import plan
from tradewind.placement.filters.budget import Budget
from tradewind.placement.filters.deadline import InTime
from tradewind.placement.registry import PRICED

NOW_S = 1_800_000_000.0
STORE = "gcp/store"
NETWORK = a_network((STORE, HOME, 2.0, 0.09))
SERVER = a_workload(type=WorkloadType.INFERENCE, runtime_h=None)
# $32 an hour; 10 h run, 1 h of it waiting for data when there are any; $81 of egress.
WITH_DATA = a_workload(data=(some_data(900, STORE),))


@pytest.mark.parametrize(
    ("work", "said", "reasons"),
    [
        pytest.param(a_workload(), {"max_usd_per_hour": 32.0}, (), id="an hour at the limit"),
        pytest.param(a_workload(), {"max_usd_per_hour": 31.99}, ("BudgetPerHourExceeded",), id="an hour over it"),
        pytest.param(WITH_DATA, {"max_usd_per_hour": 32.0}, (), id="egress is no price of an hour"),
        pytest.param(a_workload(), {"max_total_usd": 320.0}, (), id="a run at the limit"),
        pytest.param(a_workload(), {"max_total_usd": 319.0}, ("BudgetTotalExceeded",), id="a run over it"),
        pytest.param(WITH_DATA, {"max_total_usd": 433.0}, (), id="machines that wait, and egress, fit"),
        pytest.param(WITH_DATA, {"max_total_usd": 432.0}, ("BudgetTotalExceeded",), id="egress is over it"),
        pytest.param(
            a_workload(), {"max_total_usd": 400.0, "spent_usd": 81.0}, ("BudgetTotalExceeded",), id="money spent counts"
        ),
        pytest.param(a_workload(), {"max_total_usd": 400.0, "spent_usd": 80.0}, (), id="what is left of it is enough"),
        pytest.param(a_workload(), {"max_total_usd": 160.0, "left": 0.5}, (), id="half of the work is left to pay"),
        pytest.param(
            a_workload(),
            {"max_total_usd": 320.0, "usd_per_delay_hour": 90.0, "usd_per_tonne_co2": 1e6},
            (),
            id="nobody sends a bill for delay and carbon",
        ),
        pytest.param(
            a_workload(),
            {"max_usd_per_hour": 1.0, "max_total_usd": 1.0},
            ("BudgetPerHourExceeded", "BudgetTotalExceeded"),
            id="both",
        ),
        pytest.param(SERVER, {"max_total_usd": 100.0}, (), id="servers have no end to be counted to"),
        pytest.param(
            replace(SERVER, data=WITH_DATA.data), {"max_total_usd": 112.0}, ("BudgetTotalExceeded",), id="but a start"
        ),
        pytest.param(a_workload(), {"max_usd_per_hour": 0.0}, ("BudgetPerHourExceeded",), id="no money at all"),
        pytest.param(a_workload(), {}, (), id="no budget"),
    ],
)
def test_budget(work: Any, said: dict[str, Any], reasons: tuple[str, ...]) -> None:
    found = price(ask_for(work, **said), given=conditions(NETWORK))
    assert (found.refusals, found.within) == (reasons, not reasons)
    assert found.valid


def test_expected_loss_is_paid_for_too() -> None:
    cluster = green(a_cluster(offers=(replace(an_offer(), interruptions_per_hour=0.05),)))
    found = price(ask_for(a_workload(), max_total_usd=320.0), cluster=cluster)
    assert found.refusals == ("BudgetTotalExceeded",)


def test_a_budget_is_refused_with_its_figures() -> None:
    found = price(
        ask_for(WITH_DATA, max_usd_per_hour=30.0, max_total_usd=500.0, spent_usd=100.0), given=conditions(NETWORK)
    )
    assert found.messages == (
        "$32.00 per hour is over maxUSDPerHour $30.00",
        "machines and egress of $433.00 after $100.00 spent are over maxTotalUSD $500.00 by $33.00",
    )


def due(hours: float, mode: DeadlineMode = DeadlineMode.REQUIRE) -> Deadline:
    return Deadline(NOW_S + hours * HOUR_S, mode)


@pytest.mark.parametrize(
    ("work", "hours", "queue_h", "late"),
    [
        pytest.param(a_workload(), 10, 0, False, id="done in the last second"),
        pytest.param(a_workload(), 9.5, 0, True, id="done half an hour late"),
        pytest.param(a_workload(), 10.4, 0.5, True, id="waiting for nodes counts"),
        pytest.param(WITH_DATA, 10.5, 0, True, id="moving data counts"),
        pytest.param(a_workload(), -1, 0, True, id="the deadline has passed"),
    ],
)
def test_deadline(work: Any, hours: float, queue_h: float, *, late: bool) -> None:
    given = conditions(NETWORK, now_s=NOW_S)
    required = price(ask_for(replace(work, deadline=due(hours))), given=given, queue_h=queue_h)
    preferred = price(ask_for(replace(work, deadline=due(hours, DeadlineMode.PREFER))), given=given, queue_h=queue_h)
    assert required.refusals == (("DeadlineMissed",) if late else ())
    assert (required.within, preferred.within) == (not late, True)


@pytest.mark.parametrize(
    ("work", "hours", "queue_h", "message"),
    [
        pytest.param(
            WITH_DATA,
            9.0,
            0.0,
            "done 2h after the deadline, which is 9h away (transfer 1h + run 10h); a faster accelerator, a later "
            "deadline, or mode Prefer would help",
            id="a long run",
        ),
        pytest.param(
            a_workload(runtime_h=1, data=(some_data(4500, STORE),)),
            5.5,
            0.0,
            "done 30m after the deadline, which is 5h30m away (transfer 5h + run 1h); a replica of the data nearer by, "
            "a later deadline, or mode Prefer would help",
            id="a long transfer",
        ),
        pytest.param(
            a_workload(runtime_h=0.5),
            1.0,
            2.0,
            "done 1h30m after the deadline, which is 1h away (queue 2h + run 30m); nodes that are there already, a "
            "later deadline, or mode Prefer would help",
            id="a long wait",
        ),
        pytest.param(
            a_workload(), -2.0, 0.0, "the deadline passed 2h ago: set spec.deadline.time to a later one", id="too late"
        ),
    ],
)
def test_a_missed_deadline_says_what_takes_so_long(work: Any, hours: float, queue_h: float, message: str) -> None:
    given = conditions(NETWORK, now_s=NOW_S)
    found = price(ask_for(replace(work, deadline=due(hours))), given=given, queue_h=queue_h)
    assert found.messages == (message,)


def test_many_interruptions_are_named_where_they_make_it_late() -> None:
    cluster = green(a_cluster(offers=(replace(an_offer(), interruptions_per_hour=0.5),)))
    found = price(ask_for(replace(a_workload(), deadline=due(12))), cluster=cluster, given=conditions(now_s=NOW_S))
    assert "run 10h + expected loss 1d1h" in found.messages[0]
    assert "checkpoints, another market" in found.messages[0]


def test_one_ask_with_limits_binds_no_other() -> None:
    bound = ask_for(replace(a_workload(), deadline=due(1)), max_usd_per_hour=1.0, max_total_usd=1.0)
    prices, _ = price_all([bound, ask_for(a_workload())], [green()], conditions(now_s=NOW_S))
    assert prices.within.tolist() == [[False], [True]]
    assert prices.refusals(1, 0) == ()


def test_an_offer_of_the_wrong_kind_has_no_price_that_could_be_too_high() -> None:
    work = replace(WITH_DATA, pods=replace(WITH_DATA.pods, accelerators=0))
    (decision,) = plan([ask_for(work, max_total_usd=1.0)], fleet=[green()], conditions=conditions(NETWORK))
    (one,) = decision.candidates
    assert [refusal.reason for refusal in one.refusals] == ["NotForCPUWork"]


def test_the_engine_goes_to_where_the_budget_allows_it() -> None:
    # The H100 is cheaper in all, and its hour is the dearer one.
    fast = a_cluster("fast", offers=(an_offer(usd=4.0),))
    slow = a_cluster("slow", offers=(an_offer(accelerator="A100-80GB", usd=2.0),))
    given = conditions()
    for limit, cluster in ((None, "fast"), (20.0, "slow")):
        fleet = [replace(fast, nodes=(a_node(),)), replace(slow, nodes=(a_node(accelerator="A100-80GB"),))]
        (decision,) = plan([ask_for(a_workload(), max_usd_per_hour=limit)], fleet=fleet, conditions=given)
        assert decision.chosen is not None
        assert decision.chosen.cluster == cluster


def test_who_waits_for_a_budget_is_woken_by_prices() -> None:
    assert [(type(one), one.WAKES_ON, one.HOLDS_WHILE_RUNNING) for one in PRICED] == [
        (Budget, Wake.PRICE, False),
        (InTime, Wake.PRICE, False),
    ]


@pytest.mark.parametrize(
    ("work", "queue_h", "wakes_on"),
    [
        pytest.param(WITH_DATA, 0.0, Wake.PRICE, id="a link may get known"),
        pytest.param(a_workload(), 2.0, Wake.CAPACITY, id="a node may get free"),
        pytest.param(WITH_DATA, 2.0, Wake.PRICE, id="a free node would not be enough"),
    ],
)
def test_what_is_late_is_looked_at_again_when_that_could_help(work: Any, queue_h: float, wakes_on: Wake) -> None:
    late = ask_for(replace(work, deadline=due(10.5)))
    prices, _ = price_all([late], [green()], conditions(NETWORK, now_s=NOW_S), queue_h=queue_h)
    assert [refusal.wakes_on for refusal in prices.refusals(0, 0)] == [wakes_on]
