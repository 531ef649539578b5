"""When the operator itself heard nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradewind.state.stalls import Stalls


def test_only_the_part_of_a_stall_within_the_wait_counts() -> None:
    stalls = Stalls()
    stalls.note(1.0, 3.0)
    stalls.note(5.0, 6.0)
    assert stalls.unheard_s(0.0, 10.0) == 3.0
    assert stalls.unheard_s(2.0, 5.5) == 1.5
    assert stalls.unheard_s(3.0, 5.0) == 0.0


@given(st.lists(st.floats(0.0, 2.0), max_size=200), st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_nobody_is_deaf_for_longer_than_the_wait(spans: list[float], since_s: float, waited_s: float) -> None:
    stalls, now_s = Stalls(), 0.0
    for span in spans:
        stalls.note(now_s, now_s + span)
        now_s += 2 * span
    assert 0.0 <= stalls.unheard_s(since_s, since_s + waited_s) <= waited_s + 1e-6
