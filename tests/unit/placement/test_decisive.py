"""Which term decided between two places."""

from __future__ import annotations

import pytest

from tradewind.model.decision import Candidate, Usd
from tradewind.model.plan import Refusal, Wake
from tradewind.model.workload import Market
from tradewind.placement.decisive import decisive, runner_up


def at(name: str, **usd: float) -> Candidate:
    return Candidate(name, "h100", Market.SPOT, usd=Usd(**usd))


@pytest.mark.parametrize(
    ("here", "there", "term", "usd", "sentence"),
    [
        pytest.param(
            at("a", compute=100, egress=5),
            at("b", compute=90, egress=95),
            "egress",
            90.0,
            "egress decided for a/h100 over b/h100: $90.00 less, against $10.00 more for compute; $80.00 less in all",
            id="data beats the price of machines",
        ),
        pytest.param(
            at("a", compute=80),
            at("b", compute=90, carbon=4),
            "compute",
            10.0,
            "compute decided for a/h100 over b/h100: $10.00 less; $14.00 less in all",
            id="nothing speaks against it",
        ),
        pytest.param(
            at("a", loss=1, delay=1),
            at("b", loss=3, delay=3),
            "loss",
            2.0,
            "loss decided for a/h100 over b/h100: $2.00 less; $4.00 less in all",
            id="of equal differences the first term",
        ),
        pytest.param(
            at("a", compute=9),
            at("b", compute=9),
            "",
            0.0,
            "a/h100 is no cheaper than b/h100 in any term",
            id="no difference",
        ),
        pytest.param(
            at("a", compute=9, latency=1),
            at("b", compute=3, latency=3),
            "latency",
            2.0,
            "latency spoke for a/h100 over b/h100: $2.00 less, against $6.00 more for compute; $4.00 more in all",
            id="the dearer one was chosen for another reason",
        ),
    ],
)
def test_the_term_that_speaks_most_for_the_chosen_one(
    here: Candidate, there: Candidate, term: str, usd: float, sentence: str
) -> None:
    found = decisive(here, there)
    assert (found.term, found.usd, found.sentence) == (term, usd, sentence)
    assert found.total_usd == there.total_usd - here.total_usd


def test_the_runner_up_is_the_next_that_could_have_been_chosen() -> None:
    refused = Candidate("c", "h100", Market.SPOT, refusals=(Refusal("No", "no", Wake.CLUSTER),))
    assert runner_up((at("a"), at("b"), refused)) == at("b")
    assert runner_up((at("a"), refused)) is None
    assert runner_up(()) is None
