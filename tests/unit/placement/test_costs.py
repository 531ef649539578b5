"""Every cost term by figures worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.builders import (
    a_cluster,
    a_cpu_offer,
    a_network,
    a_node,
    a_workload,
    an_ask,
    an_offer,
    some_data,
)

from tradewind.model.fleet import Carbon
from tradewind.model.network import Link, Network
from tradewind.model.plan import Conditions
from tradewind.model.workload import Access
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from tradewind.model.decision import Candidate
    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Ask

SPEEDS = {"H100-80GB": 3.0, "A100-80GB": 1.0, "L4": 0.25}
A_TO_HERE = ("a/x", "aws/eu-north-1")
B_TO_HERE = ("b/x", "aws/eu-north-1")


def price(ask: Ask, *, cluster: Cluster | None = None, network: Network | None = None) -> Candidate:
    """Price an ask on the only offer of one cluster of which everything is known, and which nothing interrupts."""
    cluster = cluster or a_cluster(nodes=(a_node("a"), a_node("b")))
    offers = tuple(replace(offer, interruptions_per_hour=0.0) for offer in cluster.offers)
    known = replace(cluster, offers=offers, carbon=Carbon(grams_co2_per_kwh=100.0, pue=1.2))
    watts = {offer.accelerator: 700.0 for offer in offers}
    conditions = Conditions(network or Network(), SPEEDS, watts)
    (decision,) = plan([ask], fleet=[known], conditions=conditions)
    (candidate,) = decision.candidates
    return candidate


def test_compute_is_count_times_price_times_hours() -> None:
    candidate = price(an_ask(a_workload(pods=2, accelerators=8, runtime_h=10)))
    assert candidate.usd.compute == pytest.approx(2 * 8 * 4.0 * 10)
    assert candidate.total_usd == candidate.usd.compute


def test_a_slower_accelerator_takes_longer_by_the_ratio_of_speeds() -> None:
    cluster = a_cluster(offers=(an_offer(accelerator="A100-80GB", usd=2.0),), nodes=(a_node(accelerator="A100-80GB"),))
    candidate = price(an_ask(a_workload(runtime_h=10, runtime_on="H100-80GB")), cluster=cluster)
    assert candidate.run_h == pytest.approx(30)
    assert candidate.usd.compute == pytest.approx(8 * 2.0 * 30)
    assert candidate.assumed == ()


@pytest.mark.parametrize(
    ("offered", "runtime_on", "phrase"),
    [
        pytest.param("B900", "H100-80GB", "the speed of B900 is unknown", id="an offer of unknown speed"),
        pytest.param("H100-80GB", "B900", "the speed of B900 is unknown", id="a reference of unknown speed"),
        pytest.param("H100-80GB", "", "expectedRuntime names none", id="no reference"),
    ],
)
def test_without_a_known_ratio_the_run_time_is_taken_as_given_and_said_so(
    offered: str, runtime_on: str, phrase: str
) -> None:
    cluster = a_cluster(offers=(an_offer(accelerator=offered),), nodes=(a_node(accelerator=offered),))
    candidate = price(an_ask(a_workload(runtime_h=10, runtime_on=runtime_on)), cluster=cluster)
    assert candidate.run_h == 10
    assert any(phrase in one for one in candidate.assumed)


def test_an_unknown_type_that_is_its_own_reference_needs_no_assumption() -> None:
    cluster = a_cluster(offers=(an_offer(accelerator="B900"),), nodes=(a_node(accelerator="B900"),))
    assert price(an_ask(a_workload(runtime_on="B900")), cluster=cluster).assumed == ()


def test_without_a_run_time_the_pricing_horizon_counts() -> None:
    candidate = price(an_ask(a_workload(runtime_h=None)))
    assert (candidate.run_h, candidate.assumed) == (24.0, ("run time: pricingHorizon 1d",))


def test_cores_are_priced_where_there_are_no_accelerators() -> None:
    cluster = a_cluster(offers=(a_cpu_offer(usd=0.05),), nodes=(a_node(accelerator=""),))
    candidate = price(an_ask(a_workload(pods=3, accelerators=0, cpu_cores=4, runtime_h=10)), cluster=cluster)
    assert candidate.usd.compute == pytest.approx(3 * 4 * 0.05 * 10)


def test_pods_that_ask_for_no_cpu_are_priced_as_one_core_and_said_so() -> None:
    cluster = a_cluster(offers=(a_cpu_offer(usd=0.05),), nodes=(a_node(accelerator=""),))
    candidate = price(an_ask(a_workload(pods=3, accelerators=0, runtime_h=10)), cluster=cluster)
    assert candidate.usd.compute == pytest.approx(3 * 0.05 * 10)
    assert candidate.assumed == ("CPU: 1 core per pod, since the pods ask for none", "power: 10 W per core")


def test_staged_data_is_moved_once_while_the_accelerators_wait() -> None:
    # 900 GB at 2 Gbit/s: 900 x 8 / 2 = 3600 s = 1 h.
    network = a_network((*A_TO_HERE, 2.0, 0.09))
    candidate = price(an_ask(a_workload(runtime_h=10, data=(some_data(900, "a/x"),))), network=network)
    assert candidate.transfer_h == pytest.approx(1)
    assert candidate.usd.egress == pytest.approx(900 * 0.09)
    assert candidate.usd.compute == pytest.approx(8 * 4.0 * 11)


def test_the_slowest_input_decides_the_transfer_time_and_all_pay_egress() -> None:
    network = a_network((*A_TO_HERE, 2.0, 0.09), (*B_TO_HERE, 8.0, 0.02))
    data = (some_data(900, "a/x", name="one"), some_data(900, "b/x", name="two"))
    candidate = price(an_ask(a_workload(data=data)), network=network)
    assert candidate.transfer_h == pytest.approx(1)
    assert candidate.usd.egress == pytest.approx(900 * 0.09 + 900 * 0.02)


def test_streamed_data_holds_the_run_to_the_links_bandwidth() -> None:
    # 18,000 GB at 2 Gbit/s: 20 h, more than the 10 h of the run.
    network = a_network((*A_TO_HERE, 2.0, 0.01))
    data = (some_data(18_000, "a/x", access=Access.STREAM),)
    candidate = price(an_ask(a_workload(runtime_h=10, data=data)), network=network)
    assert candidate.run_h == pytest.approx(20)
    assert candidate.transfer_h == 0
    assert candidate.usd.egress == pytest.approx(180)
    assert candidate.usd.compute == pytest.approx(8 * 4.0 * 20)


def test_a_stream_that_keeps_up_costs_no_time() -> None:
    network = a_network((*A_TO_HERE, 2.0, 0.01))
    candidate = price(an_ask(a_workload(data=(some_data(900, "a/x", access=Access.STREAM),))), network=network)
    assert candidate.run_h == 10


@pytest.mark.parametrize(
    ("usd", "egress", "hours"),
    [
        pytest.param(4.0, 9.0, 1.0, id="dear accelerators make the fast link the cheaper one"),
        pytest.param(0.1, 0.0, 2.0, id="cheap accelerators may wait for the free link"),
    ],
)
def test_the_replica_that_is_cheapest_in_egress_and_time_serves(usd: float, egress: float, hours: float) -> None:
    # 900 GB: 1 h at $9 from a, 2 h for nothing from b; an hour costs 8 x usd.
    network = a_network((*A_TO_HERE, 2.0, 0.01), (*B_TO_HERE, 1.0, 0.0))
    cluster = a_cluster(offers=(an_offer(usd=usd),))
    ask = an_ask(a_workload(data=(some_data(900, "b/x", "a/x"),)))
    candidate = price(ask, cluster=cluster, network=network)
    assert candidate.usd.egress == pytest.approx(egress)
    assert candidate.transfer_h == pytest.approx(hours)


def test_no_input_pays_for_speed_that_another_input_wastes() -> None:
    # The first input takes 2 h whatever happens, so the second need not pay $9 to be there after one.
    network = a_network((*A_TO_HERE, 2.0, 0.01), (*B_TO_HERE, 1.0, 0.0))
    data = (some_data(900, "b/x", name="one"), some_data(900, "a/x", "b/x", name="two"))
    candidate = price(an_ask(a_workload(data=data)), network=network)
    assert candidate.usd.egress == 0
    assert candidate.transfer_h == pytest.approx(2)


def test_of_equally_cheap_replicas_the_faster_one_serves() -> None:
    network = a_network((*A_TO_HERE, 1.0, 0.0), (*B_TO_HERE, 2.0, 0.0))
    cluster = a_cluster(offers=(an_offer(usd=0.0),))
    candidate = price(an_ask(a_workload(data=(some_data(900, "a/x", "b/x"),))), cluster=cluster, network=network)
    assert candidate.transfer_h == pytest.approx(1)


def test_a_defaulted_link_is_named_and_a_given_one_is_not() -> None:
    network = a_network((*A_TO_HERE, 2.0, 0.09))
    data = (some_data(900, "a/x", name="one"), some_data(900, "gcp/y", name="two"))
    candidate = price(an_ask(a_workload(data=data)), network=network)
    assert candidate.assumed == ("link gcp/y -> aws/eu-north-1: default 1 Gbit/s, $0.15/GB",)


@pytest.mark.parametrize(
    ("assumed", "shown"),
    [
        pytest.param("other", "default 2 Gbit/s, $0.09/GB", id="a whole link"),
        pytest.param("other bandwidth", "default 2 Gbit/s", id="a link whose price is known"),
        pytest.param("other egress price", "default $0.09/GB", id="a link whose bandwidth is known"),
    ],
)
def test_only_the_figures_that_are_defaults_are_named(assumed: str, shown: str) -> None:
    network = Network({A_TO_HERE: Link(2.0, 0.09, assumed)})
    candidate = price(an_ask(a_workload(data=(some_data(900, "a/x"),))), network=network)
    assert candidate.assumed == (f"link a/x -> aws/eu-north-1: {shown}",)


def test_delay_prices_waiting_for_nodes_moving_data_and_running() -> None:
    network = a_network((*A_TO_HERE, 2.0, 0.0))
    cluster = a_cluster(offers=(an_offer(max_nodes=1, provisioning_s=1800),), nodes=())
    ask = an_ask(a_workload(runtime_h=10, data=(some_data(900, "a/x"),)), usd_per_delay_hour=25)
    candidate = price(ask, cluster=cluster, network=network)
    assert candidate.queue_h == 0.5
    assert candidate.usd.delay == pytest.approx(25 * (0.5 + 1 + 10))
    assert candidate.usd.compute == pytest.approx(8 * 4.0 * 11)
