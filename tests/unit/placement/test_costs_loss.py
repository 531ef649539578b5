"""What interruptions waste, by figures worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.builders import GB, NEVER_INTERRUPTED, a_cluster, a_network, a_workload, an_offer
from tests.unit.placement.priced import HOME, ask_for, conditions, green, price

from tradewind.model.kind import WorkloadType
from tradewind.model.network import Link, Network
from tradewind.model.workload import Checkpoint, Market, Workload

RATE = 0.05
STORE, OTHER = "gcp/store", "gcp/other"
# 900 GB at 2 Gbit/s: 900 x 8 / 2 = 3600 s = 1 h, both ways.
NETWORK = a_network((STORE, HOME, 2.0, 0.0), (HOME, STORE, 2.0, 0.0), (OTHER, HOME, 0.5, 0.0), (HOME, OTHER, 8.0, 0.0))
# 0.1 h to detect, 0.1 h to restart.
KNOWN = conditions(NETWORK, detect_s=360.0)
KNOWN = replace(KNOWN, assumptions=replace(KNOWN.assumptions, restart_s=360.0))


def training(checkpoint: Checkpoint | None = None, **said: Any) -> Workload:
    return replace(a_workload(**said), checkpoint=checkpoint)


def saved(*locations: str, gb: float = 900, interval_h: float | None = 1.0) -> Checkpoint:
    return Checkpoint(gb * GB, locations or (STORE,), None if interval_h is None else interval_h * 3600)


def cluster(rate: float | None = RATE, **said: Any) -> Any:
    return green(a_cluster(offers=(replace(an_offer(**said), interruptions_per_hour=rate),)))


@pytest.mark.parametrize(
    ("work", "lost_h"),
    [
        # rate x T_run x (interval / 2 + detect + restart + reading it)
        pytest.param(training(saved()), 0.05 * 10 * (0.5 + 0.2 + 1), id="half an interval, and the checkpoint is read"),
        pytest.param(training(), 0.05 * 10 * (5 + 0.2), id="without checkpoints half of the run"),
        pytest.param(training(saved(interval_h=40)), 0.05 * 10 * (5 + 1.2), id="never more than half of the run"),
        pytest.param(training(saved(), pods=3), 0.15 * 10 * (0.5 + 1.2), id="any of three nodes stops all"),
        pytest.param(
            training(saved(), pods=4, accelerators=2), 0.05 * 10 * (0.5 + 1.2), id="four small pods share one node"
        ),
        pytest.param(
            training(saved(), pods=3, accelerators=5),
            0.15 * 10 * (0.5 + 1.2),
            id="a node takes one pod of more than half",
        ),
        pytest.param(training(saved(STORE, OTHER)), 0.05 * 10 * (0.5 + 1.2), id="the faster location is read"),
        pytest.param(
            training(type=WorkloadType.INFERENCE, pods=3, runtime_h=None),
            0.05 * 24 * 0.2,
            id="of servers one replica restarts, and nothing is repeated",
        ),
    ],
)
def test_expected_loss(work: Workload, lost_h: float) -> None:
    found = price(ask_for(work), cluster=cluster(), given=KNOWN)
    assert found.loss_h == pytest.approx(lost_h)
    assert found.usd.loss == pytest.approx(lost_h * work.pods.total_accelerators * 4.0)
    assert found.usd.compute == pytest.approx(found.run_h * work.pods.total_accelerators * 4.0)


def test_half_of_the_work_has_half_of_the_time_to_fail_in() -> None:
    found = price(ask_for(training(saved()), left=0.5), cluster=cluster(), given=KNOWN)
    assert found.loss_h == pytest.approx(0.05 * 5 * (0.5 + 1.2))


def test_a_pool_must_provision_a_new_node() -> None:
    found = price(ask_for(training(saved())), cluster=cluster(max_nodes=4, provisioning_s=1800), given=KNOWN)
    assert found.loss_h == pytest.approx(0.05 * 10 * (0.5 + 1.2 + 0.5))


@pytest.mark.parametrize(
    ("offered", "by_market", "rate"),
    [
        pytest.param(0.2, 0.4, 0.2, id="the offer's own rate counts"),
        pytest.param(None, 0.4, 0.4, id="else that of its market"),
        pytest.param(0.0, 0.4, 0.0, id="an offer may say that nothing interrupts it"),
    ],
)
def test_the_rate_is_the_offers_or_else_its_markets(offered: float | None, by_market: float, rate: float) -> None:
    given = replace(KNOWN, interruptions_per_hour={**NEVER_INTERRUPTED, Market.SPOT: by_market})
    found = price(ask_for(training(saved())), cluster=cluster(offered, market=Market.SPOT), given=given)
    assert found.loss_h == pytest.approx(rate * 10 * (0.5 + 1.2))
    assert any("interruptions: 0.4 per node and hour" in one for one in found.assumed) == (offered is None)


def test_a_market_without_a_rate_has_the_built_in_one() -> None:
    given = replace(KNOWN, interruptions_per_hour={})
    found = price(ask_for(training(saved())), cluster=cluster(None, market=Market.SPOT), given=given)
    assert found.loss_h == pytest.approx(0.05 * 10 * (0.5 + 1.2))


def test_youngs_interval_is_proposed_where_none_is_given() -> None:
    # T_save = 1 h, 0.05 interruptions an hour: sqrt(2 x 1 / 0.05) = 6.3246 h, and half of that is lost.
    found = price(ask_for(training(saved(interval_h=None))), cluster=cluster(), given=KNOWN)
    assert found.loss_h == pytest.approx(0.05 * 10 * (6.324555 / 2 + 1.2))
    assert "checkpoint interval: 6h19m, by Young's formula" in found.assumed


def test_a_link_of_unknown_bandwidth_writes_checkpoints_at_the_assumed_one() -> None:
    # 900 GB at 1 Gbit/s: T_save = 2 h; read at 2 Gbit/s. sqrt(2 x 2 / 0.05) = 8.9443 h.
    network = Network({(STORE, HOME): Link(2.0, 0.0), (HOME, STORE): Link(25.0, 0.0, "other bandwidth")})
    given = replace(KNOWN, network=network)
    found = price(ask_for(training(saved(interval_h=None))), cluster=cluster(), given=given)
    assert found.loss_h == pytest.approx(0.05 * 10 * (8.944272 / 2 + 1.2))


@pytest.mark.parametrize("gb", [0.0, 900.0])
def test_what_is_never_interrupted_loses_nothing_at_any_interval(gb: float) -> None:
    found = price(ask_for(training(saved(gb=gb, interval_h=None))), cluster=cluster(0.0), given=KNOWN)
    assert (found.loss_h, found.valid) == (0.0, True)


def test_a_checkpoint_that_cannot_be_read_counts_as_none() -> None:
    given = replace(KNOWN, network=replace(NETWORK, lost=frozenset({"gcp/"})))
    found = price(ask_for(training(saved())), cluster=cluster(), given=given)
    assert found.loss_h == pytest.approx(0.05 * 10 * (5 + 0.2))


def test_lost_hours_delay_the_end() -> None:
    found = price(ask_for(training(), usd_per_delay_hour=25.0), cluster=cluster(), given=KNOWN)
    assert found.usd.delay == pytest.approx(25 * (10 + found.loss_h))


def test_the_terms_sum_to_the_total() -> None:
    ask = ask_for(training(saved()), usd_per_delay_hour=25.0, usd_per_tonne_co2=90.0)
    usd = price(ask, cluster=cluster(), given=KNOWN).usd
    assert usd.total == usd.compute + usd.egress + usd.loss + usd.carbon + usd.delay + usd.latency
    assert min(usd.compute, usd.loss, usd.carbon, usd.delay) > 0
