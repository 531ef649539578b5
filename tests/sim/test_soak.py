"""How a soak divides its histories, counts them, and goes on."""

from __future__ import annotations

import pytest
from tests.sim.kinds import COUNTS, DETECTION, LIFECYCLE, OPERATOR, interleaved, mix
from tests.sim.soak import Tally


def test_a_hundred_thousand_histories_have_the_proportions_of_the_test_suite() -> None:
    assert mix(100_000) == {OPERATOR: 4_000, LIFECYCLE: 26_000, DETECTION: 70_000}
    assert mix(sum(COUNTS.values())) == COUNTS


@pytest.mark.parametrize("count", [0, 1, 7, 999])
def test_no_history_is_lost_where_they_do_not_divide(count: int) -> None:
    assert sum(mix(count).values()) == count


def test_each_kind_begins_with_the_first_seed_and_goes_on_in_order() -> None:
    histories = interleaved({OPERATOR: 2, DETECTION: 5}, first=10)
    assert [seed for kind, seed in histories if kind == OPERATOR] == [10, 11]
    assert [seed for kind, seed in histories if kind == DETECTION] == [10, 11, 12, 13, 14]
    assert histories[0][0] == histories[-1][0] == DETECTION, "the few are spread among the many"


def test_what_is_named_to_go_on_with_is_exactly_what_was_not_played() -> None:
    tally = Tally({OPERATOR: 2, LIFECYCLE: 3, DETECTION: 5}, first=10)
    for kind, seed in interleaved(tally.counts, first=10)[:6]:
        tally.add(kind, seed, "")
    played = tally.done
    assert played[OPERATOR] < 2
    assert tally.rest() == [
        f"make soak KIND={kind} FIRST={10 + played[kind]} SEEDS={count - played[kind]}"
        for kind, count in tally.counts.items()
        if count > played[kind]
    ]


def test_failures_are_summed_up_by_kind_with_their_seeds() -> None:
    tally = Tally({OPERATOR: 2, LIFECYCLE: 1}, first=0)
    tally.add(OPERATOR, 0, "")
    tally.add(LIFECYCLE, 0, "seed 0: broke")
    tally.add(OPERATOR, 1, "")
    *kinds, total = tally.result()
    assert kinds == ["operator: 2 histories, 0 failed", "lifecycle: 1 histories, 1 failed: seeds 0"]
    assert total.endswith("1 failed")
