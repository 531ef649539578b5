"""Pods on several clusters at once: which, how many on each, and what is said where that can't be."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import a_cluster, a_policy, a_workload, an_ask, an_offer

from tradewind.model.fleet import Cluster, Quota
from tradewind.model.kind import WorkloadType
from tradewind.model.plan import Ask, Conditions, Kept
from tradewind.model.workload import Key, Replicas, Spread
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from tradewind.model.decision import Decision


def site(name: str, usd: float, *, nodes: int = 4, provider: str = "", per_node: int = 1) -> Cluster:
    offer = an_offer(usd=usd, max_nodes=nodes, per_node=per_node)
    return a_cluster(name, provider=provider or name, region=name, offers=(offer,), nodes=())


def service(pods: int, *, clusters: int = 2, providers: int = 1, replicas: Replicas = Replicas.DIVIDED) -> Ask:
    work = a_workload("serve", type=WorkloadType.INFERENCE, pods=pods, accelerators=1, runtime_h=None)
    return an_ask(replace(work, spread=Spread(clusters, providers, replicas)))


def decide(ask: Ask, *fleet: Cluster) -> Decision:
    (decision,) = plan([ask], fleet=fleet, conditions=Conditions())
    return decision


def shares(decision: Decision) -> dict[str, int]:
    return {each.candidate.cluster: each.replicas for each in decision.shares}


FOUR = (site("a", 4), site("b", 1), site("c", 2), site("d", 3))


@pytest.mark.parametrize(
    ("ask", "fleet", "expected"),
    [
        pytest.param(service(4), FOUR, {"b": 2, "c": 2}, id="the two cheapest take half each"),
        pytest.param(service(5), FOUR, {"b": 3, "c": 2}, id="the odd pod goes to the cheaper one"),
        pytest.param(service(6, clusters=3), FOUR, {"b": 2, "c": 2, "d": 2}, id="three clusters"),
        pytest.param(
            service(3, replicas=Replicas.DUPLICATED), FOUR, {"b": 3, "c": 3}, id="or each has as many as the template"
        ),
        pytest.param(
            service(4, providers=2),
            (site("b1", 1, provider="b"), site("b2", 1, provider="b"), site("c", 9)),
            {"b1": 2, "c": 2},
            id="two providers cost more, and are taken if asked for",
        ),
        pytest.param(
            service(6), (site("a", 1, nodes=2), site("b", 2), site("c", 9)), {"b": 3, "c": 3}, id="even before cheap"
        ),
        pytest.param(
            service(6), (site("a", 1, nodes=2), site("b", 2)), {"a": 2, "b": 4}, id="uneven where no even shares fit"
        ),
        pytest.param(
            replace(service(4, clusters=3), keeps=(Kept("b", 2),)),
            FOUR,
            {"c": 1, "d": 1},
            id="beside a share that stays",
        ),
        pytest.param(
            replace(service(4, providers=2), keeps=(Kept("b1", 2),)),
            (site("b1", 1, provider="b"), site("b2", 1, provider="b"), site("c", 9)),
            {"c": 2},
            id="whose provider counts",
        ),
    ],
)
def test_where_shares_go(ask: Ask, fleet: tuple[Cluster, ...], expected: dict[str, int]) -> None:
    decision = decide(ask, *fleet)
    assert (decision.reason, shares(decision)) == ("Placed", expected)
    assert [one for one in decision.candidates if one in [each.candidate for each in decision.shares]]


@pytest.mark.parametrize(
    ("ask", "fleet", "words"),
    [
        pytest.param(service(4, clusters=3), FOUR[:2], "on 2 clusters at 2 providers", id="too few clusters"),
        pytest.param(
            service(4, providers=2),
            (site("b1", 1, provider="b"), site("b2", 1, provider="b")),
            "2 or more providers; shares of 2 pods are feasible on 2 clusters at 1 providers",
            id="too few providers",
        ),
        pytest.param(service(1), FOUR, "there are 1 pods to divide", id="fewer pods than clusters"),
        pytest.param(service(20), FOUR[:2], "on 0 clusters", id="too little room in all"),
    ],
)
def test_what_is_lacking_is_said(ask: Ask, fleet: tuple[Cluster, ...], words: str) -> None:
    decision = decide(ask, *fleet)
    assert (decision.reason, decision.shares, decision.chosen) == ("SpreadUnsatisfied", (), None)
    assert words in decision.message


def test_a_share_is_priced_for_its_own_pods() -> None:
    decision = decide(service(4), *FOUR)
    usd = {each.candidate.cluster: each.candidate.usd.compute for each in decision.shares}
    # 24 hours of the pricing horizon, two pods with one accelerator each.
    assert usd == {"b": pytest.approx(48.0), "c": pytest.approx(96.0)}


def test_shares_take_their_room_and_their_quota() -> None:
    one = site("a", 1, nodes=2)
    fleet = (replace(one, quotas=(Quota("research", {"nvidia.com/gpu": 1.0}),)), site("b", 2), site("c", 9))
    first, second = (replace(service(2), workload=replace(service(2).workload, key=key)) for key in keys("x", "y"))
    decisions = plan([first, second], fleet=fleet, conditions=Conditions())
    assert [shares(decision) for decision in decisions] == [{"a": 1, "b": 1}, {"b": 1, "c": 1}]


def keys(*names: str) -> list[Key]:
    return [a_workload(name).key for name in names]


def test_a_budget_holds_for_all_shares_together() -> None:
    ask = service(4)
    limited = replace(ask, policy=replace(a_policy(ask.workload), max_usd_per_hour=5.0))
    assert decide(limited, *FOUR).reason == "SpreadUnsatisfied"


@given(
    usd=st.lists(st.sampled_from((1.0, 2.0, 3.0, 5.0)), min_size=2, max_size=6),
    providers=st.lists(st.sampled_from("pqr"), min_size=6, max_size=6),
    wanted=st.tuples(st.integers(2, 3), st.integers(1, 3)),
)
@settings(max_examples=50)
def test_no_other_clusters_would_be_cheaper(usd: list[float], providers: list[str], wanted: tuple[int, int]) -> None:
    count, most = wanted
    fleet = [site(f"c{index}", each, provider=providers[index]) for index, each in enumerate(usd)]
    decision = decide(service(2 * count, clusters=count, providers=most), *fleet)
    allowed = [
        sum(usd[index] for index in some)
        for some in combinations(range(len(usd)), count)
        if len({providers[index] for index in some}) >= most
    ]
    if not allowed:
        assert decision.reason == "SpreadUnsatisfied"
    else:
        taken = [each.candidate.cluster for each in decision.shares]
        assert sum(usd[int(name[1:])] for name in taken) == pytest.approx(min(allowed))
