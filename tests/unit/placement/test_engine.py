"""Choosing: the cheapest place that may take the work, together with everybody else's wishes."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import TYPE_CHECKING

import pytest
from tests.builders import (
    DOWN,
    GB,
    NEVER_INTERRUPTED,
    a_cluster,
    a_cpu_offer,
    a_network,
    a_node,
    a_workload,
    an_ask,
    an_offer,
    constraints,
    some_data,
)

from tradewind.model.fleet import Cluster, Scheduling
from tradewind.model.network import Network
from tradewind.model.plan import Ask, Conditions, Wake
from tradewind.model.workload import Constraints, Market, Output, SelectorTerm, Tier, Workload
from tradewind.placement.engine import plan, standing

if TYPE_CHECKING:
    from tradewind.model.decision import Decision

SWEDEN = a_cluster("aws-se", offers=(an_offer(usd=4.0),))
SPAIN = a_cluster("gcp-es", provider="gcp", region="europe-southwest1", jurisdiction="ES", offers=(an_offer(usd=3.0),))


def decide(*asks: Ask, fleet: tuple[Cluster, ...] = (SWEDEN, SPAIN), network: Network | None = None) -> list[Decision]:
    conditions = Conditions(network or Network(), {"H100-80GB": 3.0}, interruptions_per_hour=NEVER_INTERRUPTED)
    return plan(asks, fleet=fleet, conditions=conditions)


def places(decisions: list[Decision]) -> dict[str, str | None]:
    return {decision.key.name: decision.chosen.cluster if decision.chosen else None for decision in decisions}


def test_the_cheapest_offer_gets_the_work() -> None:
    (decision,) = decide(an_ask())
    assert (decision.reason, places([decision])) == ("Placed", {"train": "gcp-es"})
    assert decision.message == "gcp-es/h100 is the cheapest of 2 feasible offers: $240.00 in total"
    assert [one.cluster for one in decision.candidates] == ["gcp-es", "aws-se"]


def test_data_can_outweigh_the_price_of_accelerators() -> None:
    # $80 are saved on accelerators in Spain; 1 TB leaving Sweden costs $150 by default.
    (decision,) = decide(an_ask(a_workload(data=(some_data(1000, "aws/eu-north-1"),))))
    assert places([decision]) == {"train": "aws-se"}


@pytest.mark.parametrize("place", ["gcp-es", "gcp/europe-southwest1"])
def test_data_at_a_cluster_leaves_it_and_reaches_it_as_its_region(place: str) -> None:
    network = a_network(
        ("gcp/europe-southwest1", "aws/eu-north-1", 10.0, 0.01), ("aws/eu-north-1", "gcp/europe-southwest1", 10.0, 0.02)
    )
    results = (Output("model", 100 * GB, place),)
    work = replace(a_workload(data=(some_data(1000, place),)), outputs=results)
    (decision,) = decide(an_ask(work), fleet=(SWEDEN, SPAIN), network=network)
    sweden = next(one for one in decision.candidates if one.cluster == "aws-se")
    # A cent for each of 1,000 GB that come from Spain, and two for each of 100 GB that go back.
    assert sweden.usd.egress == pytest.approx(12.0)


def test_of_equal_offers_the_first_by_name_is_taken() -> None:
    twin = a_cluster("aws-aa", offers=(an_offer("b", usd=4.0), an_offer("a", usd=4.0)))
    (decision,) = decide(an_ask(), fleet=(SWEDEN, twin))
    assert decision.chosen is not None
    assert (decision.chosen.cluster, decision.chosen.offer) == ("aws-aa", "a")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(a_workload("a", priority=10, created_s=9), a_workload("b", created_s=1), id="priority before age"),
        pytest.param(a_workload("b", created_s=1), a_workload("a", created_s=9), id="age before name"),
        pytest.param(a_workload("a"), a_workload("b"), id="name at last"),
    ],
)
def test_who_comes_first_takes_the_last_room(first: Workload, second: Workload) -> None:
    decisions = decide(an_ask(second), an_ask(first), fleet=(SWEDEN,))
    assert [decision.key for decision in decisions] == [second.key, first.key]
    assert places(decisions) == {first.key.name: "aws-se", second.key.name: None}


def test_a_later_ask_sees_what_an_earlier_one_took() -> None:
    decisions = decide(*(an_ask(a_workload(name)) for name in ("a", "b", "c")))
    assert places(decisions) == {"a": "gcp-es", "b": "aws-se", "c": None}
    last = decisions[-1]
    assert last.reason == "Unschedulable"
    assert last.message.startswith(
        "none of 2 offers can take it (2 InsufficientCapacity); nearest is gcp-es/h100: needs"
    )
    assert last.wakes_on == {Wake.CAPACITY}


def test_every_filter_that_refuses_is_named() -> None:
    wish = constraints(allow_law=("US",), deny_providers=("aws",), markets=(Market.SPOT,), tiers=(Tier.EDGE,))
    cluster = a_cluster(health=DOWN, scheduling=Scheduling.CORDONED)
    (decision,) = decide(an_ask(a_workload(constraints=wish, types=("L4",))), fleet=(cluster,))
    assert [refusal.reason for refusal in decision.candidates[0].refusals] == [
        "ClusterNotHealthy",
        "ClusterCordoned",
        "ProviderDenied",
        "JurisdictionDenied",
        "TierNotAllowed",
        "MarketNotAllowed",
        "AcceleratorUnknown",
    ]


def test_capacity_is_counted_beside_other_refusals_where_its_figures_mean_something() -> None:
    wish = constraints(deny_providers=("aws",))
    (decision,) = decide(an_ask(a_workload(pods=2, constraints=wish)), fleet=(SWEDEN,))
    assert [one.reason for one in decision.candidates[0].refusals] == ["ProviderDenied", "InsufficientCapacity"]


def test_a_refused_offer_is_priced_too() -> None:
    (decision,) = decide(an_ask(a_workload(constraints=constraints(allow_law=("SE",)))))
    refused = decision.candidates[1]
    assert (refused.cluster, refused.total_usd, refused.feasible) == ("gcp-es", 240.0, False)


def test_work_without_accelerators_has_no_price_on_an_accelerator_offer() -> None:
    cluster = a_cluster(offers=(an_offer(), a_cpu_offer()), nodes=(a_node(), a_node("cpu", accelerator="")))
    (decision,) = decide(an_ask(a_workload(accelerators=0, cpu_cores=4)), fleet=(cluster,))
    chosen, refused = decision.candidates
    assert chosen.offer == "cpu"
    assert chosen.total_usd == pytest.approx(2.0)
    assert (refused.offer, refused.total_usd, refused.run_h) == ("h100", 0.0, 0.0)


@pytest.mark.parametrize(
    "usd",
    [
        pytest.param(nan, id="a price that is no number"),
        pytest.param(inf, id="an endless price"),
        pytest.param(-1.0, id="a negative price"),
    ],
)
def test_a_price_that_makes_no_sense_is_never_chosen(usd: float) -> None:
    odd = a_cluster("odd", offers=(an_offer(usd=usd),))
    (decision,) = decide(an_ask(), fleet=(odd, SWEDEN))
    assert places([decision]) == {"train": "aws-se"}
    assert [one.reason for one in decision.candidates[1].refusals] == ["PriceInvalid"]
    assert decision.candidates[1].total_usd == 0.0


@pytest.mark.parametrize("gbps", [pytest.param(0.0, id="no bandwidth"), pytest.param(nan, id="no number")])
def test_a_link_that_makes_no_sense_is_never_chosen(gbps: float) -> None:
    network = a_network(("a/x", "aws/eu-north-1", gbps, 0.0))
    (decision,) = decide(an_ask(a_workload(data=(some_data(1, "a/x"),))), fleet=(SWEDEN,), network=network)
    assert [one.reason for one in decision.candidates[0].refusals] == ["PriceInvalid"]


@pytest.mark.parametrize(
    ("fleet", "words"),
    [
        pytest.param((), "there are no clusters", id="an empty fleet"),
        pytest.param((a_cluster(offers=()),), "none of 1 clusters has an offer", id="a fleet without offers"),
    ],
)
def test_without_offers_the_reason_says_what_to_do(fleet: tuple[Cluster, ...], words: str) -> None:
    (decision,) = decide(an_ask(), fleet=fleet)
    assert (decision.reason, decision.chosen, decision.candidates) == ("NoOffers", None, ())
    assert words in decision.message


@pytest.mark.parametrize(
    ("wish", "cluster", "reasons"),
    [
        pytest.param(constraints(), a_cluster(health=DOWN, nodes=()), [], id="an outage is not placement's to judge"),
        pytest.param(constraints(), a_cluster(scheduling=Scheduling.CORDONED), [], id="a cordon lets work stay"),
        pytest.param(constraints(allow_law=("EU",)), a_cluster(jurisdiction="US"), ["JurisdictionDenied"], id="law"),
        pytest.param(constraints(deny_providers=("aws",)), a_cluster(), ["ProviderDenied"], id="provider"),
        pytest.param(constraints(tiers=(Tier.EDGE,)), a_cluster(), ["TierNotAllowed"], id="tier"),
        pytest.param(constraints(markets=(Market.SPOT,)), a_cluster(), ["MarketNotAllowed"], id="market"),
        pytest.param(
            constraints(selector=(SelectorTerm("env", "Exists"),)), a_cluster(), ["ClusterNotSelected"], id="selector"
        ),
        pytest.param(constraints(), a_cluster(scheduling=Scheduling.DRAINING), [], id="a drain waits for checkpoints"),
    ],
)
def test_work_must_leave_a_place_only_where_a_lasting_limit_refuses_it(
    wish: Constraints, cluster: Cluster, reasons: list[str]
) -> None:
    ask = an_ask(a_workload(constraints=wish))
    refusals = standing(ask, cluster=cluster, market=Market.ON_DEMAND, conditions=Conditions())
    assert [one.reason for one in refusals] == reasons
