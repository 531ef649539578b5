"""Which workloads are looked at again: marks, sleepers and reminders."""

from __future__ import annotations

from tradewind.model.plan import Wake
from tradewind.model.workload import Key
from tradewind.state.dirty import Dirty

A, B, C = (Key("research", name) for name in "abc")


class Woken:
    """Counts how often the loop was woken."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def a_set() -> tuple[Dirty, Woken]:
    woken = Woken()
    return Dirty(woken), woken


def test_what_is_marked_is_taken_once() -> None:
    dirty, _ = a_set()
    dirty.mark([A, B, A])
    assert len(dirty) == 2
    assert dirty.take() == {A, B}
    assert dirty.take() == set()


def test_news_wake_the_loop_and_repetitions_do_not() -> None:
    dirty, woken = a_set()
    dirty.mark([A])
    dirty.mark([A])
    dirty.mark([])
    assert woken.times == 1
    dirty.mark([A, B])
    assert woken.times == 2


def test_what_is_still_being_worked_on_stays_marked() -> None:
    dirty, _ = a_set()
    dirty.mark([A, B])
    assert dirty.take(but=[A]) == {B}
    assert dirty.take() == {A}


def test_what_is_put_back_is_taken_later_without_hurry() -> None:
    dirty, woken = a_set()
    dirty.put_back([A])
    assert (dirty.take(), woken.times) == ({A}, 0)


def test_sleepers_wake_on_their_kind_of_change_only() -> None:
    dirty, _ = a_set()
    dirty.sleep(A, frozenset({Wake.CAPACITY}))
    dirty.sleep(B, frozenset({Wake.HEALTH, Wake.CAPACITY}))
    dirty.sleep(C, frozenset({Wake.WORKLOAD}))
    dirty.wake(Wake.HEALTH)
    assert dirty.take() == {B}
    dirty.wake(Wake.CAPACITY)
    assert dirty.take() == {A, B}


def test_a_sleeper_that_was_placed_sleeps_no_more() -> None:
    dirty, woken = a_set()
    dirty.sleep(A, frozenset({Wake.CAPACITY}))
    dirty.sleep(A, frozenset())
    dirty.wake(Wake.CAPACITY)
    assert (dirty.take(), woken.times) == (set(), 0)


def test_a_reminder_rings_when_its_time_has_come_and_once() -> None:
    dirty, woken = a_set()
    dirty.remind(A, 10.0)
    dirty.remind(B, 5.0)
    dirty.ring(4.9)
    assert dirty.take() == set()
    dirty.ring(5.0)
    assert dirty.take() == {B}
    dirty.ring(1e12)
    dirty.ring(1e12)
    assert dirty.take() == {A}
    assert woken.times == 2


def test_a_clock_that_is_set_back_makes_nobody_wait_longer() -> None:
    dirty, _ = a_set()
    dirty.ring(3600.0)
    dirty.remind(A, 3602.0)
    dirty.expect(B, 3700.0)
    dirty.ring(3599.0)
    assert dirty.take() == set(), "a second is no step"
    dirty.ring(5.0)
    assert dirty.take() == {A, B}


def test_what_is_gone_is_forgotten() -> None:
    dirty, _ = a_set()
    dirty.mark([A])
    dirty.sleep(A, frozenset({Wake.CAPACITY}))
    dirty.forget(A)
    dirty.wake(Wake.CAPACITY)
    assert dirty.take() == set()


def test_of_what_is_expected_only_the_last_word_counts() -> None:
    dirty = Dirty(lambda: None)
    dirty.expect(A, 10.0)
    dirty.expect(A, 30.0)
    dirty.expect(B, 20.0)
    dirty.expect(B, None)
    dirty.ring(25.0)
    assert not dirty.take()
    dirty.ring(30.0)
    assert dirty.take() == {A}
    dirty.ring(100.0)
    assert not dirty.take()


def test_what_is_expected_does_not_grow_with_every_look() -> None:
    dirty = Dirty(lambda: None)
    for look in range(5000):
        dirty.expect(A, 1e6 + look)
        dirty.expect(B, 1e6)
    assert len(dirty._turns) <= 2000  # noqa: SLF001 - its size is what is tested
    dirty.ring(2e6)
    assert dirty.take() == {A, B}


def test_a_key_that_is_forgotten_is_not_expected_any_more() -> None:
    dirty = Dirty(lambda: None)
    dirty.expect(A, 10.0)
    dirty.forget(A)
    dirty.ring(20.0)
    assert not dirty.take()
