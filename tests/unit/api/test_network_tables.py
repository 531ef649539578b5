"""NetworkMaps and their tables: who wins, what a gap means, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.api.convert import network_from, network_map_from
from tradewind.errors import InputError
from tradewind.model.network import Link, Network, NetworkDefaults, Place

HEADER = "from,to,gbps,rtt_ms,egress_usd_per_gb\n"
TABLE = {("links", "links.csv"): HEADER + "aws/a,gcp/b,4.5,30,0.09\ngcp/b,aws/a,,31,0.12\naws/a,aws/c,2.5,,\nx,y,,,\n"}


def network_map(name: str = "m", **spec: Any) -> dict[str, Any]:
    return {"kind": "NetworkMap", "metadata": {"name": name}, "spec": spec}


def joined(maps: list[dict[str, Any]], csv: dict[tuple[str, str], str]) -> Network:
    """Join maps that can be read whole."""
    found = [network_map_from(each, csv) for each in maps]
    for each in found:
        assert each.unread == ()
    return network_from(found)


FROM_TABLE = network_map(csv=[{"name": "links", "key": "links.csv"}])


def test_links_are_directed_in_gigabits_and_milliseconds() -> None:
    link = {"from": "aws/a", "to": "gcp/b", "bandwidth": "4710M", "roundTrip": "29ms", "egressUSDPerGB": "0.09"}
    expected = Network({("aws/a", "gcp/b"): Link(4.71, 0.09, round_trip_ms=29.0)})
    assert joined([network_map(links=[link])], {}) == expected


def test_no_maps_leave_the_defaults() -> None:
    assert joined([], {}) == Network()


def test_a_gap_takes_the_default_of_its_pair_and_says_so() -> None:
    links = joined([FROM_TABLE], TABLE).links
    assert links == {
        ("aws/a", "gcp/b"): Link(4.5, 0.09, "", 30.0),
        ("gcp/b", "aws/a"): Link(1.0, 0.12, "other bandwidth", 31.0),
        ("aws/a", "aws/c"): Link(2.5, 0.05, "sameProvider egress price and round trip", 100.0),
    }


def test_an_inline_figure_wins_over_the_table_and_leaves_the_other_one() -> None:
    inline = network_map(**FROM_TABLE["spec"], links=[{"from": "aws/a", "to": "gcp/b", "bandwidth": "10G"}])
    assert joined([inline], TABLE).links["aws/a", "gcp/b"] == Link(10.0, 0.09, "", 30.0)


def test_maps_are_read_in_the_order_of_their_names_and_later_ones_win() -> None:
    def one(name: str, bandwidth: str) -> dict[str, Any]:
        return network_map(name, links=[{"from": "a", "to": "b", "bandwidth": bandwidth, "egressUSDPerGB": "0"}])

    for maps in ([one("a", "1G"), one("b", "2G")], [one("b", "2G"), one("a", "1G")]):
        assert joined(maps, {}).links["a", "b"] == Link(2.0, 0.0, "other round trip")


def test_an_inline_link_wins_over_the_table_of_a_later_map() -> None:
    inline = network_map("a", links=[{"from": "aws/a", "to": "gcp/b", "bandwidth": "10G", "egressUSDPerGB": "0"}])
    later = {**FROM_TABLE, "metadata": {"name": "z"}}
    assert joined([later, inline], TABLE).links["aws/a", "gcp/b"] == Link(10.0, 0.0, "", 30.0)


def test_defaults_can_be_set_one_by_one() -> None:
    said = {
        "other": {"egressUSDPerGB": "0.2"},
        "sameRegion": {"bandwidth": "100G"},
        "sameProvider": {"roundTrip": "80ms"},
    }
    assert joined([network_map(defaults=said)], {}).defaults == NetworkDefaults(
        same_region=Link(100.0, 0.0, "sameRegion", 1.0),
        same_provider=Link(4.0, 0.05, "sameProvider", 80.0),
        other=Link(1.0, 0.2, "other", 250.0),
    )


def test_a_location_has_the_law_that_the_last_map_gives_it() -> None:
    def one(name: str, **law: Any) -> dict[str, Any]:
        return network_map(name, locations=[{"location": "aws/eu-north-1", **law}])

    maps = [one("b", jurisdiction="SE", operatorJurisdictions=["US"]), one("a", jurisdiction="NO")]
    assert joined(maps, {}).places == {"aws/eu-north-1": Place("SE", frozenset({"US"}))}


def test_five_thousand_links_are_read_within_a_second_one_way_and_with_gaps() -> None:
    places = [f"p{index % 4}/r{index}" for index in range(72)]
    pairs = [(here, there) for here in places for there in places if here < there or here[1] == "0"]
    rows = [
        f"{here},{there},{'' if index % 7 == 0 else 2.5},{index % 300},0.05\n"
        for index, (here, there) in enumerate(pairs)
    ]
    text = HEADER + "".join(rows) * 2
    links = joined([FROM_TABLE], {("links", "links.csv"): text}).links
    assert len(links) == len(set(pairs)) > 2500
    assert ("p1/r1", "p2/r2") in links
    assert ("p2/r2", "p1/r1") not in links


def test_columns_may_stand_in_any_order_and_the_round_trip_may_be_missing() -> None:
    text = "\ufeffegress_usd_per_gb, gbps ,to,from\r\n0.02,10,b,a\r\n\r\n"
    assert joined([FROM_TABLE], {("links", "links.csv"): text}).links == {
        ("a", "b"): Link(10.0, 0.02, "other round trip")
    }


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        pytest.param("", "links.csv line 1", "the header lacks from, to, gbps, egress_usd_per_gb", id="an empty table"),
        pytest.param("from,to,gbps\n", "links.csv line 1", "lacks egress_usd_per_gb", id="a column is missing"),
        pytest.param(
            HEADER.replace("gbps", "gbs"), "links.csv line 1", 'unknown column "gbs"; did you mean "gbps"?', id="a typo"
        ),
        pytest.param(
            "from,to,gbps,gbps,egress_usd_per_gb\n",
            "links.csv line 1",
            '"gbps" is there more than once',
            id="one twice",
        ),
        pytest.param(HEADER + "a,b,1\n", "links.csv line 2", "has 3 columns, and the header has 5", id="a short row"),
        pytest.param(
            HEADER + "a,b,1,2,3\na,c,x,2,3\n", "links.csv line 3, gbps", '"x" is no number that is zero', id="a word"
        ),
        pytest.param(
            HEADER + "a,b,1,2,-3\n", "links.csv line 2, egress_usd_per_gb", '"-3" is no number', id="a negative price"
        ),
        pytest.param(HEADER + "a,b,nan,2,3\n", "links.csv line 2, gbps", '"nan" is no number', id="no number"),
        pytest.param(
            HEADER + "a,b,1,inf,3\n", "links.csv line 2, rtt_ms", '"inf" is no number', id="an endless round trip"
        ),
        pytest.param(HEADER + "a,b,0,2,3\n", "links.csv line 2, gbps", "must be more than 0", id="no bandwidth"),
        pytest.param(HEADER + ",b,1,2,3\n", "links.csv line 2", "from and to are required", id="no start"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(text: str, field: str, message: str) -> None:
    [error] = network_map_from(FROM_TABLE, {("links", "links.csv"): text}).unread
    assert (error.source, error.field) == ("ConfigMap/links", field)
    assert message in error.detail


@pytest.mark.parametrize("bad", ["a,c,x,2,3\n", "a,c\n", ",c,1,2,3\n", "a,c,0,2,3\n"])
def test_a_bad_row_costs_no_other_row(bad: str) -> None:
    text = HEADER + "a,b,1,2,3\n" + bad + "a,d,1,2,3\n"
    found = network_map_from(FROM_TABLE, {("links", "links.csv"): text})
    assert set(network_from([found]).links) == {("a", "b"), ("a", "d")}
    assert [error.field.partition(",")[0] for error in found.unread] == ["links.csv line 3"]


def test_a_missing_table_costs_no_inline_link() -> None:
    both = network_map(links=[{"from": "a", "to": "b", "bandwidth": "1G"}], csv=[{"name": "links", "key": "links.csv"}])
    found = network_map_from(both, {})
    assert set(network_from([found]).links) == {("a", "b")}
    assert [error.field for error in found.unread] == ["spec.csv[0]"]


def test_a_link_that_the_table_has_too_counts_once() -> None:
    links = [{"from": "aws/a", "to": "gcp/b", "bandwidth": "10G"}, {"from": "p", "to": "q", "bandwidth": "1G"}]
    assert network_map_from(network_map(**FROM_TABLE["spec"], links=links), TABLE).links == 4


def test_joining_changes_no_map_that_was_read() -> None:
    inline = network_map("a", links=[{"from": "aws/a", "to": "gcp/b", "bandwidth": "10G"}])
    found = [network_map_from(each, TABLE) for each in (FROM_TABLE, inline)]
    assert network_from(found).links["aws/a", "gcp/b"].gbps == 10.0
    assert network_from(found[:1]).links["aws/a", "gcp/b"].gbps == 4.5


def test_more_links_than_fit_inline_belong_into_tables() -> None:
    links = [{"from": "a", "to": f"b{index}", "bandwidth": "1G"} for index in range(257)]
    with pytest.raises(InputError) as caught:
        network_map_from(network_map(links=links), {})
    assert caught.value.field == "spec.links"
    assert caught.value.detail.startswith("has 257, and 256 is the most; put more into ConfigMaps")


def test_a_table_that_is_not_there_is_named_with_its_map() -> None:
    [error] = network_map_from(FROM_TABLE, {}).unread
    assert (error.source, error.field) == ("NetworkMap/m", "spec.csv[0]")
    assert 'no ConfigMap "links" with a key "links.csv"' in error.detail
