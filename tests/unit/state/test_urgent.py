"""Whose turn comes first while many wait."""

from __future__ import annotations

from dataclasses import replace

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
    returning = store.clusters["gcp"]
    returning.health = Judgement(Verdict.RECOVERING, "Recovering", "")
    returning.evidence = replace(returning.evidence, answering_since_s=1.0)
    assert store.urgent(keys.values()) == {keys["new"], keys["stranded"], keys["fled"]}


def test_what_has_left_a_copy_where_nobody_answers_is_not_urgent() -> None:
    # Else the status of each that has fled would be written before those that still flee are moved.
    store = a_store("aws", "gcp", workloads=(a_workload("fled", status=placed("aws")),))
    lost = store.clusters["gcp"]
    assert lost.member is not None
    lost.member.copy_sinks["Job"].replace([a_copy("fled")])
    lost.health = Judgement(Verdict.DOWN, "ApiServerSilent", "")
    lost.evidence = replace(lost.evidence, answering_since_s=None)
    assert store.urgent([Key("research", "fled")]) == set()
