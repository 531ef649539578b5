"""Who gets what: by priority, by regret, by age where there is too little, and at home where the room is one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import HOUR_S, a_cluster, a_network, a_node, a_policy, a_workload, an_ask, an_offer, some_data

from tradewind.model.fleet import Cluster, Quota
from tradewind.model.plan import Ask, Conditions, Here
from tradewind.model.policy import PolicyLayer
from tradewind.model.workload import Deadline, DeadlineMode
from tradewind.placement.engine import plan
from tradewind.placement.pricing import Pricer
from tradewind.placement.profile import Patience
from tradewind.placement.table import tabulate

if TYPE_CHECKING:
    from tradewind.model.decision import Decision
    from tradewind.model.network import Network

NETWORK = a_network(
    ("aws/a", "c0", 25.0, 0.0), ("aws/a", "c1", 25.0, 0.1), ("gcp/b", "c0", 25.0, 0.0), ("gcp/b", "c1", 25.0, 0.0)
)


def site(name: str, usd: float, *, nodes: int = 1, provisioning_s: float = 0.0) -> Cluster:
    offer = an_offer(usd=usd, max_nodes=nodes, provisioning_s=provisioning_s)
    return a_cluster(name, region=name, offers=(offer,), nodes=())


def job(name: str, *, home: str = "", priority: int = 0, created_s: float = 0.0, namespace: str = "research") -> Ask:
    data = (some_data(3000.0, home),) if home else ()
    return an_ask(a_workload(name, namespace=namespace, data=data, priority=priority, created_s=created_s))


def decide(*asks: Ask, fleet: tuple[Cluster, ...], network: Network = NETWORK) -> list[Decision]:
    return plan(asks, fleet=fleet, conditions=Conditions(network, {"H100-80GB": 3.0}))


def places(decisions: list[Decision]) -> dict[str, str | None]:
    return {one.key.name: one.chosen.cluster if one.chosen else None for one in decisions}


TWO = (site("c0", 1.0), site("c1", 1.25))


@pytest.mark.parametrize(
    ("asks", "fleet", "expected"),
    [
        pytest.param(
            (job("far", home="aws/a", created_s=1), job("near", home="gcp/b")),
            TWO,
            {"far": "c0", "near": "c1"},
            id="the place goes to whom it is worth most, though it is younger",
        ),
        pytest.param(
            (job("far", home="aws/a"), job("near", home="gcp/b", priority=5)),
            TWO,
            {"far": "c1", "near": "c0"},
            id="but never before a higher priority",
        ),
        pytest.param(
            (job("young", home="aws/a", created_s=5), job("old", home="gcp/b", created_s=1)),
            TWO[:1],
            {"young": None, "old": "c0"},
            id="where only one can have a place, it is the older one, whatever it pays",
        ),
        pytest.param(
            (
                job("young", created_s=5),
                replace(job("old", created_s=1), lost=frozenset({"c0"})),
                job("middle", created_s=3),
            ),
            TWO,
            {"young": None, "old": "c1", "middle": "c0"},
            id="age decides who waits also where wishes differ",
        ),
    ],
)
def test_who_gets_what(asks: tuple[Ask, ...], fleet: tuple[Cluster, ...], expected: dict[str, str | None]) -> None:
    assert places(decide(*asks, fleet=fleet)) == expected
    assert places(decide(*reversed(asks), fleet=fleet)) == expected


def test_its_own_room_is_free_for_work_that_runs_there() -> None:
    full = a_cluster("home", offers=(an_offer(usd=1.0),), nodes=(a_node(free=0),))
    stays = replace(job("a"), here=Here("home", "h100"))
    assert places(decide(stays, fleet=(full, site("c1", 9.0)))) == {"a": "home"}
    assert places(decide(job("a"), fleet=(full, site("c1", 9.0)))) == {"a": "c1"}
    # It takes nobody else's room by staying, and leaves none to others.
    assert places(decide(stays, job("b"), fleet=(full,))) == {"a": "home", "b": None}


def test_one_quota_is_not_spent_twice() -> None:
    roomy = replace(site("c0", 1.0, nodes=9), quotas=(Quota("research", {"nvidia.com/gpu": 8.0}),))
    decisions = decide(job("a"), job("b"), job("c", namespace="sales"), fleet=(roomy,))
    assert places(decisions) == {"a": "c0", "b": None, "c": "c0"}
    (refused,) = decisions[1].candidates
    assert [each.reason for each in refused.refusals] == ["QuotaExceeded"]


def test_waiting_for_a_node_is_priced_once_the_free_ones_are_gone() -> None:
    ready = a_cluster("c0", offers=(an_offer(usd=1.0, max_nodes=3, provisioning_s=7200),))
    other = site("c1", 1.1)
    dear = PolicyLayer(usd_per_delay_hour=25.0)
    asks = [replace(job(name), policy=a_policy(cluster=dear)) for name in ("a", "b")]
    decisions = decide(*asks, fleet=(ready, other))
    # Two hours at $25 are more than the $8 that c1 is dearer.
    assert places(decisions) == {"a": "c0", "b": "c1"}
    assert [one.chosen.queue_h for one in decisions if one.chosen] == [0.0, 0.0]


def test_a_deadline_that_only_holds_without_waiting_rules_out_new_nodes() -> None:
    ready = a_cluster("c0", offers=(an_offer(usd=1.0, max_nodes=3, provisioning_s=7200),))
    strict = Deadline(11 * HOUR_S, DeadlineMode.REQUIRE)
    asks = [replace(job(name), workload=replace(job(name).workload, deadline=strict)) for name in ("a", "b")]
    assert places(decide(*asks, fleet=(ready, site("c1", 9.0)))) == {"a": "c0", "b": "c1"}


@given(
    delay=st.sampled_from((0.0, 25.0)),
    late=st.sampled_from((0.0, 400.0)),
    mode=st.sampled_from(DeadlineMode),
    ahead_h=st.floats(5, 40),
    waits_h=st.tuples(st.floats(0, 12), st.floats(0, 12)),
)
@settings(max_examples=60)
def test_what_a_longer_wait_adds_is_what_pricing_would_say(
    delay: float, late: float, mode: DeadlineMode, ahead_h: float, waits_h: tuple[float, float]
) -> None:
    queue_h, later_h = waits_h
    work = replace(job("a", home="aws/a").workload, deadline=Deadline(ahead_h * HOUR_S, mode, late))
    ask = an_ask(work, usd_per_delay_hour=delay)
    pricer = Pricer(tabulate([TWO[0]]), Conditions(NETWORK))
    before, after = (pricer.price([ask], queue_h=np.array([[hours]])) for hours in (queue_h, queue_h + later_h))
    required = mode is DeadlineMode.REQUIRE
    patience = Patience(
        delay, 0.0 if required else late, np.inf if required else ahead_h, ahead_h if required else np.inf
    )
    added = patience.later(float(before.context.hours[0, 0]), by_h=later_h)
    if abs(before.context.hours[0, 0] + later_h - ahead_h) < 1e-9:
        return  # on the edge itself rounding decides
    if not after.within[0, 0]:
        assert added == np.inf
    else:
        assert before.total[0, 0] + added == pytest.approx(after.total[0, 0])


def test_a_thousand_equal_asks_are_shared_out_without_a_gap() -> None:
    fleet = tuple(site(f"c{number}", 1.0 + number / 10, nodes=40) for number in range(5))
    asks = [job(f"w{number:04d}", home=("aws/a", "gcp/b")[number % 2], created_s=number) for number in range(300)]
    decisions = decide(*asks, fleet=fleet)
    found = places(decisions)
    assert sum(place is not None for place in found.values()) == 200
    assert [name for name, place in found.items() if place is None] == [f"w{number:04d}" for number in range(200, 300)]
    assert all(one.message for one in decisions[::50])
