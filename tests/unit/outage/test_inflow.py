"""How fast work may move onto one target."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.outage.inflow import MIN_ANSWERS, MIN_SHARE, RECOVERS_S, SLOW_S, STRAIN_S, Inflow

PER_MINUTE, BURST = 900, 100


def moves(inflow: Inflow, now_s: float) -> int:
    return inflow.pace(per_minute=PER_MINUTE, burst=BURST, now_s=now_s).moves


def rate(inflow: Inflow, now_s: float) -> float:
    return inflow.pace(per_minute=PER_MINUTE, burst=BURST, now_s=now_s).per_minute


def wrote(inflow: Inflow, took_s: float, *, times: int = MIN_ANSWERS, status: int = 201, now_s: float = 0.0) -> Inflow:
    for _ in range(times):
        inflow.see(status, took_s=took_s, now_s=now_s)
    return inflow


def test_a_target_takes_a_burst_and_then_fifteen_a_second() -> None:
    inflow = Inflow()
    assert moves(inflow, 0.0) == 100
    inflow.spend(100)
    assert [moves(inflow, 0.0), moves(inflow, 1.0), moves(inflow, 2.0)] == [0, 15, 30]


@pytest.mark.parametrize(
    ("inflow", "share"),
    [
        pytest.param(wrote(Inflow(), 0.01, status=429, times=1), 0.5, id="one 429 halves it"),
        pytest.param(wrote(Inflow(), 0.01, status=429, times=50), 0.5, id="a storm of them at one moment does no more"),
        pytest.param(wrote(Inflow(), 2.1), 0.5, id="slow writes halve it"),
        pytest.param(wrote(Inflow(), 2.0), 1.0, id="two seconds are not too slow"),
        pytest.param(wrote(Inflow(), 9.0, times=MIN_ANSWERS - 1), 1.0, id="a few slow ones say nothing"),
        pytest.param(wrote(wrote(Inflow(), 0.01, times=199), 9.0, times=1), 1.0, id="nor does one in two hundred"),
        pytest.param(wrote(wrote(Inflow(), 0.01, times=97), 9.0, times=3), 0.5, id="three in a hundred do"),
        pytest.param(wrote(Inflow(), 10.0, status=0), 0.5, id="no answer is slow if it was long waited for"),
        pytest.param(wrote(Inflow(), 0.01, status=0), 1.0, id="a refused connection is no overload"),
        pytest.param(wrote(Inflow(), 0.01, status=500), 1.0, id="nor is an error that comes at once"),
    ],
)
def test_what_halves_a_targets_rate(inflow: Inflow, share: float) -> None:
    assert rate(inflow, 0.0) == PER_MINUTE * share


def test_what_is_slow_says_why() -> None:
    pace = wrote(Inflow(), 0.01, status=429, times=1).pace(per_minute=PER_MINUTE, burst=BURST, now_s=0.0)
    assert (pace.limit, "429" in pace.slowed) == ("moves.perTargetPerMinute", True)
    assert "2.4 s" in wrote(Inflow(), 2.4).pace(per_minute=PER_MINUTE, burst=BURST, now_s=0.0).slowed
    assert not Inflow().pace(per_minute=PER_MINUTE, burst=BURST, now_s=0.0).slowed


def test_it_recovers_gradually_and_then_says_nothing_more() -> None:
    inflow = wrote(Inflow(), 0.01, status=429, times=1)
    rates = [rate(inflow, float(second)) for second in range(0, 40, 4)]
    assert rates == sorted(rates)
    assert rates[1] < PER_MINUTE * 0.6
    assert rates[-1] == PER_MINUTE
    assert not inflow.pace(per_minute=PER_MINUTE, burst=BURST, now_s=41.0).slowed


def test_each_further_sign_halves_it_again_but_never_to_nothing() -> None:
    inflow = Inflow()
    for second in range(0, 90, 3):
        inflow.see(429, took_s=0.01, now_s=float(second))
    assert PER_MINUTE * MIN_SHARE <= rate(inflow, 90.0) < PER_MINUTE / 8


def test_an_overloaded_target_gets_no_burst() -> None:
    inflow = Inflow()
    inflow.pace(per_minute=PER_MINUTE, burst=BURST, now_s=0.0)
    inflow.see(429, took_s=0.01, now_s=0.0)
    assert moves(inflow, 0.0) == 8


def test_writes_of_a_while_ago_say_nothing_about_now() -> None:
    inflow = wrote(Inflow(), 5.0, times=MIN_ANSWERS - 1, now_s=0.0)
    inflow.see(201, took_s=0.01, now_s=11.0)
    assert rate(inflow, 11.0) == PER_MINUTE


def test_our_own_writes_strain_a_target_only_for_a_while() -> None:
    assert not wrote(Inflow(), 0.01).strains(0.0)
    assert not wrote(Inflow(), 10.0, status=0).strains(0.0), "what does not answer may be dead"
    strained = wrote(Inflow(), SLOW_S + 0.1, times=1, now_s=5.0)
    assert (strained.strains(5.0 + STRAIN_S - 1), strained.strains(5.0 + STRAIN_S)) == (True, False)


def test_an_answer_of_any_kind_is_remembered_as_a_sign_of_life() -> None:
    assert wrote(Inflow(), 0.1, status=500, now_s=7.0).answered_s == 7.0
    assert wrote(Inflow(), 10.0, status=0, now_s=7.0).answered_s is None


@dataclass
class Target:
    """An API server that carries out so many writes a second, one after the other, and refuses what waits too long."""

    per_s: float
    queue: list[float] = field(default_factory=list)
    done: int = 0

    def second(self, inflow: Inflow, now_s: float, waiting: int) -> None:
        """Let a second pass, in which as many moves are begun as may be."""
        begun = min(waiting, moves(inflow, now_s))
        inflow.spend(begun)
        self.queue += [now_s] * begun
        while len(self.queue) > 5 * self.per_s:
            self.queue.pop()
            inflow.see(429, took_s=0.01, now_s=now_s)
        for begun_s in self.queue[: int(self.per_s)]:
            inflow.see(201, took_s=now_s - begun_s + 0.1, now_s=now_s)
            self.done += 1
        del self.queue[: int(self.per_s)]


@pytest.mark.parametrize("per_s", [4, 8, 12, 40])
def test_a_thousand_moves_to_one_target_flow_at_the_targets_own_speed(per_s: int) -> None:
    target, inflow = Target(float(per_s)), Inflow()
    seconds = 0
    while target.done < 1000 and seconds < 2000:
        seconds += 1
        target.second(inflow, float(seconds), 1000 - target.done - len(target.queue))
    assert target.done >= 1000
    fastest_s = (1000 - BURST) / min(per_s, PER_MINUTE / 60)
    assert seconds < 1.7 * fastest_s


@given(
    ends=st.lists(
        st.tuples(st.sampled_from([0, 200, 201, 403, 429, 500]), st.floats(0, 20), st.floats(0, 30)), max_size=60
    )
)
def test_whatever_happens_the_rate_stays_between_its_bounds(ends: list[tuple[int, float, float]]) -> None:
    inflow, now_s = Inflow(), 0.0
    for status, took_s, gap_s in ends:
        now_s += gap_s
        inflow.see(status, took_s=took_s, now_s=now_s)
        pace = inflow.pace(per_minute=PER_MINUTE, burst=BURST, now_s=now_s)
        assert PER_MINUTE * MIN_SHARE <= pace.per_minute <= PER_MINUTE
        assert 0 <= pace.moves <= BURST
    assert rate(inflow, now_s + RECOVERS_S + 3) == PER_MINUTE
