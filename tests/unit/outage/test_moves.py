"""Who may leave a lost cluster now."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import DOWN, a_policy

from tradewind.model.health import Judgement, Verdict
from tradewind.model.placement import Move
from tradewind.model.policy import EffectivePolicy, Guarantee
from tradewind.outage.moves import MAX_MOVES_KEPT, MoveBucket, may_leave

NOW_S = 1_000_000.0
NODES_LOST = Judgement(Verdict.DEGRADED, "NodesNotReady", "Not one node is ready.", nodes_lost=True)
POLICY = replace(a_policy(), guarantee=Guarantee.AT_LEAST_ONCE, cooldown_s=300.0, max_moves_per_hour=3)
STRICT = replace(POLICY, guarantee=Guarantee.AT_MOST_ONCE)


def moved(*ages_s: float) -> tuple[Move, ...]:
    return tuple(
        Move("aws", "gcp", "ApiServerSilent", n, detected_s=NOW_S - age, decided_s=NOW_S - age)
        for n, age in enumerate(ages_s)
    )


@pytest.mark.parametrize(
    ("health", "policy", "ages_s", "reason", "retry_in_s"),
    [
        pytest.param(DOWN, POLICY, (), None, None, id="AtLeastOnce leaves a dead cluster at once"),
        pytest.param(NODES_LOST, POLICY, (), None, None, id="and one that has lost its nodes"),
        pytest.param(DOWN, STRICT, (), "OldCopyMayRun", None, id="AtMostOnce waits"),
        pytest.param(DOWN, POLICY, (4000,), None, None, id="an old move does not count"),
        pytest.param(DOWN, POLICY, (10,), None, None, id="Down overrides the cooldown"),
        pytest.param(NODES_LOST, POLICY, (10,), "CoolingDown", 290, id="anything less waits for its end"),
        pytest.param(NODES_LOST, POLICY, (300,), None, None, id="which is where it ends"),
        pytest.param(DOWN, POLICY, (10, 20, 30), "MovesExhausted", 3570, id="three moves an hour and no more"),
        pytest.param(DOWN, POLICY, (10, 20, 3600), None, None, id="an hour is an hour"),
        pytest.param(
            NODES_LOST, POLICY, (10, 20, 30), "MovesExhausted", 3570, id="exhaustion speaks before the cooldown"
        ),
        pytest.param(
            DOWN, replace(POLICY, max_moves_per_hour=0), (), "MovesExhausted", None, id="none allowed means none"
        ),
        pytest.param(
            DOWN,
            replace(POLICY, max_moves_per_hour=50),
            (1,) * MAX_MOVES_KEPT,
            "MovesExhausted",
            3599,
            id="what is not remembered can't be allowed",
        ),
    ],
)
def test_may_leave(
    health: Judgement, policy: EffectivePolicy, ages_s: tuple[float, ...], reason: str | None, retry_in_s: float | None
) -> None:
    held = may_leave(health, cluster="aws", policy=policy, moves=moved(*ages_s), now_s=NOW_S)
    assert (held.reason if held else None) == reason
    assert (held.retry_s if held else None) == (None if retry_in_s is None else NOW_S + retry_in_s)


def test_at_most_once_leaves_once_the_old_copy_is_known_to_be_gone() -> None:
    assert may_leave(DOWN, cluster="aws", policy=STRICT, moves=(), now_s=NOW_S, gone=True) is None


def test_who_is_held_is_told_what_to_do() -> None:
    held = may_leave(DOWN, cluster="aws", policy=STRICT, moves=(), now_s=NOW_S)
    assert held is not None
    assert "aws" in held.message
    assert "AtLeastOnce" in held.message


def test_a_full_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = MoveBucket(10.0, filled_s=0.0)
    assert bucket.available(per_minute=60, burst=10, now_s=0.0) == 10
    bucket.spend(10)
    assert bucket.available(per_minute=60, burst=10, now_s=0.5) == 0
    assert bucket.available(per_minute=60, burst=10, now_s=3.0) == 3


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = MoveBucket(10.0, filled_s=0.0)
    assert bucket.available(per_minute=60, burst=10, now_s=1e9) == 10
    assert bucket.available(per_minute=60, burst=2, now_s=1e9) == 2


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = MoveBucket(0.0, filled_s=100.0)
    assert bucket.available(per_minute=60, burst=10, now_s=50.0) == 0
    assert bucket.available(per_minute=60, burst=10, now_s=50.0) == 0


@given(steps=st.lists(st.tuples(st.floats(0, 30), st.integers(0, 20)), max_size=40))
def test_no_window_sees_more_moves_than_burst_and_rate_allow(steps: list[tuple[float, int]]) -> None:
    bucket, now_s = MoveBucket(), 0.0
    spent: list[tuple[float, int]] = []
    for gap_s, wanted in steps:
        now_s += gap_s
        moves = min(wanted, bucket.available(per_minute=60, burst=10, now_s=now_s))
        bucket.spend(moves)
        spent.append((now_s, moves))
    for first, (start_s, _) in enumerate(spent):
        for last in range(first, len(spent)):
            moves = sum(count for _, count in spent[first : last + 1])
            assert moves <= 10 + (spent[last][0] - start_s) + 1e-6
