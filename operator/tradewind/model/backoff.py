"""How pauses before another try grow, so that what is broken is not asked for ever. Jitter comes with the I/O."""

_MOST_DOUBLINGS = 16


def grown_s(failures: int, *, first_s: float, most_s: float) -> float:
    """Say how long to wait after so many failures in a row, 1 or more: `first_s`, and twice as long after each more."""
    return min(most_s, first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
