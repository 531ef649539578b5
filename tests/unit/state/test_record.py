"""A workload's record, to and from its status: what is written is all that survives a restart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.api.workload_status import WorkloadStatus
from tradewind.model.placement import CopyState, Finished, Move, Placement, Record
from tradewind.model.workload import Market
from tradewind.state.record import iso, record_fields, record_from, seconds_of, usd

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
SECONDS = st.integers(1, 4_000_000_000_000_000).map(lambda micros: micros / 1e6)
WHOLE = st.integers(0, 2**31)
USD = st.integers(0, 10**12).map(lambda units: units / 10_000)
PLACEMENTS = st.builds(
    Placement,
    cluster=NAMES,
    offer=NAMES,
    market=st.sampled_from(Market),
    replicas=WHOLE,
    epoch=WHOLE,
    generation=WHOLE,
    state=st.sampled_from(CopyState),
    since_s=SECONDS,
    usd_total=USD,
    usd_per_hour=USD,
    running_since_s=st.just(0.0) | SECONDS,
    sources=st.dictionaries(NAMES, NAMES, max_size=3).map(lambda found: tuple(sorted(found.items()))),
)
MOVES = st.builds(
    Move,
    from_cluster=NAMES,
    to_cluster=st.just("") | NAMES,
    reason=NAMES,
    epoch=WHOLE,
    detected_s=SECONDS,
    decided_s=SECONDS,
    delivered_s=st.just(0.0) | SECONDS,
    running_s=st.just(0.0) | SECONDS,
    saving_usd=USD,
    lost_s=st.integers(0, 10**9).map(lambda each: each / 1000),
    lost_usd=USD,
)
ENDS = st.builds(
    Finished, cluster=NAMES, epoch=WHOLE, succeeded=st.booleans(), at_s=SECONDS, message=st.text(max_size=256)
)
RECORDS = st.builds(
    Record,
    epoch=WHOLE,
    placements=st.lists(PLACEMENTS, max_size=2, unique_by=lambda place: place.cluster).map(tuple),
    moves=st.lists(MOVES, max_size=5).map(tuple),
    finished=st.none() | ENDS,
    adopted_uid=st.just("") | NAMES,
    done=st.integers(0, 1_000_000).map(lambda parts: parts / 1_000_000),
) | st.builds(Record, epoch=WHOLE, spent_usd=USD, settled_s=SECONDS)


def close(before: Record, after: Record) -> bool:
    """Compare records, times by the microsecond."""
    return record_fields(before) == record_fields(after)


@given(record=RECORDS)
def test_what_is_written_is_read_back(record: Record) -> None:
    again = record_from(record_fields(record))
    assert close(record, again)
    assert (again.epoch, again.adopted_uid) == (record.epoch, record.adopted_uid)
    assert [p.state for p in again.placements] == [p.state for p in record.placements]
    assert [p.sources for p in again.placements] == [p.sources for p in record.placements]


@given(record=RECORDS)
def test_reading_and_writing_again_changes_nothing(record: Record) -> None:
    """Else a fleet at rest would write for ever."""
    once = record_from(record_fields(record))
    assert record_from(record_fields(once)) == once


@given(record=RECORDS)
def test_what_is_written_is_what_the_schema_allows(record: Record) -> None:
    fields = {key: value for key, value in record_fields(record).items() if value is not None}
    WorkloadStatus.model_validate({**fields, "decisions": []})


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=True) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("cluster", "offer", "market", "replicas", "epoch", "generation", "state", "since", "totalUSD", "result", "at")
ITEMS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8)


@given(
    status=st.fixed_dictionaries(
        {},
        optional={
            "epoch": JSON,
            "placements": JSON | st.lists(ITEMS | JSON, max_size=3),
            "moves": JSON | st.lists(ITEMS | JSON, max_size=3),
            "finished": JSON | ITEMS,
            "adoptedUID": JSON,
        },
    )
)
@settings(max_examples=150)
def test_whatever_is_malformed_counts_as_not_recorded(status: dict[str, Any]) -> None:
    record_fields(record_from(status))


def test_a_malformed_place_does_not_hide_the_others() -> None:
    good = {"cluster": "aws", "epoch": 2, "state": "Running"}
    record = record_from({"epoch": 2, "placements": [{"cluster": "gcp", "state": "Dreaming"}, good]})
    assert [place.cluster for place in record.placements] == ["aws"]


def test_an_empty_status_is_an_empty_record() -> None:
    assert record_from({}) == Record()


def test_what_is_not_there_is_removed_by_a_merge_patch() -> None:
    fields = record_fields(Record())
    assert (fields["finished"], fields["adoptedUID"], fields["placements"], fields["moves"]) == (None, None, [], [])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01.500000Z", 1.5),
        ("2027-01-15T18:00:00Z", 1_800_036_000.0),
        ("2027-01-15T19:00:00+01:00", 1_800_036_000.0),
        ("", 0.0),
        (None, 0.0),
        ("yesterday", 0.0),
    ],
)
def test_times(text: str | None, seconds: float) -> None:
    assert seconds_of(text) == seconds


@given(seconds=SECONDS)
def test_a_time_is_read_as_it_was_written(seconds: float) -> None:
    assert seconds_of(iso(seconds)) == pytest.approx(seconds, abs=2e-6)


def test_amounts_have_four_decimals_and_no_exponent() -> None:
    assert (usd(0.0), usd(1e-9), usd(123456789.123456)) == ("0.0000", "0.0000", "123456789.1235")
