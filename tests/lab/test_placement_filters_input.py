"""Bad input to placement: it is named with its next step, and blocks no other work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_fleet import SYSTEM
from tests.lab.operator_waiting import until
from tests.lab.placement_facts import refused, until_seen
from tests.lab.placement_manifests import (
    A100,
    BOTH,
    PLACES,
    a_dataset,
    a_link,
    a_network_map,
    a_policy,
    a_wish,
    in_five_hours,
    reads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.placement_fixtures"]

LINKS = 5000
HEADER = "from,to,gbps,rtt_ms,egress_usd_per_gb"
EITHER: Manifest = {"accelerators": {"anyOf": BOTH}, "expectedRuntime": {"duration": "10h", "accelerator": A100}}


@pytest.fixture
def maps(market: Fleet) -> Iterator[list[str]]:
    """Names of NetworkMaps that a test makes; they go with it."""
    names: list[str] = []
    yield names
    for name in names:
        market.hub.delete("NetworkMap", "", name)


def test_a_gap_in_a_map_takes_a_pessimistic_default_that_is_shown(market: Fleet, maps: list[str]) -> None:
    maps.append("gaps")
    market.hub.create(a_network_map("gaps", {"from": "vault/one", "to": PLACES["gcp"], "bandwidth": "10G"}))
    until_seen(market, "NetworkMap", "gaps")
    market.submit(a_dataset("scans", "vault/one", size="1T"))
    market.submit(a_wish("reader", data=reads("scans"), constraints={"providers": {"allow": ["gcp"]}}))
    market.until_runs("reader", "gcp")
    [chosen] = [each for each in market.status("reader")["candidates"] if each["chosen"]]
    # Its bandwidth is known, and the price of egress is that of the default for another provider.
    assert (chosen["transferHours"], float(chosen["usd"]["egress"])) == ("0.222", 150)
    assert "link vault/one -> gcp/europe-west4: default $0.15/GB" in chosen["assumed"]


def test_a_link_counts_in_its_own_direction_only(market: Fleet, maps: list[str]) -> None:
    maps.append("one-way")
    market.hub.create(
        a_network_map("one-way", a_link("vault/two", PLACES["gcp"]), a_link(PLACES["gcp"], "vault/three"))
    )
    until_seen(market, "NetworkMap", "one-way")
    market.submit(a_dataset("outward", "vault/two", size="1T"), a_dataset("inward", "vault/three", size="1T"))
    market.submit(a_wish("follows", data=reads("outward")), a_wish("ignores", data=reads("inward")))
    market.until_runs("follows", "gcp")
    market.until_runs("ignores", "aws")
    assert any("vault/three" in each for each in market.status("ignores")["candidates"][0]["assumed"])


@pytest.mark.parametrize(
    ("wish", "reason", "link"),
    [
        pytest.param(
            {"data": reads("scans"), "deadline": {"time": in_five_hours(), "mode": "Require"}},
            "DeadlineMissed",
            a_link("vault/four", PLACES["gcp"]),
            id="to its data",
        ),
        pytest.param(
            {"network": {"clients": [{"location": "cdn/lisbon"}], "maxRoundTrip": "30ms"}},
            "RoundTripTooLong",
            a_link("cdn/lisbon", PLACES["gcp"], ms=10),
            id="to its clients",
        ),
    ],
)
def test_a_link_that_gets_known_wakes_the_work_that_waited_for_it(
    market: Fleet, maps: list[str], wish: Manifest, reason: str, link: Manifest
) -> None:
    market.submit(a_dataset("scans", "vault/four", size="10T"), a_wish("waits", **wish))
    market.until_reason("waits", "Unschedulable")
    assert refused(market, "waits")[reason]["count"] == 6
    maps.append("news")
    market.hub.create(a_network_map("news", link))
    market.until_runs("waits", "gcp")


def test_five_thousand_links_are_read_from_a_config_map(market: Fleet, maps: list[str]) -> None:
    rows = [f"vault/{number},vault/{number + 1},1,20,0.09" for number in range(LINKS - 1)]
    table = "\n".join([HEADER, *rows, f"vault/4711,{PLACES['gcp']},10,20,0"])
    maps.append("many")
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "many-links"}, "data": {"links.csv": table}}
    try:
        market.hub.create(config, SYSTEM)
        market.hub.create(a_network_map("many", csv=[{"name": "many-links", "key": "links.csv"}]))
        until("the map was read", lambda: said(market, "many")[0] == "True")
        assert market.hub.get("NetworkMap", name="many")["status"]["links"] == LINKS
        market.submit(a_dataset("scans", "vault/4711", size="1T"))
        market.submit(a_wish("reader", data=reads("scans")), a_wish("plain"))
        market.until_runs("reader", "gcp")
        market.until_runs("plain", "aws")

        # A row that can't be read: said with its line, and all else goes on.
        broken = table.replace("vault/7,vault/8,1,", "vault/7,vault/8,fast,")
        market.hub.merge("ConfigMap", SYSTEM, "many-links", {"data": {"links.csv": broken}})
        until("the map is refused", lambda: said(market, "many")[0] == "False")
        assert "links.csv line 9, gbps" in said(market, "many")[2]
        market.submit(a_wish("meanwhile"))
        market.until_runs("meanwhile", "aws")
    finally:
        market.hub.delete("ConfigMap", SYSTEM, "many-links")


def test_data_nowhere_near_is_dear_and_shown_or_refused_for_the_deadline(market: Fleet) -> None:
    market.submit(a_dataset("far", "moon/tranquility", size="20T"))
    late: Manifest = {"deadline": {"time": in_five_hours(), "mode": "Require"}}
    market.submit(a_wish("patient", data=reads("far")), a_wish("hasty", data=reads("far"), **late), a_wish("plain"))
    market.until_runs("plain", "aws")
    market.until_runs("patient", "aws")
    [chosen] = [each for each in market.status("patient")["candidates"] if each["chosen"]]
    assert float(chosen["usd"]["egress"]) == 3000
    assert float(chosen["transferHours"]) > 44
    assert any("moon/tranquility" in each for each in chosen["assumed"])

    market.until_reason("hasty", "Unschedulable")
    message = refused(market, "hasty")["DeadlineMissed"]["message"]
    assert "a replica of the data nearer by" in message
    assert not market.copies("hasty")


@pytest.mark.parametrize(
    ("constraints", "named", "not_named"),
    [
        pytest.param(
            {"jurisdictions": {"allow": ["EU"]}, "providers": {"allow": ["aws"]}, "tiers": ["Cloud", "OnPrem"]},
            ("constraints.jurisdictions", "constraints.providers"),
            ("constraints.tiers",),
            id="a provider without a place in the union",
        ),
        pytest.param(
            {"certifications": ["ENS-High"], "encryption": ["AtRest"], "providers": {"deny": ["azure"]}},
            ("constraints.certifications", "constraints.encryption"),
            ("constraints.providers",),
            id="a certificate and an encryption that no cluster has both",
        ),
        pytest.param(
            {"certifications": ["HDS"], "encryption": ["AtRest"], "markets": ["Spot"]},
            ("constraints.certifications",),
            ("constraints.encryption", "constraints.markets"),
            id="a certificate that no cluster has",
        ),
    ],
)
def test_constraints_that_contradict_each_other_are_named_and_no_others(
    market: Fleet, constraints: Manifest, named: tuple[str, ...], not_named: tuple[str, ...]
) -> None:
    market.submit(a_wish("impossible", constraints=constraints), a_wish("plain"))
    market.until_runs("plain", "aws")
    market.until_reason("impossible", "Unschedulable")
    message = market.message("impossible")
    assert all(each in message for each in named), message
    assert not any(each in message for each in not_named), message
    # Each way out of the contradiction is enough.
    market.change("impossible", {"constraints": {named[0].partition(".")[2]: None}})
    until("it runs", lambda: market.phase("impossible") == "Running")


def test_of_two_policies_the_one_that_the_work_names_counts(market: Fleet) -> None:
    market.submit(
        a_policy("default", prices={"usdPerDelayHour": "100"}), a_policy("calm", prices={"usdPerDelayHour": "0"})
    )
    until_seen(market, "PlacementPolicy", "default", market.namespace)
    market.submit(
        a_wish("by-default", **EITHER),
        a_wish("by-name", **EITHER, policyRef={"name": "calm"}),
        a_wish("by-mistake", policyRef={"name": "clam"}),
    )
    market.until_runs("by-default", "aws")
    market.until_runs("by-name", "gcp")
    hours = {name: market.status(name)["effective"]["usdPerDelayHour"] for name in ("by-default", "by-name")}
    assert {name: float(usd) for name, usd in hours.items()} == {"by-default": 100, "by-name": 0}
    market.until_reason("by-mistake", "PolicyNotFound")
    assert not market.copies("by-mistake")


def said(fleet: Fleet, name: str) -> tuple[str, str, str]:
    """The Ready condition of a NetworkMap: status, reason, message."""
    status = fleet.hub.get("NetworkMap", name=name)["status"]
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    return ready["status"], ready["reason"], ready["message"]
