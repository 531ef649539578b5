"""Quotas in a round: several reservations never take more than a quota leaves."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import GIB, NVIDIA, a_cluster, a_workload, an_ask, an_offer

from tradewind.model.fleet import Cluster, Quota
from tradewind.model.plan import Conditions, Here
from tradewind.model.workload import Constraints, Market, PodSet
from tradewind.placement.engine import plan
from tradewind.placement.filters.quota import QUOTA_EXCEEDED
from tradewind.placement.quotas import NO_LIMIT, Quotas, needs
from tradewind.placement.table import tabulate

PODS = PodSet(3, 2.0, 4 * GIB, 8, NVIDIA)


def limited(name: str, **free: float) -> Cluster:
    names = {"gpu": NVIDIA, "pods": "pods", "cpu": "cpu"}
    quota = Quota("research", {names[key]: value for key, value in free.items()})
    return replace(a_cluster(name, offers=(an_offer("a"), an_offer("b"))), quotas=(quota,))


def test_a_pod_takes_what_it_asks_for_and_its_own_place() -> None:
    assert needs(PODS) == {"pods": 1.0, "cpu": 2.0, "memory": 4 * GIB, NVIDIA: 8.0}
    assert needs(PodSet(1)) == {"pods": 1.0}


def test_only_the_rows_of_limited_namespaces_need_to_be_asked_about() -> None:
    quotas = Quotas(tabulate([a_cluster("free"), limited("tight", gpu=16)]))
    assert quotas.rows_of("research") == [1, 2]
    assert quotas.rows_of("other") == []
    assert quotas.fits(0, "research", PODS) == NO_LIMIT
    assert quotas.fits(1, "research", PODS) == 2
    assert quotas.fits(1, "other", PODS) == NO_LIMIT


def test_offers_of_a_cluster_share_its_quota_and_what_is_given_back_is_there_again() -> None:
    quotas = Quotas(tabulate([limited("tight", gpu=24)]))
    quotas.take(0, "research", PODS, count=2)
    assert [quotas.fits(row, "research", PODS) for row in (0, 1)] == [1, 1]
    quotas.take(1, "research", PODS, count=-2)
    assert quotas.fits(0, "research", PODS) == 3


def test_ten_pods_of_a_tenth_of_a_core_fit_into_one_core() -> None:
    quotas = Quotas(tabulate([limited("tight", cpu=1.0)]))
    assert quotas.fits(0, "research", PodSet(10, 0.1)) == 10


@given(
    free=st.floats(-10, 100),
    takes=st.lists(st.tuples(st.integers(1, 8), st.integers(1, 9)), max_size=8),
)
def test_no_quota_is_overdrawn(free: float, takes: list[tuple[int, int]]) -> None:
    quotas, given_out = Quotas(tabulate([limited("tight", gpu=free)])), 0
    for accelerators, count in takes:
        pods = PodSet(count, accelerators=accelerators, accelerator_resource=NVIDIA)
        allowed = min(count, quotas.fits(0, "research", pods))
        quotas.take(0, "research", pods, count=allowed)
        given_out += allowed * accelerators
    assert given_out <= max(0.0, free) + 1e-6


def test_another_offer_of_the_cluster_where_work_runs_must_have_quota_of_its_own() -> None:
    offers = an_offer("a", max_nodes=4), an_offer("b", market=Market.SPOT, max_nodes=4)
    fleet = [replace(limited("home", gpu=12), offers=offers)]
    ask = replace(
        an_ask(a_workload(pods=2, constraints=Constraints(markets=frozenset({Market.SPOT})))), here=Here("home", "a")
    )
    (decision,) = plan([ask], fleet=fleet, conditions=Conditions())
    assert not decision.shares
    refused = {one.offer: [each.reason for each in one.refusals] for one in decision.candidates}
    assert refused["b"] == [QUOTA_EXCEEDED]
