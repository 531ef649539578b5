"""Pauses before a server is asked again: growing, and never the same for all who ask."""

from __future__ import annotations

import random

from tradewind.model.backoff import grown_s


def backoff_s(
    failures: int, *, first_s: float, most_s: float, least_share: float = 0.5, most_share: float = 1.0
) -> float:
    """Say how long to wait after so many failures in a row, 1 or more.

    The pause is `first_s`, doubled by each further failure up to `most_s`; of that, a share by chance between the two.
    """
    return grown_s(failures, first_s=first_s, most_s=most_s) * random.uniform(least_share, most_share)  # noqa: S311 - jitter
