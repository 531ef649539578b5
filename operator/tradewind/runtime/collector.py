"""The cyclic garbage collector: seldom, and put off while a round is decided."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


NEW_OBJECTS = 100_000
"""So many make it look for cycles among them: a list of some thousand pods has as many. Python's own figure is 700."""
SELDOM = 50


def make_seldom() -> None:
    """Look for cycles seldom: lists of pods have none, and decoding one took three times as long with Python's own."""
    gc.set_threshold(NEW_OBJECTS, SELDOM, SELDOM)


@contextmanager
def put_off() -> Iterator[None]:
    """Look for no cycles until the end: a round makes hundreds of thousands of objects, and none refer to each other.

    They are freed by their counts as ever. Going through all of them again and again takes a fifth of the round.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
