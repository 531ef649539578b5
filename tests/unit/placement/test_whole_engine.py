"""The whole engine at once: every wish that the API knows, every kind of cluster, and limits that are checked anew."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import GB, HOUR_S, a_cluster, a_network, a_node, a_policy, a_workload, an_ask, an_offer, some_data

from tradewind.model.fleet import Carbon, Certification, Cluster, Quota, Scheduling
from tradewind.model.kind import WorkloadType
from tradewind.model.plan import Ask, Conditions, Here
from tradewind.model.policy import PolicyLayer
from tradewind.model.workload import (
    AllowDeny,
    Checkpoint,
    Client,
    Constraints,
    Deadline,
    DeadlineMode,
    Encryption,
    Interconnect,
    Market,
    Spread,
)
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from tradewind.model.decision import Decision, Share

PLACES = (
    ("aws", "eu-north-1", "SE"),
    ("gcp", "europe-west4", "NL"),
    ("aws", "us-east-1", "US"),
    ("own", "madrid", "ES"),
)
EU = {"SE", "NL", "ES"}
POOL = {"pool": "spot"}
NOW_S = 1000.0
NETWORK = a_network(
    ("aws/eu-north-1", "gcp/europe-west4", 4.7, 0.09),
    ("aws/eu-north-1", "aws/us-east-1", 2.0, 0.02),
    ("gcp/europe-west4", "own/madrid", 1.0, 0.12),
)
CONDITIONS = Conditions(NETWORK, {"H100-80GB": 3.0, "L4": 0.4}, now_s=NOW_S)


@st.composite
def clusters(draw: st.DrawFn, index: int) -> Cluster:
    provider, region, law = PLACES[index % len(PLACES)]
    offers = (
        replace(
            an_offer(
                "h100",
                usd=draw(st.sampled_from((2.5, 4.0))),
                max_nodes=draw(st.sampled_from((None, 3))),
                provisioning_s=600,
            ),
            interconnect=draw(st.sampled_from((None, Interconnect.EFA))),
            node_gbps=3200.0,
        ),
        an_offer("spot", usd=1.0, market=Market.SPOT, max_nodes=2, node_selector=POOL, provisioning_s=300),
        an_offer("l4", accelerator="L4", usd=0.7, per_node=4, max_nodes=draw(st.sampled_from((None, 4)))),
    )
    nodes = tuple(a_node(f"n{number}", free=draw(st.integers(0, 8))) for number in range(draw(st.integers(0, 2))))
    return replace(
        a_cluster(f"c{index}", provider=provider, region=region, jurisdiction=law, offers=offers, nodes=nodes),
        scheduling=draw(st.sampled_from((*[Scheduling.ENABLED] * 5, Scheduling.CORDONED, Scheduling.DRAINING))),
        certifications=draw(st.sampled_from(((), (Certification("SOC2"),), (Certification("SOC2", NOW_S - 1),)))),
        encryption=draw(st.sampled_from((frozenset(), frozenset(Encryption)))),
        carbon=Carbon(draw(st.sampled_from((None, 30.0))), draw(st.sampled_from((None, 1.1)))),
        quotas=draw(st.sampled_from(((), (Quota("research", {"nvidia.com/gpu": 12.0}),)))),
        convicted=draw(st.sampled_from(("", "", "", "provider aws is failing"))),
    )


@st.composite
def asks(draw: st.DrawFn, index: int) -> Ask:
    serves = draw(st.booleans())
    work = a_workload(
        f"w{index}",
        namespace=draw(st.sampled_from(("research", "sales"))),
        type=WorkloadType.INFERENCE if serves else WorkloadType.TRAINING,
        pods=draw(st.integers(1, 4)),
        accelerators=draw(st.sampled_from((1, 4, 8))),
        types=draw(st.sampled_from(((), ("H100-80GB",), ("L4", "H100-80GB")))),
        runtime_h=None if serves else draw(st.sampled_from((1.0, 40.0))),
        data=(some_data(draw(st.floats(1, 3e3)), "aws/eu-north-1"),) if draw(st.booleans()) else (),
        constraints=Constraints(
            jurisdictions=draw(st.sampled_from((AllowDeny(), AllowDeny(frozenset({"EU"}))))),
            providers=draw(st.sampled_from((AllowDeny(), AllowDeny(deny=frozenset({"gcp"}))))),
            markets=draw(st.sampled_from((frozenset(), frozenset({Market.ON_DEMAND})))),
            certifications=draw(st.sampled_from((frozenset(), frozenset({"SOC2"})))),
            encryption=draw(st.sampled_from((frozenset(), frozenset({Encryption.AT_REST})))),
        ),
        priority=draw(st.integers(0, 1)),
        created_s=draw(st.integers(0, 1)),
    )
    work = replace(
        work,
        checkpoint=draw(st.sampled_from((None, Checkpoint(50 * GB, ("aws/eu-north-1",))))),
        deadline=draw(st.sampled_from((None, Deadline(NOW_S + 20 * HOUR_S, DeadlineMode.REQUIRE)))),
        interconnect=draw(st.sampled_from((None, None, Interconnect.RDMA))),
        clients=(Client("aws/eu-north-1", 1.0),) if serves else (),
        spread=draw(st.sampled_from((Spread(), Spread(2, 2)))) if serves else Spread(),
    )
    layer = PolicyLayer(
        usd_per_delay_hour=draw(st.sampled_from((0.0, 25.0))),
        usd_per_tonne_co2=draw(st.sampled_from((0.0, 90.0))),
        max_usd_per_hour=draw(st.sampled_from((None, 30.0))),
    )
    here = draw(st.sampled_from((None, None, None, Here("c0", "h100"))))
    lost = draw(st.sampled_from((frozenset(), frozenset({"c1"}))))
    return replace(an_ask(work), policy=a_policy(work, cluster=layer), here=None if serves else here, lost=lost)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Ask], list[Cluster]]:
    wanted = [draw(asks(index)) for index in range(draw(st.integers(1, 7)))]
    return wanted, [draw(clusters(index)) for index in range(draw(st.integers(1, 4)))]


def broken(ask: Ask, share: Share, cluster: Cluster) -> list[str]:
    """Name each limit that a share breaks, by rules written for this test."""
    work, wish = ask.workload, ask.workload.constraints
    offer = next(one for one in cluster.offers if one.name == share.candidate.offer)
    at_home = ask.here is not None and (ask.here.cluster, ask.here.offer) == (cluster.name, offer.name)
    hourly = share.replicas * work.pods.accelerators * offer.usd_per_accelerator_hour
    valid = {one.name for one in cluster.certifications if one.valid_until_s > NOW_S}
    rules = {
        "scheduling": cluster.scheduling is Scheduling.ENABLED or at_home,
        "lost": cluster.name not in ask.lost,
        "law": not wish.jurisdictions.allow or cluster.jurisdiction in EU,
        "provider": cluster.provider not in wish.providers.deny,
        "market": not wish.markets or offer.market in wish.markets,
        "certificate": wish.certifications <= valid,
        "encryption": wish.encryption <= cluster.encryption,
        "type": offer.accelerator in (work.accelerator_types or ("H100-80GB", "L4")),
        "fabric": work.interconnect is None or offer.interconnect is Interconnect.EFA,
        "budget": ask.policy.max_usd_per_hour is None or hourly <= ask.policy.max_usd_per_hour + 1e-9,
        "deadline": work.deadline is None or _hours(share) <= 20 + 1e-9 or work.type is WorkloadType.INFERENCE,
    }
    return [name for name, holds in rules.items() if not holds]


def _hours(share: Share) -> float:
    one = share.candidate
    return one.run_h + one.transfer_h + one.queue_h + one.loss_h


@given(world=worlds())
@settings(max_examples=60)
def test_no_limit_is_broken_and_nothing_is_given_out_twice(world: tuple[list[Ask], list[Cluster]]) -> None:
    wanted, fleet = world
    by_name = {cluster.name: cluster for cluster in fleet}
    used: dict[tuple[str, str], int] = defaultdict(int)
    charged: dict[str, int] = defaultdict(int)
    decisions = plan(wanted, fleet=fleet, conditions=CONDITIONS)
    for ask, decision in zip(wanted, decisions, strict=True):
        for share in decision.shares:
            cluster = by_name[share.candidate.cluster]
            assert broken(ask, share, cluster) == []
            if ask.here is not None and (ask.here.cluster, ask.here.offer) == (cluster.name, share.candidate.offer):
                continue
            kind = "L4" if share.candidate.offer == "l4" else "H100"
            used[cluster.name, kind] += share.replicas * ask.workload.pods.accelerators
            if ask.workload.key.namespace == "research" and cluster.quotas:
                charged[cluster.name] += share.replicas * ask.workload.pods.accelerators
        _spread_as_asked(ask, decision, by_name)
    for cluster in fleet:
        h100 = sum(node.free_accelerators for node in cluster.nodes) + 8 * ((cluster.offers[0].max_nodes or 0) + 2)
        assert used[cluster.name, "H100"] <= h100
        assert used[cluster.name, "L4"] <= 4 * (cluster.offers[2].max_nodes or 0)
        assert charged[cluster.name] <= 12


def _spread_as_asked(ask: Ask, decision: Decision, by_name: dict[str, Cluster]) -> None:
    if not decision.shares:
        return
    spread = ask.workload.spread
    on = [by_name[share.candidate.cluster] for share in decision.shares]
    assert sum(share.replicas for share in decision.shares) == ask.workload.pods.count  # no gang is split or cut
    assert len({cluster.name for cluster in on}) == len(on) == spread.clusters
    assert len({cluster.provider for cluster in on}) >= spread.min_providers


@given(world=worlds())
@settings(max_examples=40)
def test_every_refusal_has_a_reason_and_every_choice_a_price(world: tuple[list[Ask], list[Cluster]]) -> None:
    wanted, fleet = world
    for ask, decision in zip(wanted, plan(wanted, fleet=fleet, conditions=CONDITIONS), strict=True):
        assert len(decision.candidates) == sum(len(cluster.offers) for cluster in fleet)
        assert decision.message
        for share in decision.shares:
            terms = share.candidate.usd
            figures = (terms.compute, terms.egress, terms.loss, terms.carbon, terms.delay, terms.latency)
            assert all(isfinite(usd) and usd >= 0 for usd in figures)
            assert any(share.candidate is one for one in decision.candidates)
        for one in decision.candidates:
            assert all(each.reason and each.message for each in one.refusals)
        if not decision.shares:
            assert decision.wakes_on
            assert ask.workload.spread.clusters != 1 or all(not one.feasible for one in decision.candidates)
        names = {f"{one.cluster}/{one.offer}" for one in decision.candidates if one.refusals}
        assert {name for group in decision.refused_groups() for name in group.names} <= names
        assert list(decision.best(2)) == [one for one in decision.candidates if one.feasible][:2]


@given(world=worlds(), seed=st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_nothing_depends_on_the_order_of_asks_and_clusters(
    world: tuple[list[Ask], list[Cluster]], seed: object
) -> None:
    wanted, fleet = world
    shuffle = seed.shuffle  # type: ignore[attr-defined] # hypothesis' Random has no public type
    mixed, mixed_fleet = list(wanted), list(fleet)
    shuffle(mixed)
    shuffle(mixed_fleet)
    expected = {one.key: one for one in plan(wanted, fleet=fleet, conditions=CONDITIONS)}
    assert plan(mixed, fleet=mixed_fleet, conditions=CONDITIONS) == [expected[ask.workload.key] for ask in mixed]
