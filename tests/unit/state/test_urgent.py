"""Whose turn comes first while many wait."""

from __future__ import annotations

from tests.unit.state.manifests import a_copy, a_store, a_workload, placed

from tradewind.model.health import Judgement, Verdict
from tradewind.model.workload import Key


def test_urgent_is_what_wants_a_place_and_what_has_left_a_copy_where_a_cluster_returns() -> None:
    lost = Judgement(Verdict.DOWN, "ReadsSilent", "")
    names = ("new", "settled", "fled", "stranded")
    where = {"settled": "aws", "fled": "aws", "stranded": "onprem"}
    works = [a_workload(name, status=placed(where[name]) if name in where else None) for name in names]
    store = a_store("aws", "gcp", "onprem", workloads=tuple(works))
    keys = {name: Key("research", name) for name in names}
    store.clusters["onprem"].health = lost
    held = store.clusters["gcp"].member
    assert held is not None
    held.copy_sinks["Job"].replace([a_copy("fled")])
    assert store.urgent(keys.values()) == {keys["new"], keys["stranded"]}
    store.clusters["gcp"].health = Judgement(Verdict.RECOVERING, "Recovering", "")
    assert store.urgent(keys.values()) == {keys["new"], keys["stranded"], keys["fled"]}
