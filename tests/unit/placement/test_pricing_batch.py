"""What holds for every batch, searched by hypothesis."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import GB, a_cluster, a_cpu_offer, a_workload, an_offer, some_data
from tests.unit.placement.priced import SPEEDS, WATTS, ask_for, conditions, price_all

from tradewind.model.fleet import Carbon
from tradewind.model.kind import WorkloadType
from tradewind.model.network import Link, Network
from tradewind.model.plan import Here
from tradewind.model.workload import Access, Checkpoint, Client, Deadline, DeadlineMode, Market, Output

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster
    from tradewind.model.plan import Ask
    from tradewind.placement.pricing import Prices


PLACES = ("aws/a", "aws/b", "gcp/a", "own/x")
FIGURES = ("run_h", "transfer_h", "loss_h", "grams_co2")
# Of four figures each: what a search shrinks to is easy to read.
PRICES = st.sampled_from((0.0, 0.7, 4.0, 40.0))
HOURS = st.sampled_from((0.0, 1.0, 30.0, 400.0))
SIZES = st.sampled_from((0.0, 1.0, 900.0, 20_000.0))


LINKS = st.builds(
    Link,
    st.sampled_from((0.1, 2.0, 10.0)),
    st.sampled_from((0.0, 0.02, 0.15)),
    round_trip_ms=st.sampled_from((1.0, 90.0)),
)
NETWORKS = st.builds(
    Network,
    st.dictionaries(st.sampled_from(tuple(product(PLACES, PLACES))), LINKS, max_size=8),
    lost=st.sampled_from((frozenset(), frozenset({"own/x"}), frozenset({"aws/"}))),
)


@st.composite
def fleets(draw: st.DrawFn) -> list[Cluster]:
    return [
        replace(
            a_cluster(
                f"c{index}",
                provider=place.split("/")[0],
                region=place.split("/")[1],
                offers=(
                    an_offer("h100", usd=draw(PRICES), market=draw(st.sampled_from(Market))),
                    an_offer("l4", accelerator="L4", usd=draw(PRICES), per_node=4, max_nodes=2, provisioning_s=300),
                    an_offer("b900", accelerator="B900", usd=draw(PRICES)),
                    a_cpu_offer(usd=draw(PRICES)),
                ),
            ),
            carbon=draw(st.sampled_from((Carbon(), Carbon(20.0, 1.1), Carbon(700.0)))),
        )
        for index, place in enumerate(PLACES[: draw(st.integers(1, 4))])
    ]


@st.composite
def asks(draw: st.DrawFn, index: int) -> Ask:
    locations = st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True).map(tuple)
    data = tuple(
        some_data(draw(SIZES), *draw(locations), name=f"d{number}", access=draw(st.sampled_from(Access)))
        for number in range(draw(st.integers(0, 3)))
    )
    kind = draw(st.sampled_from(WorkloadType))
    endless = kind is WorkloadType.INFERENCE
    work = replace(
        a_workload(
            f"w{index}",
            type=kind,
            pods=draw(st.sampled_from((1, 3))),
            accelerators=draw(st.sampled_from((0, 1, 8))),
            runtime_h=None if endless else draw(st.sampled_from((None, 1.0, 80.0))),
            runtime_on=draw(st.sampled_from(("", "H100-80GB", "L4"))),
            data=data,
        ),
        outputs=draw(st.sampled_from(((), (Output("o", 300 * GB, PLACES[0]),)))),
        clients=draw(st.sampled_from(((), (Client(PLACES[0], 7.0), Client(PLACES[2], 3.0))))),
        checkpoint=draw(
            st.none() | st.builds(Checkpoint, SIZES.map(lambda gb: gb * GB), locations, st.none() | HOURS.map(_seconds))
        ),
        deadline=None if endless else draw(st.none() | st.builds(Deadline, HOURS.map(_seconds), _MODES, PRICES)),
    )
    return ask_for(
        work,
        usd_per_delay_hour=draw(PRICES),
        usd_per_tonne_co2=draw(st.sampled_from((0.0, 90.0))),
        usd_per_round_trip_ms_hour=draw(st.sampled_from((0.0, 0.002))),
        max_usd_per_hour=draw(st.sampled_from((None, 5.0))),
        max_total_usd=draw(st.sampled_from((None, 5.0, 500.0))),
        resumes=draw(st.booleans()),
        left=draw(st.sampled_from((1.0, 0.25))),
        here=draw(st.sampled_from((None, Here("c0", "h100"), Here("c9", "gone")))),
        spent_usd=draw(st.sampled_from((0.0, 10.0))),
    )


_MODES = st.sampled_from(DeadlineMode)


def _seconds(hours: float) -> float:
    return hours * 3600.0


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Ask], list[Cluster], Network]:
    wanted = [draw(asks(index)) for index in range(draw(st.integers(1, 6)))]
    return wanted, draw(fleets()), draw(NETWORKS)


World = tuple[list["Ask"], list["Cluster"], Network]


def run(wanted: list[Ask], fleet: list[Cluster], network: Network) -> Prices:
    given = conditions(network, speeds=SPEEDS, watts=WATTS, interruptions_per_hour={Market.SPOT: 0.05}, detect_s=30.0)
    return price_all(wanted, fleet, given, queue_h=0.1)[0]


@given(world=worlds())
@settings(max_examples=30)
def test_terms_are_finite_and_not_negative_wherever_there_is_a_price(world: World) -> None:
    prices = run(*world)
    terms = np.array(list(prices.terms.values()))
    assert np.isfinite(terms[:, prices.valid]).all()
    assert (terms[:, prices.valid] >= 0).all()
    assert prices.total[prices.valid] == pytest.approx(terms.sum(axis=0)[prices.valid])
    for name in FIGURES:
        figure = getattr(prices, name)[prices.valid]
        assert np.isfinite(figure).all()
        assert (figure >= 0).all()


@given(world=worlds())
@settings(max_examples=30)
def test_an_ask_has_the_same_price_alone_as_among_others(world: World) -> None:
    wanted, fleet, network = world
    together = run(wanted, fleet, network)
    for index, ask in enumerate(wanted):
        alone = run([ask], fleet, network)
        _assert_same(alone, 0, together, index)


@given(world=worlds(), seed=st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_asks_does_not_matter(world: World, seed: object) -> None:
    wanted, fleet, network = world
    order = list(range(len(wanted)))
    seed.shuffle(order)  # type: ignore[attr-defined] # hypothesis' Random has no public type
    prices, mixed = run(wanted, fleet, network), run([wanted[index] for index in order], fleet, network)
    for at, index in enumerate(order):
        _assert_same(mixed, at, prices, index)


def _assert_same(one: Prices, at: int, other: Prices, index: int) -> None:
    assert one.valid[at].tolist() == other.valid[index].tolist()
    assert one.within[at, one.valid[at]].tolist() == other.within[index, other.valid[index]].tolist()
    valid = one.valid[at]
    for name, column in one.terms.items():
        assert column[at, valid].tolist() == other.terms[name][index, valid].tolist()
    for name in FIGURES:
        np.testing.assert_array_equal(getattr(one, name)[at, valid], getattr(other, name)[index, valid])


@given(world=worlds(), cheaper=st.sampled_from((0.0, 0.5, 0.99)))
@settings(max_examples=40)
def test_a_lower_price_never_raises_a_total(world: World, cheaper: float) -> None:
    wanted, fleet, network = world
    lower = [
        replace(
            cluster,
            offers=tuple(
                replace(
                    offer,
                    usd_per_accelerator_hour=offer.usd_per_accelerator_hour * cheaper,
                    usd_per_cpu_hour=offer.usd_per_cpu_hour * cheaper,
                )
                for offer in cluster.offers
            ),
        )
        for cluster in fleet
    ]
    before, after = run(wanted, fleet, network), run(wanted, lower, network)
    assert (before.valid == after.valid).all()
    assert (after.total <= before.total * (1 + 1e-12) + 1e-9)[before.valid].all()


@given(world=worlds())
@settings(max_examples=20)
def test_whoever_is_out_of_bounds_is_told_why(world: World) -> None:
    prices = run(*world)
    for index in range(len(world[0])):
        for row in np.flatnonzero(prices.shown(index)).tolist():
            assert bool(prices.refusals(index, row)) != prices.within[index, row]
