"""Regions and providers that count as failing: one cluster convicts nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.builders import DOWN, HEALTHY, a_cluster

from tradewind.model.health import Judgement, Verdict
from tradewind.outage.domains import convict, marked

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster

SUSPECT = Judgement(Verdict.SUSPECT, "ApiServerSilent", "")
NODES_LOST = Judgement(Verdict.DEGRADED, "NodesNotReady", "", nodes_lost=True)


def fleet(*rows: tuple[str, str, Judgement]) -> list[Cluster]:
    return [
        a_cluster(f"c{number}", provider=provider, region=region, health=health)
        for number, (provider, region, health) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("clusters", "convicted"),
    [
        pytest.param([], set(), id="no fleet, no conviction"),
        pytest.param(
            fleet(("aws", "eu", DOWN)), set(), id="one cluster convicts nothing, though it is its whole region"
        ),
        pytest.param(
            fleet(("aws", "eu", DOWN), ("aws", "eu", DOWN), ("gcp", "eu", HEALTHY)),
            {"c0", "c1"},
            id="two clusters of a region, and all of them",
        ),
        pytest.param(
            fleet(("aws", "eu", DOWN), ("aws", "eu", DOWN), ("aws", "eu", SUSPECT)),
            set(),
            id="one cluster of the region may still be there",
        ),
        pytest.param(
            fleet(("aws", "eu", DOWN), ("aws", "eu", DOWN), ("aws", "us", HEALTHY)),
            {"c0", "c1"},
            id="one region does not convict its provider",
        ),
        pytest.param(
            fleet(("aws", "eu", DOWN), ("aws", "us", DOWN), ("aws", "ap", HEALTHY), ("gcp", "eu", HEALTHY)),
            {"c0", "c1", "c2"},
            id="two regions and two thirds convict a provider, with the cluster that is healthy",
        ),
        pytest.param(
            fleet(("aws", "eu", DOWN), ("aws", "us", DOWN), ("aws", "ap", HEALTHY), ("aws", "sa", HEALTHY)),
            set(),
            id="half of a provider is not two thirds",
        ),
        pytest.param(
            fleet(("aws", "eu", DOWN), ("aws", "eu", HEALTHY), ("aws", "us", DOWN), ("aws", "us", DOWN)),
            {"c2", "c3"},
            id="a region with a healthy cluster is not dark",
        ),
        pytest.param(
            fleet(("aws", "eu", DOWN), ("gcp", "eu", DOWN), ("azure", "eu", DOWN)),
            set(),
            id="regions of the same name at different providers are different",
        ),
        pytest.param(
            fleet(("aws", "eu", NODES_LOST), ("aws", "eu", NODES_LOST)),
            set(),
            id="an API server that answers is not Down",
        ),
    ],
)
def test_domains_are_convicted_by_the_verdicts_on_their_clusters(clusters: list[Cluster], convicted: set[str]) -> None:
    assert set(convict(clusters)) == convicted
    assert [one.name for one in marked(clusters) if one.convicted] == sorted(convicted)


def test_a_conviction_says_what_it_rests_on() -> None:
    region = fleet(("aws", "eu", DOWN), ("aws", "eu", DOWN))
    assert convict(region)["c0"] == "region aws/eu counts as failing: all 2 of its clusters are Down"
    provider = fleet(("aws", "eu", DOWN), ("aws", "us", DOWN), ("aws", "ap", HEALTHY))
    assert convict(provider)["c2"] == (
        "provider aws counts as failing: 2 of its 3 clusters are Down, and 2 regions with all of theirs"
    )


def test_what_has_been_convicted_is_acquitted_when_a_cluster_returns() -> None:
    before = marked(fleet(("aws", "eu", DOWN), ("aws", "eu", DOWN)))
    assert all(one.convicted for one in before)
    after = [replace(before[0]), replace(before[1], health=HEALTHY)]
    assert not any(one.convicted for one in marked(after))
