"""What the formats have in common: bytes to text, text to entries, and times that can be believed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from tradewind.outage.feeds.event import FeedProblem, FeedReading, ProviderEvent

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_ENTRIES = 5000
"""A feed of more is none: the widest outages known had some hundreds."""
MAX_TITLE = 200
MAX_ID = 512
EARLIEST_S = 946_684_800.0
"""The year 2000: what an older time is given for has not been understood."""
LATEST_S = 4_102_444_800.0
"""The year 2100: milliseconds taken for seconds are later."""


def decode(raw: bytes) -> str | FeedProblem:
    """Read bytes as text, by their mark or their zeros: AWS sends UTF-16, whatever is asked for."""
    encoding = json.detect_encoding(raw)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return FeedProblem("NotText", f"The answer is no {encoding} text; is it compressed?")
    if not text.strip():
        return FeedProblem("EmptyAnswer", "The answer is empty, which says nothing about the provider.")
    if text.lstrip()[:9].lower().startswith(("<!doctype", "<html")):
        return FeedProblem("WebPage", "The answer is a web page, not a feed. Does the address lead to the feed?")
    return text


def entries(raw: bytes) -> list[Any] | FeedProblem:
    """Read a JSON array."""
    text = decode(raw)
    if isinstance(text, FeedProblem):
        return text
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return FeedProblem("NotJSON", "The answer is no JSON, or only a part of it.")
    if not isinstance(document, list):
        return FeedProblem("UnknownShape", "The answer is JSON, but no list of events: the format may have changed.")
    return document


def read_each(found: list[T], read: Callable[[T], ProviderEvent]) -> FeedReading | FeedProblem:
    """Read each entry; one of a shape never seen leaves the others in force, and where all are it is a problem."""
    if len(found) > MAX_ENTRIES:
        return FeedProblem("TooLarge", f"The answer holds {len(found)} events; more than {MAX_ENTRIES} are not read.")
    events, unread = [], 0
    for entry in found:
        try:
            events.append(read(entry))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
            unread += 1
    if unread and not events:
        return FeedProblem("UnknownEntries", f"Not one of {unread} events can be read: the format may have changed.")
    return FeedReading(tuple(events), unread)


def line(words: object, *, at_most: int = MAX_TITLE) -> str:
    """Write a stranger's text as one line without control characters."""
    if not isinstance(words, str):
        raise TypeError
    plain = "".join(letter if letter.isprintable() else " " for letter in words[: 8 * at_most])
    return " ".join(plain.split())[:at_most]


def named(words: object) -> str:
    """Read a text that must not be empty."""
    text = line(words, at_most=MAX_ID)
    if not text:
        raise ValueError
    return text


def seconds(value: object) -> float:
    """Read a Unix time, as a number or as its digits.

    Raises:
        TypeError, ValueError: it is none that can be meant.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    return believable(float(value))


def believable(unix_s: float) -> float:
    """Refuse a time that can't be meant.

    Raises:
        ValueError: it can't.
    """
    if not EARLIEST_S <= unix_s <= LATEST_S:  # NaN is neither
        raise ValueError
    return unix_s
