"""Garbage collection is put off, and comes back."""

from __future__ import annotations

import gc

import pytest

from tradewind.runtime.collector import put_off


def test_cycles_are_looked_for_again_after_a_round_that_fails() -> None:
    during = []

    def fail() -> None:
        with put_off():
            during.append(gc.isenabled())
            raise ZeroDivisionError

    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert during == [False]
    assert gc.isenabled()


def test_a_collector_that_somebody_has_turned_off_stays_off() -> None:
    gc.disable()
    try:
        with put_off():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
