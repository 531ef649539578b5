"""A cluster in a convicted failure domain is a last resort: after every other feasible offer, whatever the price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.builders import DOWN, a_cluster, a_node, a_workload, an_ask, an_offer

from tradewind.model.plan import Conditions
from tradewind.outage.domains import marked
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster, Node


def nodes(count: int) -> tuple[Node, ...]:
    return tuple(a_node(f"n{number}") for number in range(count))


def failing() -> list[Cluster]:
    """Make a provider with two dark regions, and a third that is healthy, cheap and has four nodes."""
    return [
        a_cluster("a1", region="r1", health=DOWN),
        a_cluster("a2", region="r2", health=DOWN),
        a_cluster("a3", region="r3", nodes=nodes(4), offers=(an_offer(usd=1.0),)),
    ]


def sound(count: int = 2) -> Cluster:
    return a_cluster("g", provider="gcp", region="x", nodes=nodes(count), offers=(an_offer(usd=9.0),))


def placed(count: int, fleet: list[Cluster]) -> list[str]:
    asks = [an_ask(a_workload(f"w{number}", created_s=number)) for number in range(count)]
    decisions = plan(asks, fleet=marked(fleet), conditions=Conditions())
    return sorted(decision.chosen.cluster if decision.chosen else "-" for decision in decisions)


@pytest.mark.parametrize(
    ("asks", "fleet", "expected"),
    [
        pytest.param(1, [*failing(), sound()], ["g"], id="another place is preferred at nine times the price"),
        pytest.param(
            4, [*failing(), sound()], ["a3", "a3", "g", "g"], id="who finds no other place gets the last resort"
        ),
        pytest.param(7, [*failing(), sound()], ["-", "a3", "a3", "a3", "a3", "g", "g"], id="as far as its room goes"),
        pytest.param(2, failing(), ["a3", "a3"], id="a fleet at one provider goes on"),
        pytest.param(3, [*failing()[1:], sound()], ["a3", "a3", "a3"], id="one dark region is no failing provider"),
    ],
)
def test_a_failing_domain_is_a_last_resort(asks: int, fleet: list[Cluster], expected: list[str]) -> None:
    assert placed(asks, fleet) == expected
