"""Waiting for conditions, with a deadline; and holding them, where the point is that nothing happens."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, TypeVar

from tradewind.lab.kubeapi import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
POLL_S = 0.1


def until(what: str, check: Callable[[], T], *, within_s: float = 30.0) -> T:
    """Ask again and again until the answer is true; an API server that is away counts as not yet."""
    deadline = time.monotonic() + within_s
    while True:
        seen: object
        try:
            result = check()
            if result:
                return result
            seen = result
        except (ApiError, OSError, http.client.HTTPException, KeyError, IndexError) as error:
            seen = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}; last seen: {seen!r}")
        time.sleep(POLL_S)


def throughout(what: str, check: Callable[[], bool], *, for_s: float) -> None:
    """Ask again and again for a while, and fail at the first answer that is not true."""
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        assert check(), f"no longer true: {what}"
        time.sleep(POLL_S)
