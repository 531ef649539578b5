"""Filters of what connects things: fabrics, bandwidth, round trips; and of what a member knows."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest
from tests.builders import a_cluster, a_workload, an_ask, an_offer
from tests.unit.placement.asking import answer, reason

from tradewind.model.network import Link, Network
from tradewind.model.plan import Ask, Conditions, Wake
from tradewind.model.workload import Client, Interconnect, Spread
from tradewind.placement.filters.bandwidth import FastEnough
from tradewind.placement.filters.interconnect import Connected
from tradewind.placement.filters.kinds import KnowsKinds
from tradewind.placement.filters.round_trip import NearClients

RDMA, EFA = Interconnect.RDMA, Interconnect.EFA


@pytest.mark.parametrize(
    ("wanted", "has", "expected"),
    [
        pytest.param(None, None, None, id="without a wish any fabric will do"),
        pytest.param(EFA, EFA, None, id="the fabric that is wanted"),
        pytest.param(EFA, Interconnect.ROCE, "InterconnectMismatch", id="another RDMA fabric is another fabric"),
        pytest.param(RDMA, EFA, None, id="RDMA accepts EFA"),
        pytest.param(RDMA, Interconnect.INFINIBAND, None, id="RDMA accepts InfiniBand"),
        pytest.param(RDMA, Interconnect.ROCE, None, id="RDMA accepts RoCE"),
        pytest.param(RDMA, Interconnect.ANDROMEDA, "InterconnectMismatch", id="Andromeda has no RDMA"),
        pytest.param(RDMA, Interconnect.NVLINK, "InterconnectMismatch", id="an NVLink domain is no network"),
        pytest.param(EFA, None, "InterconnectUnknown", id="what nobody has said is refused"),
    ],
)
def test_interconnect(wanted: Interconnect | None, has: Interconnect | None, expected: str | None) -> None:
    ask = an_ask(replace(a_workload(), interconnect=wanted))
    assert reason(answer(Connected(), ask, offer=replace(an_offer(), interconnect=has))) == expected


def test_a_wish_for_a_fabric_is_a_wish_for_a_single_pod_too() -> None:
    ask = an_ask(replace(a_workload(pods=1), interconnect=RDMA))
    refusal = answer(Connected(), ask)
    assert refusal is not None
    assert refusal.message == (
        "the work needs RDMA (EFA, InfiniBand, RoCE), and nobody has said what connects the offer's nodes: "
        "set its interconnect"
    )


@pytest.mark.parametrize(
    ("wanted", "has", "expected"),
    [
        pytest.param(0.0, 0.0, None, id="without a wish nobody needs to say it"),
        pytest.param(400.0, 400.0, None, id="just enough"),
        pytest.param(400.0, 3200.0, None, id="more than enough"),
        pytest.param(400.0, 100.0, "NodeBandwidthTooLow", id="too little"),
        pytest.param(400.0, 0.0, "NodeBandwidthUnknown", id="what nobody has said is refused"),
        pytest.param(400.0, nan, "NodeBandwidthUnknown", id="no number is no bandwidth"),
    ],
)
def test_node_bandwidth(wanted: float, has: float, expected: str | None) -> None:
    ask = an_ask(replace(a_workload(), min_node_gbps=wanted))
    refusal = answer(FastEnough(), ask, offer=replace(an_offer(), node_gbps=has))
    assert reason(refusal) == expected
    assert refusal is None or "400 Gbit/s per node" in refusal.message


NEAR, FAR, UNKNOWN = "gcp/europe-west4", "aws/us-east-1", "azure/uksouth"
HERE = "aws/eu-north-1"
LINKS = Network(
    {
        (NEAR, HERE): Link(5.0, 0.0, round_trip_ms=29.0),
        (FAR, HERE): Link(5.0, 0.0, round_trip_ms=110.0),
        ("shop", HERE): Link(5.0, 0.0, "other round trip", 250.0),
        ("cafe", HERE): Link(5.0, 0.0, "other bandwidth", 45.0),
    }
)


def serving(*clients: str, limit_ms: float | None = 60.0, clusters: int = 1) -> Ask:
    work = replace(
        a_workload(),
        clients=tuple(Client(one, 1.0) for one in clients),
        max_round_trip_ms=limit_ms,
        spread=Spread(clusters=clusters),
    )
    return an_ask(work)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        pytest.param(serving(FAR, limit_ms=None), None, id="without a limit clients may be anywhere"),
        pytest.param(serving(), None, id="without clients there is nothing to measure"),
        pytest.param(serving(NEAR), None, id="a client that is near"),
        pytest.param(serving(NEAR, limit_ms=29.0), None, id="just within the limit"),
        pytest.param(
            serving(NEAR, FAR),
            "aws/us-east-1 is 110 ms away: more than the 60 ms that every client may be away",
            id="one client is too far away",
        ),
        pytest.param(serving(NEAR, FAR, clusters=2), None, id="on several clusters one near client is enough"),
        pytest.param(
            serving(FAR, clusters=2),
            "aws/us-east-1 is 110 ms away: more than the 60 ms that any client may be away",
            id="on several clusters some client must be near",
        ),
        pytest.param(
            serving(UNKNOWN),
            "azure/uksouth is 250 ms away (default other: no NetworkMap says it): "
            "more than the 60 ms that every client may be away",
            id="a link that nobody has measured counts as its default, and is named",
        ),
        pytest.param(
            serving("shop"),
            "shop is 250 ms away (default other: no NetworkMap says it): "
            "more than the 60 ms that every client may be away",
            id="so does a link without a round trip",
        ),
        pytest.param(
            serving("cafe", limit_ms=40.0),
            "cafe is 45 ms away: more than the 40 ms that every client may be away",
            id="a round trip that was given is no default, though the bandwidth is one",
        ),
    ],
)
def test_round_trip(ask: Ask, words: str | None) -> None:
    refusal = answer(NearClients(), ask, conditions=Conditions(LINKS))
    assert (refusal.message if refusal else None) == words
    assert refusal is None or (refusal.reason, refusal.wakes_on) == ("RoundTripTooLong", Wake.PRICE)


@pytest.mark.parametrize(
    ("wanted", "known", "words"),
    [
        pytest.param((), ("batch/v1/Job",), None, id="without kinds nothing is needed"),
        pytest.param(("batch/v1/Job",), ("batch/v1/Job", "v1/Pod"), None, id="the member knows it"),
        pytest.param(("x/v1/JobSet",), None, None, id="what has not been read is not held against it"),
        pytest.param(
            ("batch/v1/Job", "x/v1/JobSet", "x/v1/A"),
            ("batch/v1/Job",),
            "the member does not know x/v1/A, x/v1/JobSet: install it",
            id="all that is missing is named",
        ),
    ],
)
def test_kinds(wanted: tuple[str, ...], known: tuple[str, ...] | None, words: str | None) -> None:
    ask = an_ask(replace(a_workload(), kinds=frozenset(wanted)))
    cluster = replace(a_cluster(), kinds=None if known is None else frozenset(known))
    refusal = answer(KnowsKinds(), ask, cluster=cluster)
    assert (refusal.message if refusal else None) == words
    assert refusal is None or refusal.reason == "KindNotInstalled"
