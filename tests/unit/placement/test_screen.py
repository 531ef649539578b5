"""The screen of a batch: what it accepts is what no filter refuses, whatever shares its answers."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import DOWN, HEALTHY, NVIDIA, a_cluster, a_cpu_offer, a_workload, an_ask, an_offer, some_data

from tradewind.model.fleet import Certification, Cluster, Offer, Quota, Scheduling
from tradewind.model.network import Link, Network, Place
from tradewind.model.plan import Ask, Conditions, Here, Refusal, Wake
from tradewind.model.workload import (
    AllowDeny,
    Checkpoint,
    Client,
    Constraints,
    Encryption,
    Interconnect,
    Market,
    Output,
    Residency,
    SelectorTerm,
    Spread,
    Tier,
)
from tradewind.placement.contradiction import contradiction
from tradewind.placement.framework import refusal_of
from tradewind.placement.registry import ACCELERATOR, FILTERS, HEALTH, WISHES
from tradewind.placement.screen import Screen
from tradewind.placement.table import tabulate

NOW_S = 1000.0
LAW = ("EU", "SE", "US", "EUU")
PLACES = ("aws/eu", "gcp/eu", "gcp/us", "c1")
KINDS = ("batch/v1/Job", "x/v1/JobSet")
NETWORK = Network(
    links={
        ("aws/eu", "gcp/us"): Link(1.0, 0.1, round_trip_ms=90.0),
        ("gcp/eu", "c0"): Link(1.0, 0.1, round_trip_ms=5.0),
    },
    places={"gcp/us": Place("US", frozenset({"US"}))},
    lost=frozenset({"gcp/eu"}),
)
CONDITIONS = Conditions(NETWORK, now_s=NOW_S)


def some_of(*values: str) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), max_size=2)


LISTS = st.builds(AllowDeny, some_of(*LAW), some_of(*LAW))
RESIDENCIES = st.builds(Residency, some_of("EU", "US"), some_of("EU", "US"))
CONSTRAINTS = st.builds(
    Constraints,
    jurisdictions=LISTS,
    providers=st.builds(AllowDeny, some_of("aws", "gcp"), some_of("aws", "gcp")),
    markets=st.frozensets(st.sampled_from(Market), max_size=2),
    tiers=st.frozensets(st.sampled_from(Tier), max_size=2),
    cluster_selector=st.sampled_from(((), (SelectorTerm("env", "In", frozenset({"prod"})),))),
    operator_jurisdictions=LISTS,
    certifications=some_of("C5", "SOC2"),
    encryption=st.frozensets(st.sampled_from(Encryption)),
)
OFFERS = st.builds(
    lambda offer, market, fabric, gbps: replace(offer, market=market, interconnect=fabric, node_gbps=gbps),
    st.sampled_from((an_offer(), an_offer(accelerator="L4"), a_cpu_offer())),
    st.sampled_from(Market),
    st.none() | st.sampled_from(Interconnect),
    st.sampled_from((0.0, 100.0, 400.0)),
)


@st.composite
def clusters(draw: st.DrawFn, index: int) -> Cluster:
    offers: list[Offer] = draw(st.lists(OFFERS, max_size=3))
    return replace(
        a_cluster(
            f"c{index}",
            provider=draw(st.sampled_from(("aws", "gcp"))),
            region=draw(st.sampled_from(("eu", "us"))),
            jurisdiction=draw(st.sampled_from(("", "SE", "US", "EU"))),
            tier=draw(st.sampled_from(Tier)),
            scheduling=draw(st.sampled_from(Scheduling)),
            labels=draw(st.sampled_from(({}, {"env": "prod"}))),
            health=draw(st.sampled_from((HEALTHY, DOWN))),
            offers=tuple(replace(offer, name=f"o{number}") for number, offer in enumerate(offers)),
        ),
        operator_jurisdictions=draw(some_of("SE", "US")),
        certifications=tuple(Certification(name, draw(st.sampled_from((1.0, 2000.0)))) for name in draw(some_of("C5"))),
        encryption=draw(st.frozensets(st.sampled_from(Encryption))),
        kinds=draw(st.none() | some_of(*KINDS)),
        quotas=draw(st.sampled_from(((), (Quota("research", {NVIDIA: 8.0}),), (Quota("research", {"pods": 1.0}),)))),
    )


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    data = tuple(
        replace(some_data(1.0, draw(st.sampled_from(PLACES)), name=f"d{number}"), residency=draw(RESIDENCIES))
        for number in range(draw(st.integers(0, 2)))
    )
    work = replace(
        a_workload(
            pods=draw(st.integers(1, 2)),
            accelerators=draw(st.sampled_from((0, 4, 8))),
            types=draw(st.sampled_from(((), ("L4",), ("H100-80GB", "H900")))),
            constraints=draw(st.just(Constraints()) | CONSTRAINTS),
            data=data,
        ),
        checkpoint=draw(st.none() | st.builds(Checkpoint, st.just(1.0), st.tuples(st.sampled_from(PLACES)))),
        outputs=draw(st.sampled_from(((), (Output("o", 1.0, "gcp/us"),)))),
        interconnect=draw(st.none() | st.sampled_from(Interconnect)),
        min_node_gbps=draw(st.sampled_from((0.0, 200.0))),
        clients=tuple(Client(place, 1.0) for place in sorted(draw(some_of(*PLACES)))),
        max_round_trip_ms=draw(st.sampled_from((None, 50.0, 150.0))),
        spread=draw(st.sampled_from((Spread(), Spread(clusters=2)))),
        kinds=draw(some_of(*KINDS)),
    )
    veto = Refusal("NameTaken", "a foreign object", Wake.CLUSTER)
    return replace(
        an_ask(work, vetoes=draw(st.sampled_from(({}, {"c0": veto})))),
        resumes=draw(st.booleans()),
        lost=draw(some_of("c1")),
        here=draw(st.none() | st.just(Here("c0", "o0"))),
    )


FLEETS = st.integers(0, 3).flatmap(lambda count: st.tuples(*(clusters(index) for index in range(count))))
BATCHES = st.lists(asks(), min_size=1, max_size=6)


@given(fleet=FLEETS, batch=BATCHES)
@settings(max_examples=100)
def test_a_row_is_accepted_where_no_filter_refuses_it_and_nowhere_else(
    fleet: tuple[Cluster, ...], batch: list[Ask]
) -> None:
    table = tabulate(fleet)
    screen = Screen(table, CONDITIONS)
    masks = screen.masks(batch)
    assert masks.shape == (len(batch), len(table))
    for ask, mask in zip(batch, masks, strict=True):
        refusals = screen.refusals(ask)
        assert [not found for found in refusals] == mask.tolist()
        # Sharing answers changes nothing: each filter, asked afresh about each row, says the same.
        for row, found in enumerate(refusals):
            said = {one: refusal_of(one, screen.context(ask, row)) for one in FILTERS}
            assert tuple(refusal for refusal in said.values() if refusal is not None) == found
            assert all(refusal.message for refusal in found)
            for one, refusal in said.items():
                assert refusal is None or not one.REASONS or refusal.reason in one.REASONS


@given(fleet=FLEETS, batch=BATCHES)
@settings(max_examples=20)
def test_capacity_is_counted_where_the_cluster_is_healthy_and_the_accelerator_right(
    fleet: tuple[Cluster, ...], batch: list[Ask]
) -> None:
    screen = Screen(tabulate(fleet), CONDITIONS)
    for ask in batch:
        screened = screen.of(ask)
        contexts = [screen.context(ask, row) for row in range(screen.rows)]
        assert screened.countable.tolist() == [
            refusal_of(HEALTH, one) is None and refusal_of(ACCELERATOR, one) is None for one in contexts
        ]
        assert (screen.masks([ask])[0] <= screened.countable).all()


@given(fleet=FLEETS, ask=asks())
@settings(max_examples=40)
def test_a_contradiction_is_named_where_there_is_one_and_nowhere_else(fleet: tuple[Cluster, ...], ask: Ask) -> None:
    screen = Screen(tabulate(fleet), CONDITIONS)
    contexts = [screen.context(ask, row) for row in range(screen.rows)]
    suited = any(all(refusal_of(one, context) is None for one in WISHES) for context in contexts)
    assert bool(contradiction(ask, screen)) == (bool(contexts) and not suited)
