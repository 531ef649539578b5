"""Pauses before a write is tried again: as long as the other side wishes, where it says so."""

from __future__ import annotations

from tradewind.kube.backoff import backoff_s

JITTER = 0.2
"""A thousand refused at one moment come back over two fifths of the pause, not at one moment again."""
FIRST_VETO_S = 60.0
"""A member that refused a copy is asked again after this time: quotas are raised, webhooks mended;"""
MAX_VETO_S = 1800.0
"""and each time that it refuses the same work again after twice as long, but not after longer than this."""
RETRY_S = 2.0
MAX_RETRY_S = 60.0


def pause_s(failures: int, *, first_s: float, most_s: float, at_least_s: float = 0.0) -> float:
    """Say how long to wait after so many failures in a row, 1 or more.

    `at_least_s` is what the other side has asked for (Retry-After); it is kept, up to `most_s`.
    """
    own_s = backoff_s(failures, first_s=first_s, most_s=most_s, least_share=1 - JITTER, most_share=1 + JITTER)
    return max(own_s, min(at_least_s, most_s))
