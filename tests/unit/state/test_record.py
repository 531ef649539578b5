from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tradewind.model.placement import CopyState, Finished, Move, Placement, Record
from tradewind.model.workload import Market
from tradewind.state.record import iso, record_fields, record_from, seconds_of

NAMES = st.text("abcdefghij-", min_size=1, max_size=20)
# Status holds microseconds and four decimals; what is finer is not kept.
TIMES = st.integers(min_value=1, max_value=4_000_000_000_000_000).map(lambda micros: micros / 1e6)
AMOUNTS = st.integers(min_value=0, max_value=10**12).map(lambda tenths: tenths / 1e4)
COUNTS = st.integers(min_value=0, max_value=10_000)

PLACEMENTS = st.builds(
    Placement,
    cluster=NAMES,
    offer=NAMES,
    market=st.sampled_from(Market),
    replicas=COUNTS,
    epoch=COUNTS,
    generation=COUNTS,
    state=st.sampled_from(CopyState),
    since_s=TIMES,
    usd_total=AMOUNTS,
)
MOVES = st.builds(
    Move,
    from_cluster=NAMES,
    to_cluster=NAMES,
    reason=NAMES,
    epoch=COUNTS,
    detected_s=TIMES,
    decided_s=TIMES,
    delivered_s=TIMES | st.just(0.0),
    running_s=TIMES | st.just(0.0),
)
ENDS = st.builds(Finished, cluster=NAMES, epoch=COUNTS, succeeded=st.booleans(), at_s=TIMES, message=NAMES)
RECORDS = st.builds(
    Record,
    epoch=COUNTS,
    placements=st.lists(PLACEMENTS, max_size=2).map(tuple),
    moves=st.lists(MOVES, max_size=5).map(tuple),
    finished=ENDS | st.none(),
    adopted_uid=NAMES | st.just(""),
)


@given(record=RECORDS)
def test_what_is_written_into_a_status_is_read_back_by_the_next_operator(record: Record) -> None:
    assert record_from(json.loads(json.dumps(record_fields(record)))) == record


def test_a_status_that_holds_nothing_is_an_empty_record() -> None:
    assert record_from({}) == Record()


def test_a_time_that_nobody_can_read_counts_as_not_recorded() -> None:
    assert seconds_of("yesterday") == 0.0
    assert seconds_of(None) == 0.0


def test_times_are_written_as_kubernetes_writes_micro_times() -> None:
    assert iso(1_700_000_000.25) == "2023-11-14T22:13:20.250000Z"
