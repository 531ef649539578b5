"""NetworkMaps and their tables as they come and go; and what no one can read."""

from __future__ import annotations

from typing import Any

from tradewind.state.maps import NetworkMaps

Manifest = dict[str, Any]
LINK = {"from": "aws/a", "to": "gcp/b", "bandwidth": "10G", "egressUSDPerGB": "0.09"}


def some_maps() -> tuple[NetworkMaps, dict[tuple[str, str], str]]:
    problems: dict[tuple[str, str], str] = {}
    return NetworkMaps(problems), problems


def a_map(name: str = "measured", **spec: Any) -> Manifest:
    return {"metadata": {"name": name, "uid": name}, "spec": spec}


def test_maps_come_and_go() -> None:
    maps, _ = some_maps()
    maps.see(a_map(links=[LINK]), deleted=False)
    assert set(maps.network.links) == {("aws/a", "gcp/b")}
    maps.see(a_map(), deleted=True)
    assert maps.network.links == {}


def test_a_map_that_can_not_be_read_leaves_the_others_in_force() -> None:
    maps, problems = some_maps()
    maps.see(a_map("good", links=[LINK]), deleted=False)
    maps.see(a_map("bad", links=[{"from": "x"}]), deleted=False)
    assert set(maps.network.links) == {("aws/a", "gcp/b")}
    assert list(problems) == [("NetworkMap", "bad")]
    assert maps.links == {"good": 1}


def test_a_bad_row_of_a_table_is_told_and_all_other_rows_are_in_force() -> None:
    maps, problems = some_maps()
    maps.see(a_map(csv=[{"name": "links", "key": "links.csv"}]), deleted=False)
    text = "from,to,gbps,rtt_ms,egress_usd_per_gb\naws/a,gcp/b,10,20,0.09\naws/a,gcp/c,ten,20,0.09\naws/a,gcp/d\n"
    maps.see_tables([{"metadata": {"name": "links"}, "data": {"links.csv": text}}])
    assert set(maps.network.links) == {("aws/a", "gcp/b")}
    problem = problems["NetworkMap", "measured"]
    assert "line 3, gbps" in problem
    assert problem.endswith("(and 1 more like it; all else counts)")


def test_tables_are_read_when_they_come() -> None:
    maps, problems = some_maps()
    maps.see(a_map(csv=[{"name": "links", "key": "links.csv"}]), deleted=False)
    assert ("NetworkMap", "measured") in problems
    text = "from,to,gbps,rtt_ms,egress_usd_per_gb\naws/a,gcp/b,10,20,0.09\n"
    maps.see_tables([{"metadata": {"name": "links"}, "data": {"links.csv": text}}, {"metadata": {"name": "other"}}])
    assert problems == {}
    assert set(maps.network.links) == {("aws/a", "gcp/b")}
