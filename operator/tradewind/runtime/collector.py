"""The cyclic garbage collector, put off while a round is decided."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
