"""Kubernetes quantities, Gateway API durations and decimal strings, as plain numbers.

Only the edge calls the parsers; the core sees floats with their unit in the name.
"""

from __future__ import annotations

import re

BYTES_PER_GB = 1e9
"""A billed gigabyte is 10^9 bytes at every provider that lists egress prices."""
SECONDS_PER_HOUR = 3600.0

_QUANTITY = re.compile(r"^([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?$")
_SUFFIX = {
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}
_DURATION = re.compile(r"^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$")
_DURATION_PART = re.compile(r"([0-9]{1,5})(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def parse_quantity(text: str | float) -> float:
    """Read a Kubernetes quantity (`500m`, `20Ti`, `4710M`, `1e3`).

    Raises:
        ValueError: if it is no quantity.
    """
    match = _QUANTITY.match(str(text).strip())
    if match is None:
        raise ValueError(f"{text!r} is no quantity, such as 500m, 8 or 20Ti")
    number, suffix = match.group(1), match.group(2) or ""
    if suffix[:1] in ("e", "E") and suffix not in {"E", "Ei"}:
        return float(number + suffix)
    if suffix == "m":
        return float(number) / 1000  # exact to the last digit, which a product with 0.001 is not
    return float(number) * _SUFFIX[suffix]


def parse_duration(text: str) -> float:
    """Read a duration as the Gateway API writes it (`1h30m`, `500ms`), in seconds.

    Raises:
        ValueError: if it is no duration.
    """
    if not _DURATION.match(text):
        raise ValueError(f"{text!r} is no duration, such as 80h, 1h30m or 500ms")
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))


def format_duration(seconds: float) -> str:
    """Write a duration for people, with its two largest units: `3d4h`, `1h30m`, `12s`, `0.4s`."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds a tenth still means something
        return f"{seconds:.1f}s".replace(".0s", "s")
    whole = round(seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


def write_duration(seconds: float) -> str:
    """Write a duration as the API holds it, exact to a millisecond: `1h30m`, `12s250ms`, `0s`."""
    rest, parts = round(seconds * 1000), []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_usd(usd: float) -> str:
    """Write an amount for people: cents below a thousand dollars, whole dollars above."""
    return f"${usd:,.2f}" if abs(usd) < 1000 else f"${usd:,.0f}"  # noqa: PLR2004 - the docstring names it
