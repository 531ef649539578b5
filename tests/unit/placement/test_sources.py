"""The choice of replicas against trying every combination of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import GB, a_cluster, a_workload, an_offer, some_data
from tests.unit.placement.priced import ask_for, conditions, green, price_all

from tradewind.model.network import Link, Network
from tradewind.model.workload import Access, Checkpoint, Deadline

if TYPE_CHECKING:
    from tradewind.model.plan import Ask

PLACES = ("a/x", "b/x", "c/x")
CLUSTER = green(
    a_cluster(
        offers=tuple(replace(an_offer(f"at-{usd:g}", usd=usd), interruptions_per_hour=0.05) for usd in (0.0, 1.0, 9.0))
    )
)
LINKS = st.builds(Link, st.sampled_from((0.2, 1.0, 3.0, 9.0)), st.sampled_from((0.0, 0.01, 0.05, 0.2)))


def combinations(ask: Ask) -> list[Ask]:
    """Make an ask for every way to serve each input, and the checkpoint, from one place."""
    work, saved = ask.workload, ask.workload.checkpoint
    found = []
    for places in product(*(one.locations for one in work.data)):
        data = tuple(replace(one, locations=(place,)) for one, place in zip(work.data, places, strict=True))
        found.append(replace(ask, workload=replace(work, data=data, checkpoint=saved)))
    return found


@st.composite
def asks(draw: st.DrawFn, access: Access) -> Ask:
    places = st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True)
    data = tuple(
        some_data(draw(st.sampled_from((90.0, 900.0, 9000.0))), *draw(places), name=f"d{number}", access=access)
        for number in range(draw(st.integers(1, 3)))
    )
    work = replace(
        a_workload(runtime_h=draw(st.sampled_from((1.0, 20.0))), data=data),
        checkpoint=draw(st.sampled_from((None, Checkpoint(900 * GB, ("a/x",), 3600.0)))),
        deadline=draw(st.sampled_from((None, Deadline(7200.0, usd_per_hour_late=20.0)))),
    )
    return ask_for(
        work,
        usd_per_delay_hour=draw(st.sampled_from((0.0, 30.0))),
        usd_per_tonne_co2=draw(st.sampled_from((0.0, 90.0))),
        resumes=draw(st.booleans()) and access is Access.STAGE,
    )


@pytest.mark.parametrize("access", Access)
def test_no_other_combination_of_replicas_is_cheaper(access: Access) -> None:
    @given(ask=asks(access), links=st.tuples(*(LINKS for _ in PLACES)))
    @settings(max_examples=60)
    def search(ask: Ask, links: tuple[Link, ...]) -> None:
        network = Network({(place, CLUSTER.location): link for place, link in zip(PLACES, links, strict=True)})
        chosen, _ = price_all([ask], [CLUSTER], conditions(network))
        every, _ = price_all(combinations(ask), [CLUSTER], conditions(network))
        assert chosen.total[0] == pytest.approx(np.min(every.total, axis=0))
        # Of equal totals the fastest.
        equal = every.total == chosen.total
        fastest = np.where(equal, every.context.hours, np.inf).min(axis=0)
        assert (chosen.context.hours[0] <= fastest * (1 + 1e-9)).all()

    search()
