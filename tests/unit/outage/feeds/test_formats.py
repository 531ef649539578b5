"""Every trap of the providers' formats: what is understood, and what is a problem with a stable word, never a crash."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.outage.feeds.samples import BEGAN_S, aws, aws_event, azure, azure_item, gcp, gcp_incident

from tradewind.outage.feeds.event import EventState, FeedProblem, FeedReading, ProviderEvent
from tradewind.outage.feeds.sources import SOURCES
from tradewind.outage.feeds.text import MAX_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {"aws": aws(aws_event()), "gcp": gcp(gcp_incident("us-central1")), "azure": azure(azure_item())}
QUIET = {"aws": aws(), "gcp": gcp(), "azure": azure()}


def reading(provider: str, raw: bytes) -> FeedReading:
    found = SOURCES[provider].read(raw)
    assert isinstance(found, FeedReading), found
    return found


def the_event(provider: str, raw: bytes) -> ProviderEvent:
    [event] = reading(provider, raw).events
    return event


def reason(provider: str, raw: bytes) -> str:
    found = SOURCES[provider].read(raw)
    return found.reason if isinstance(found, FeedProblem) else f"read {len(found.events)}, not {found.unread}"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(aws(aws_event()), id="UTF-16, big end first, with its mark, as AWS sends it"),
        pytest.param(aws(aws_event(), encoding="utf-16-le", mark=b"\xff\xfe"), id="the little end first"),
        pytest.param(aws(aws_event(), mark=b""), id="UTF-16 without a mark"),
        pytest.param(aws(aws_event(), encoding="utf-8", mark=b""), id="UTF-8"),
        pytest.param(aws(aws_event(), encoding="utf-8", mark=b"\xef\xbb\xbf"), id="UTF-8 with a mark"),
    ],
)
def test_an_event_of_aws_is_read_in_every_encoding(raw: bytes) -> None:
    event = the_event("aws", raw)
    assert (event.provider, event.regions, event.service) == ("aws", ("us-east-1",), "Amazon Elastic Compute Cloud")
    assert (event.state, event.began_s, event.ended_s) == (EventState.OUTAGE, BEGAN_S, None)
    assert event.title == "Increased Error Rates"


def test_an_incident_of_google_is_read_by_its_impact_and_not_by_its_severity() -> None:
    event = the_event("gcp", gcp(gcp_incident("us-central1", "europe-west4")))
    assert (event.provider, event.regions, event.service) == (
        "gcp",
        ("us-central1", "europe-west4"),
        "Google Compute Engine",
    )
    assert (event.state, event.began_s, event.ended_s) == (EventState.DISRUPTION, BEGAN_S, None)


def test_an_item_of_azure_is_read_from_title_and_categories_and_not_from_the_description() -> None:
    item = azure_item("Issues connecting to resources in West US ", "API Management", "VPN Gateway", "West US")
    event = the_event("azure", azure(item))
    assert (event.provider, event.regions, event.service) == ("azure", ("westus",), "VPN Gateway")
    assert (event.state, event.began_s, event.title) == (
        EventState.OUTAGE,
        BEGAN_S,
        "Issues connecting to resources in West US",
    )


@pytest.mark.parametrize("provider", SOURCES)
def test_a_quiet_feed_holds_no_events_and_is_no_problem(provider: str) -> None:
    assert reason(provider, QUIET[provider]) == "read 0, not 0"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"", ("EmptyAnswer",) * 3, id="nothing"),
        pytest.param(b"\xfe\xff", ("EmptyAnswer",) * 3, id="a mark alone"),
        pytest.param(b" \r\n", ("EmptyAnswer",) * 3, id="white space"),
        pytest.param(b"<!DOCTYPE html><html><body>Down</body></html>", ("WebPage",) * 3, id="a web page"),
        pytest.param("\ufeff<html>".encode("utf-16-le"), ("WebPage",) * 3, id="a web page in UTF-16"),
        pytest.param(gzip.compress(GOOD["gcp"]), ("NotText",) * 3, id="a compressed answer"),
        pytest.param(b"[" * 100_000, ("NotJSON", "NotJSON", "NotXML"), id="brackets without end"),
        pytest.param(b"[" + b"9" * 5000 + b"]", ("NotJSON", "NotJSON", "NotXML"), id="a number without end"),
        pytest.param(b"<a>" * 100_000, ("NotJSON", "NotJSON", "NotXML"), id="tags without end"),
        pytest.param(b'{"events": []}', ("UnknownShape", "UnknownShape", "NotXML"), id="another JSON"),
        pytest.param(b"null", ("UnknownShape", "UnknownShape", "NotXML"), id="null"),
        pytest.param(b"<Error><Code>AccessDenied</Code></Error>", ("NotJSON", "NotJSON", "UnknownShape"), id="XML"),
        pytest.param(azure(title="Some Blog"), ("NotJSON", "NotJSON", "UnknownShape"), id="RSS of somebody else"),
        pytest.param(b"<rss/>", ("NotJSON", "NotJSON", "UnknownShape"), id="RSS without a channel"),
        pytest.param(
            b'<?xml version="1.0"?>\n<!DOCTYPE rss [<!ENTITY a "aaaa">]><rss>&a;</rss>',
            ("NotJSON", "NotJSON", "Doctype"),
            id="entities that grow",
        ),
        pytest.param(
            '\ufeff<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><rss/>'.encode("utf-16-le"),
            ("NotJSON", "NotJSON", "Doctype"),
            id="a document type hidden in UTF-16",
        ),
    ],
)
def test_what_is_no_feed_has_a_stable_word(raw: bytes, expected: tuple[str, str, str]) -> None:
    assert tuple(reason(provider, raw) for provider in ("aws", "gcp", "azure")) == expected


@pytest.mark.parametrize("provider", SOURCES)
def test_a_truncated_answer_is_a_problem_wherever_it_ends(provider: str) -> None:
    whole = GOOD[provider].rstrip()
    for end in range(len(whole)):
        assert isinstance(SOURCES[provider].read(whole[:end]), FeedProblem), whole[:end]


@pytest.mark.parametrize(
    ("provider", "raw"),
    [
        pytest.param("aws", aws(*[aws_event()] * (MAX_ENTRIES + 1)), id="AWS"),
        pytest.param("gcp", b"[" + b"{}," * MAX_ENTRIES + b"{}]", id="Google"),
        pytest.param("azure", azure("<item/>" * (MAX_ENTRIES + 1)), id="Azure"),
    ],
)
def test_a_flood_of_events_is_not_read(provider: str, raw: bytes) -> None:
    assert reason(provider, raw) == "TooLarge"


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="a list"),
        pytest.param("words", id="words"),
        pytest.param({}, id="no field at all"),
        pytest.param({"status": "9"}, id="a state never seen"),
        pytest.param({"status": None}, id="a state of null"),
        pytest.param({"date": "2026-03-01"}, id="a time in another form"),
        pytest.param({"date": str(BEGAN_S * 1000)}, id="milliseconds"),
        pytest.param({"date": float("nan")}, id="a time that is no number"),
        pytest.param({"date": True}, id="a time that is a truth"),
        pytest.param({"date": "9" * 400}, id="a time beyond all floats"),
        pytest.param({"arn": ""}, id="nothing that tells it from others"),
        pytest.param({"arn": "arn:aws"}, id="half an ARN"),
        pytest.param({"service": {"name": "ec2"}}, id="a service of another shape"),
        pytest.param({"summary": 7}, id="a title that is a number"),
        pytest.param({"end_time": "soon"}, id="an end in words"),
    ],
)
def test_an_event_of_aws_in_a_new_shape_is_counted_and_the_others_are_read(entry: object) -> None:
    strange = {**aws_event(), **entry} if isinstance(entry, dict) and entry else entry
    raw = b"\xfe\xff" + json.dumps([aws_event(), strange]).encode("utf-16-be")
    assert reason("aws", raw) == "read 1, not 1"
    assert reason("aws", b"\xfe\xff" + json.dumps([strange]).encode("utf-16-be")) == "UnknownEntries"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"status_impact": "SERVICE_MELTDOWN"}, id="an impact never seen"),
        pytest.param({"begin": 5}, id="a time that is a number"),
        pytest.param({"begin": "yesterday"}, id="a time in words"),
        pytest.param({"begin": "0001-01-01T00:00:00+23:59"}, id="a time before all others"),
        pytest.param({"end": "soon"}, id="an end in words"),
        pytest.param({"currently_affected_locations": ["us-central1"]}, id="locations as bare words"),
        pytest.param({"affected_products": {"title": "x"}}, id="products of another shape"),
        pytest.param({"id": None}, id="nothing that tells it from others"),
    ],
)
def test_an_incident_of_google_in_a_new_shape_is_counted(fields: dict[str, Any]) -> None:
    assert reason("gcp", gcp(gcp_incident("us-central1"), gcp_incident("us-east1", **fields))) == "read 1, not 1"


@pytest.mark.parametrize(
    "item",
    [
        pytest.param("<item/>", id="an empty item"),
        pytest.param(azure_item(date="the other day"), id="a time in words"),
        pytest.param(azure_item(date="Sun, 99 Mar 2026 12:51:25 Z"), id="a day that is none"),
    ],
)
def test_an_item_of_azure_in_a_new_shape_is_counted(item: str) -> None:
    assert reason("azure", azure(azure_item(), item)) == "read 1, not 1"


@pytest.mark.parametrize(
    ("event", "regions"),
    [
        pytest.param(aws_event(region="eu-south-2"), ("eu-south-2",), id="the code of the ARN counts, not the place"),
        pytest.param(aws_event(arn="arn:aws:health:::event/x"), ("us-east-1",), id="a place in prose"),
        pytest.param(aws_event(arn="x", region_name="São Paulo"), ("sa-east-1",), id="a place with its accent"),
        pytest.param(aws_event(arn="x", region_name="Atlantis"), (), id="a place that nobody knows"),
        pytest.param(aws_event(arn="x", region_name=None), (), id="no place at all"),
        pytest.param(aws_event(region="global"), ("global",), id="everywhere"),
    ],
)
def test_where_an_event_of_aws_is(event: dict[str, object], regions: tuple[str, ...]) -> None:
    assert the_event("aws", aws(event)).regions == regions


@pytest.mark.parametrize(
    ("location", "region"),
    [("us-central1", "us-central1"), ("us-central1-b", "us-central1"), ("Global", "global"), ("us", "us")],
)
def test_a_zone_of_google_stands_for_its_region(location: str, region: str) -> None:
    assert the_event("gcp", gcp(gcp_incident(location, location))).regions == (region,)


@pytest.mark.parametrize(
    ("title", "categories", "regions"),
    [
        pytest.param("Networking - West US 2 - Investigating", (), ("westus2",), id="West US 2 is not West US"),
        pytest.param("Outage in North Central US", (), ("northcentralus",), id="nor is North Central US Central US"),
        pytest.param("Outage in SOUTHEAST ASIA", (), ("southeastasia",), id="nor Southeast Asia East Asia"),
        pytest.param("Gateways", ("East US", "Sweden Central"), ("eastus", "swedencentral"), id="by its categories"),
        pytest.param("East US and West Europe", ("East US",), ("eastus", "westeurope"), id="each region once"),
        pytest.param("Azure Front Door connectivity issues", (), (), id="nowhere that is named"),
    ],
)
def test_a_region_of_azure_is_found_in_prose(title: str, categories: tuple[str, ...], regions: tuple[str, ...]) -> None:
    assert the_event("azure", azure(azure_item(title, *categories))).regions == regions


@pytest.mark.parametrize(
    ("title", "over"),
    [
        ("Virtual Machines - West US - Resolved", True),
        ("[RESOLVED] Issues in West US", True),
        ("Networking - West US - Mitigated", True),
        ("Networking - West US - Unresolved", False),
        ("Networking - West US - Not yet resolved", False),
        ("Networking - West US - Partially mitigated", False),
        ("Resolved in North Europe. Impact continues in West Europe", False),
        ("Resolved issue is back - West US - Investigating", False),
        ("Issues connecting to resources in West US", False),
    ],
)
def test_an_item_of_azure_is_over_only_if_its_last_clause_says_so(title: str, over: bool) -> None:  # noqa: FBT001 - a column of the table
    assert (the_event("azure", azure(azure_item(title))).state is EventState.ENDED) is over


@pytest.mark.parametrize(
    ("provider", "raw"),
    [
        pytest.param("aws", aws(aws_event("workspaces")), id="desktops"),
        pytest.param("gcp", gcp(gcp_incident("us-central1", products=("Vertex Gemini API",))), id="a model's API"),
        pytest.param("azure", azure(azure_item("Issues in Sweden Central", "Azure OpenAI")), id="a model's API, Azure"),
    ],
)
def test_an_event_of_a_service_on_which_no_cluster_stands_names_none(provider: str, raw: bytes) -> None:
    assert the_event(provider, raw).service == ""


def test_the_products_of_an_incident_count_and_not_its_service_name() -> None:
    incident = gcp_incident("us-central1", products=("AlloyDB", "Google Kubernetes Engine"))
    assert the_event("gcp", gcp(incident)).service == "Google Kubernetes Engine"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param("0", "Ended", id="it has ended"),
        pytest.param(0, "Ended", id="it has ended, as a number"),
        pytest.param("1", "Disruption", id="the first word of it"),
        pytest.param(3, "Outage", id="an outage, as a number"),
    ],
)
def test_the_states_of_aws_are_words_or_numbers(status: object, state: str) -> None:
    assert the_event("aws", aws(aws_event(status=status))).state == state


def test_a_title_becomes_one_short_line() -> None:
    title = "A\x1b[31m\n\r\x00\u202e\ud800 B" + " very" * 1000
    event = the_event("aws", aws(aws_event(summary=title)))
    assert event.title.startswith("A [31m B very very")
    assert (len(event.title) <= 200, event.title.isprintable()) == (True, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(raw=st.binary(max_size=200))
@settings(max_examples=200)
def test_no_bytes_crash_a_reader(raw: bytes) -> None:
    for source in SOURCES.values():
        assert isinstance(source.read(raw), FeedReading | FeedProblem)


@pytest.mark.parametrize(
    ("provider", "write", "whole"),
    [pytest.param("aws", aws, aws_event(), id="aws"), pytest.param("gcp", gcp, gcp_incident("us-east1"), id="gcp")],
)
@given(data=st.data())
@settings(max_examples=150)
def test_no_value_of_any_field_crashes_a_reader(
    provider: str, write: Callable[..., bytes], whole: dict[str, object], data: st.DataObject
) -> None:
    field = data.draw(st.sampled_from(sorted(whole)))
    entry = {**whole, field: data.draw(JSON), "a field never seen": 1}
    assert isinstance(SOURCES[provider].read(write(entry)), FeedReading | FeedProblem)
