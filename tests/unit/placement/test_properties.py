"""What holds for every fleet and every set of asks, searched by hypothesis."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import (
    DOWN,
    HEALTHY,
    a_cluster,
    a_cpu_offer,
    a_demand,
    a_network,
    a_node,
    a_workload,
    an_ask,
    an_offer,
    constraints,
    some_data,
)

from tradewind.model.plan import Conditions
from tradewind.model.workload import Access, Market
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from tradewind.model.decision import Decision
    from tradewind.model.fleet import Cluster
    from tradewind.model.network import Network
    from tradewind.model.plan import Ask

PLACES = (("aws", "eu-north-1", "SE"), ("gcp", "europe-west4", "NL"), ("own", "madrid", ""), ("aws", "us-east-1", "US"))
TYPES = ("H100-80GB", "L4")
SPEEDS = {"H100-80GB": 3.0}
POOL = {"pool": "spot"}


@st.composite
def clusters(draw: st.DrawFn, index: int) -> Cluster:
    provider, region, law = PLACES[index % len(PLACES)]
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=0, max_size=4))
    nodes = tuple(
        a_node(
            f"n{number}",
            accelerator=kind,
            free=draw(st.integers(0, 8)),
            cpu_cores=draw(st.sampled_from((4.0, 64.0))),
            ready=draw(st.booleans()),
            labels=draw(st.sampled_from(({}, POOL))),
        )
        for number, kind in enumerate((*kinds, ""))
    )
    offers = (
        an_offer("h100", usd=draw(st.sampled_from((0.0, 2.5, 4.0))), max_nodes=draw(st.sampled_from((None, 0, 3)))),
        an_offer("h100-spot", usd=1.0, market=Market.SPOT, max_nodes=2, node_selector=POOL, provisioning_s=300),
        an_offer("l4", accelerator="L4", usd=0.7, per_node=4, max_nodes=draw(st.sampled_from((None, 2)))),
        a_cpu_offer(),
    )
    promised = tuple(
        a_demand(offer=draw(st.sampled_from(("h100", "l4", "gone"))), accelerators=draw(st.integers(1, 8)))
        for _ in range(draw(st.integers(0, 2)))
    )
    return a_cluster(
        f"c{index}",
        provider=provider,
        region=region,
        jurisdiction=law,
        offers=offers,
        nodes=nodes,
        promised=promised,
        health=draw(st.sampled_from((HEALTHY, HEALTHY, HEALTHY, DOWN))),
        known=draw(st.sampled_from((True, True, True, False))),
    )


@st.composite
def asks(draw: st.DrawFn, index: int) -> Ask:
    accelerators = draw(st.sampled_from((0, 1, 4, 8)))
    data = tuple(
        some_data(
            draw(st.floats(0, 1e5)),
            *draw(st.lists(st.sampled_from(("aws/eu-north-1", "gcp/europe-west4", "az/x")), min_size=1, unique=True)),
            name=f"d{number}",
            access=draw(st.sampled_from(Access)),
        )
        for number in range(draw(st.integers(0, 3)))
    )
    work = a_workload(
        f"w{index}",
        pods=draw(st.integers(1, 3)),
        accelerators=accelerators,
        cpu_cores=draw(st.sampled_from((0.0, 0.1, 3.0))),
        types=draw(st.sampled_from(((), ("H100-80GB",), TYPES))),
        runtime_h=draw(st.sampled_from((None, 1.0, 80.0))),
        runtime_on=draw(st.sampled_from(("", "H100-80GB", "L4"))),
        data=data,
        constraints=constraints(
            allow_law=draw(st.sampled_from(((), ("EU",)))),
            deny_providers=draw(st.sampled_from(((), ("gcp",)))),
            markets=draw(st.sampled_from(((), (Market.SPOT,)))),
        ),
        priority=draw(st.integers(0, 1)),
        created_s=draw(st.integers(0, 1)),
    )
    return an_ask(work, usd_per_delay_hour=draw(st.sampled_from((0.0, 25.0))))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Ask], list[Cluster]]:
    wanted = [draw(asks(index)) for index in range(draw(st.integers(1, 8)))]
    return wanted, [draw(clusters(index)) for index in range(draw(st.integers(1, 4)))]


NETWORK = a_network(
    ("aws/eu-north-1", "gcp/europe-west4", 4.7, 0.09),
    ("az/x", "aws/eu-north-1", 0.5, 0.02),
    ("gcp/europe-west4", "c2", 10.0, 0.0),
)


def run(wanted: list[Ask], fleet: list[Cluster], network: Network = NETWORK) -> list[Decision]:
    return plan(wanted, fleet=fleet, conditions=Conditions(network, SPEEDS))


@given(world=worlds())
@settings(max_examples=50)
def test_no_hard_limit_is_ever_broken(world: tuple[list[Ask], list[Cluster]]) -> None:
    wanted, fleet = world
    by_name = {cluster.name: cluster for cluster in fleet}
    by_key = {ask.workload.key: ask.workload for ask in wanted}
    for decision in run(wanted, fleet):
        if decision.chosen is None:
            continue
        work, cluster = by_key[decision.key], by_name[decision.chosen.cluster]
        offer = next(one for one in cluster.offers if one.name == decision.chosen.offer)
        assert cluster.health.takes_work
        assert cluster.known
        assert cluster.provider not in work.constraints.providers.deny
        assert not work.constraints.jurisdictions.allow or cluster.jurisdiction in {"SE", "NL"}
        assert not work.constraints.markets or offer.market in work.constraints.markets
        assert bool(offer.accelerator) == bool(work.pods.accelerators)
        assert not work.pods.accelerators or offer.accelerator in (work.accelerator_types or TYPES)


@given(world=worlds())
@settings(max_examples=50)
def test_no_more_is_given_out_than_there_is(world: tuple[list[Ask], list[Cluster]]) -> None:
    wanted, fleet = world
    by_key = {ask.workload.key: ask.workload for ask in wanted}
    given_out: dict[tuple[str, str], int] = defaultdict(int)
    for decision in run(wanted, fleet):
        if decision.chosen is not None:
            kind = "L4" if decision.chosen.offer == "l4" else "H100-80GB"
            given_out[decision.chosen.cluster, kind] += by_key[decision.key].pods.total_accelerators
    for cluster in fleet:
        for kind in TYPES:
            free = sum(node.free_accelerators for node in cluster.nodes if node.ready and node.accelerator == kind)
            growth = sum((one.max_nodes or 0) * one.per_node for one in cluster.offers if one.accelerator == kind)
            assert given_out[cluster.name, kind] <= free + growth


@given(world=worlds(), seed=st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_of_the_input_does_not_matter(world: tuple[list[Ask], list[Cluster]], seed: object) -> None:
    wanted, fleet = world
    shuffle = seed.shuffle  # type: ignore[attr-defined] # hypothesis' Random has no public type
    mixed_asks, mixed_fleet = list(wanted), []
    shuffle(mixed_asks)
    for cluster in fleet:
        offers, nodes, promised = list(cluster.offers), list(cluster.nodes), list(cluster.promised)
        for one in (offers, nodes, promised):
            shuffle(one)
        mixed_fleet.append(replace(cluster, offers=tuple(offers), nodes=tuple(nodes), promised=tuple(promised)))
    shuffle(mixed_fleet)
    decisions = {decision.key: decision for decision in run(wanted, fleet)}
    assert run(mixed_asks, mixed_fleet) == [decisions[ask.workload.key] for ask in mixed_asks]


@given(world=worlds())
@settings(max_examples=50)
def test_candidates_tell_the_whole_story(world: tuple[list[Ask], list[Cluster]]) -> None:
    wanted, fleet = world
    offers = sorted((cluster.name, offer.name) for cluster in fleet for offer in cluster.offers)
    for decision in run(wanted, fleet):
        candidates = decision.candidates
        assert sorted((one.cluster, one.offer) for one in candidates) == offers
        feasible = [one for one in candidates if one.feasible]
        assert candidates[: len(feasible)] == tuple(feasible)
        # What was chosen comes first; it is the cheapest but where a pool's new nodes have opened another offer.
        assert [one.total_usd for one in feasible[1:]] == sorted(one.total_usd for one in feasible[1:])
        assert decision.chosen == (feasible[0] if feasible else None)
        assert decision.message
        for one in candidates:
            assert all(isfinite(usd) and usd >= 0 for usd in (one.total_usd, one.run_h, one.transfer_h, one.queue_h))
            assert all(refusal.reason and refusal.message for refusal in one.refusals)


@given(world=worlds(), extra=st.integers(1, 3))
@settings(max_examples=50)
def test_more_nodes_never_take_the_place_of_a_single_ask(world: tuple[list[Ask], list[Cluster]], extra: int) -> None:
    wanted, world_fleet = world
    # A promise may prefer a new node to a free one, so this holds for a fleet without promises only.
    fleet = [replace(one, promised=()) for one in world_fleet]
    richer = [
        replace(one, nodes=(*one.nodes, *(a_node(f"x{number}", labels=POOL) for number in range(extra))))
        for one in fleet
    ]
    (before,), (after,) = run(wanted[:1], fleet), run(wanted[:1], richer)
    if before.chosen is not None and wanted[0].workload.pods.accelerators:
        assert after.chosen is not None
