"""The web server that stands in for providers and exporters, over real HTTP."""

from __future__ import annotations

import urllib.request
from urllib.error import HTTPError

import pytest

from tradewind.lab.loopback import Loopback, aws_events
from tradewind.outage.feeds import aws
from tradewind.outage.feeds.event import EventState, FeedReading


def get(url: str) -> tuple[bytes, str | None]:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
        return answer.read(), answer.headers["Content-Type"]


def test_each_answer_is_what_is_said_at_that_moment() -> None:
    said = b"first"
    with Loopback(lambda: said, content_type="text/plain") as server:
        assert get(server.url) == (b"first", "text/plain")
        said = b"second"
        assert get(f"http://{server.address}/any/path") == (b"second", "text/plain")


def test_without_a_content_type_none_is_named() -> None:
    with Loopback(lambda: b"[]") as server:
        assert get(server.url) == (b"[]", None)


def test_it_answers_with_an_error_for_as_long_as_it_is_told_to() -> None:
    with Loopback(lambda: b"") as server:
        server.status = 503
        with pytest.raises(HTTPError, match="503") as caught:
            get(server.url)
        caught.value.close()
        server.status = 200
        assert get(server.url) == (b"", None)


def test_an_event_of_aws_is_read_as_an_outage_of_its_region() -> None:
    reading = aws.read(aws_events("eu-south-2", "3", title="Power"))
    assert isinstance(reading, FeedReading)
    [event] = reading.events
    assert (event.regions, event.state, event.title) == (("eu-south-2",), EventState.OUTAGE, "Power")
    assert event.service
