"""Data and law draw work: a replica that appears, a Dataset that comes late, a certificate that is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import guarantee
from tests.lab.operator_waiting import until
from tests.lab.placement_facts import changed, refused
from tests.lab.placement_manifests import PLACES, a_dataset, a_network_map, a_wish, reads

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.placement_fixtures"]

ON_GCP_OR_ONPREM: Manifest = {"providers": {"allow": ["gcp", "onprem"]}}


def test_a_replica_in_another_region_draws_the_next_work_there(market: Fleet) -> None:
    market.submit(a_dataset("scans", PLACES["onprem"], size="20T"))
    market.submit(a_wish("first", data=reads("scans")))
    market.until_runs("first", "onprem")
    first = market.copies("first"), pod_uids(market, "onprem", "first")
    # By the given link: 20,000 GB at 0.02 USD, and 10 Gbit/s for them.
    there = candidate(market, "first", "gcp")
    assert (float(there["usd"]["egress"]), there["transferHours"]) == (400, "4.444")

    replicas = [{"location": PLACES[name], "url": f"s3://scans-{name}"} for name in ("onprem", "gcp")]
    market.hub.merge("Dataset", market.namespace, "scans", {"spec": {"replicas": replicas}})
    until("new work goes there", lambda: next_goes_to(market, "gcp"))
    assert float(candidate(market, "next", "gcp")["usd"]["egress"]) == 0
    assert (
        environment(market, "gcp", "next").items()
        >= {
            "TRADEWIND_DATA_SCANS_LOCATION": PLACES["gcp"],
            "TRADEWIND_DATA_SCANS_URL": "s3://scans-gcp",
        }.items()
    )
    # Its data is there, and a dollar less is no reason to move.
    assert (market.copies("first"), pod_uids(market, "onprem", "first")) == first


def test_work_waits_for_a_dataset_and_for_leave_to_read_it(market: Fleet) -> None:
    elsewhere = f"{market.namespace}-owner"[-63:].strip("-")
    market.hub.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}})
    market.submit(
        a_wish("early", data=reads("scans")),
        a_wish("guest", data=[{"name": "scans", "datasetRef": {"namespace": elsewhere, "name": "scans"}}]),
        a_wish("plain"),
    )
    market.until_runs("plain", "aws")
    market.until_reason("early", "DatasetNotFound")
    market.until_reason("guest", "DatasetNotShared")
    assert f"Dataset scans, which is not in namespace {market.namespace}" in market.message("early")

    market.submit(a_dataset("scans", PLACES["gcp"], residency={"jurisdictions": ["NL"]}))
    market.until_runs("early", "gcp")
    market.hub.create(a_dataset("scans", PLACES["gcp"]), elsewhere)
    assert "sharedWith" in market.message("guest")
    shared = {"spec": {"sharedWith": {"namespaces": [market.namespace]}}}
    market.hub.merge("Dataset", elsewhere, "scans", shared)
    market.until_runs("guest", "aws")
    market.hub.delete("Dataset", elsewhere, "scans")


def test_a_checkpoint_may_not_be_written_where_the_law_of_the_work_does_not_hold(market: Fleet) -> None:
    market.submit(a_dataset("patients", PLACES["gcp"], residency={"jurisdictions": ["EU"]}))
    ohio = {"size": "10G", "interval": "10m", "locations": ["aws/us-east-2"]}
    nowhere = ohio | {"locations": ["s3/somewhere"]}
    market.submit(
        a_wish("bound", constraints={"jurisdictions": {"allow": ["EU"]}}, checkpoint=ohio),
        a_wish("bound-data", data=reads("patients"), checkpoint=ohio),
        a_wish("unknown", constraints={"jurisdictions": {"allow": ["EU"]}}, checkpoint=nowhere),
        a_wish("free", checkpoint=ohio),
    )
    market.until_runs("free", "aws")
    for name, reason in (
        ("bound", "WrittenOutsideLaw"),
        ("bound-data", "WrittenOutsideLaw"),
        ("unknown", "WrittenWhereLawIsUnknown"),
    ):
        market.until_reason(name, "Unschedulable")
        assert refused(market, name)[reason]["count"] == 6
        assert not market.copies(name)
    assert "data patients" in refused(market, "bound-data")["WrittenOutsideLaw"]["message"]

    market.hub.create(a_network_map("law", locations=[{"location": "s3/somewhere", "jurisdiction": "ES"}]))
    try:
        market.until_runs("unknown", "gcp")
    finally:
        market.hub.delete("NetworkMap", "", "law")
    for name in ("bound", "bound-data"):
        market.change(name, {"checkpoint": {"locations": [PLACES["onprem"]]}})
        market.until_runs(name, "gcp")


def test_a_lost_certificate_sends_away_the_work_that_needs_it_and_no_other(market: Fleet) -> None:
    both = ["ISO27001", "SOC2"]
    with changed(market, "onprem", certifications=[{"name": name} for name in both]):
        market.submit(
            a_wish("regulated", constraints={**ON_GCP_OR_ONPREM, "certifications": both}),
            a_wish("half", constraints={**ON_GCP_OR_ONPREM, "certifications": ["ISO27001"]}),
            a_wish("plain", constraints=ON_GCP_OR_ONPREM),
        )
        for name in ("regulated", "half", "plain"):
            market.until_runs(name, "gcp")
        stay = {name: (market.copies(name), pod_uids(market, "gcp", name)) for name in ("half", "plain")}
        market.mark()

        with changed(market, "gcp", certifications=[{"name": "ISO27001", "validUntil": "2099-12-31"}]):
            market.until_runs("regulated", "onprem", epoch=2)
            assert [copy.cluster for copy in market.copies("regulated")] == ["onprem"]
            assert "gcp/h100-spot" in refused(market, "regulated")["CertificationMissing"]["names"]
            notes = [each["note"] for each in market.events("regulated") if each["reason"] == "CertificationMissing"]
            assert notes == ["Leaves gcp: the cluster lacks SOC2: see spec.certifications"]
            assert {name: (market.copies(name), pod_uids(market, "gcp", name)) for name in stay} == stay
            assert market.made() == {"regulated": 1}
            market.submit(a_wish("later", constraints={**ON_GCP_OR_ONPREM, "certifications": both}))
            market.until_runs("later", "onprem")
        # It has come back, and the work has not: nothing forbids where it is now.
        market.submit(a_wish("again", constraints={**ON_GCP_OR_ONPREM, "certifications": both}))
        market.until_runs("again", "gcp")
        assert [copy.cluster for copy in market.copies("regulated")] == ["onprem"]


def test_work_that_no_other_place_may_take_stops_where_the_law_no_longer_holds(market: Fleet) -> None:
    market.submit(a_wish("regulated", constraints={"certifications": ["SOC2"]}), a_wish("plain"))
    market.until_runs("regulated", "gcp")
    market.until_runs("plain", "aws")
    with changed(market, "gcp", certifications=[]):
        until("it has left", lambda: not market.copies("regulated"))
        market.until_reason("regulated", "Unschedulable")
        assert "CertificationMissing" in refused(market, "regulated")
        assert market.status("regulated")["placements"] == []
    market.until_runs("regulated", "gcp", epoch=2)


def test_a_dataset_whose_law_is_tightened_sends_its_readers_away_and_no_other(market: Fleet) -> None:
    market.submit(a_dataset("scans", PLACES["gcp"], residency={"jurisdictions": ["CH", "EU"]}))
    market.submit(a_wish("reader", data=reads("scans")), a_wish("plain"))
    for name in ("reader", "plain"):
        market.until_runs(name, "aws")
    plain = market.copies("plain"), pod_uids(market, "aws", "plain")
    market.hub.merge("Dataset", market.namespace, "scans", {"spec": {"residency": {"jurisdictions": ["EU"]}}})
    market.until_runs("reader", "gcp", epoch=2)
    assert [copy.cluster for copy in market.copies("reader")] == ["gcp"]
    assert "ResidencyDenied" in {each["reason"] for each in market.events("reader")}
    assert (market.copies("plain"), pod_uids(market, "aws", "plain")) == plain


def test_work_that_runs_stays_when_its_dataset_goes(market: Fleet) -> None:
    market.submit(a_dataset("scans", PLACES["gcp"], residency={"jurisdictions": ["NL"]}))
    market.submit(a_wish("reader", data=reads("scans")))
    market.until_runs("reader", "gcp")
    before = market.copies("reader"), pod_uids(market, "gcp", "reader")
    market.hub.delete("Dataset", market.namespace, "scans")
    market.until_reason("reader", "DatasetNotFound")
    market.submit(a_wish("later", data=reads("scans")))
    market.until_reason("later", "DatasetNotFound")
    assert (market.copies("reader"), pod_uids(market, "gcp", "reader")) == before

    market.submit(a_dataset("scans", PLACES["gcp"], residency={"jurisdictions": ["NL"]}))
    market.until_reason("reader", "Running")
    market.until_runs("later", "gcp")
    assert (market.copies("reader"), pod_uids(market, "gcp", "reader")) == before


def test_law_holds_when_work_flees_an_outage(market: Fleet) -> None:
    # The cheapest place would be aws, which is free and in Switzerland.
    market.submit(
        a_wish("union", constraints={"jurisdictions": {"allow": ["EU"]}}, **guarantee("AtLeastOnce")),
        a_wish("audited", constraints={"certifications": ["SOC2"]}, **guarantee("AtLeastOnce")),
    )
    for name in ("union", "audited"):
        market.until_runs(name, "gcp")
    market.lab.cut("gcp")
    market.until_runs("union", "onprem", epoch=2)
    market.until_reason("audited", "Unschedulable")
    assert "CertificationMissing" in refused(market, "audited")
    assert market.copies("audited", on=("aws", "onprem")) == []
    market.lab.heal("gcp")
    market.until_runs("audited", "gcp")
    until("one copy is left", lambda: [copy.cluster for copy in market.copies("union")] == ["onprem"])


def test_what_is_lost_with_a_place_holds_the_work_that_needs_it(market: Fleet) -> None:
    here, twice = [PLACES["onprem"]], [PLACES["onprem"], PLACES["gcp"]]
    market.submit(a_dataset("here", *here), a_dataset("twice", *twice))
    with changed(market, "aws", scheduling="Cordoned"):
        market.submit(*(a_runner(name, places) for name, places in (("saved-here", here), ("saved-twice", twice))))
        for name in ("saved-here", "saved-twice"):
            market.until_runs(name, "onprem")
    market.lab.cut("onprem")
    market.until_runs("saved-twice", "aws", epoch=2)
    market.until_reason("saved-here", "CheckpointUnreadable")
    assert refused(market, "saved-here")["CheckpointUnreadable"]["message"].startswith(
        "its checkpoint can't be read now: onprem/madrid is lost"
    )
    market.submit(a_wish("reads-here", data=reads("here")), a_wish("reads-twice", data=reads("twice")))
    market.until_runs("reads-twice", "aws")
    market.until_reason("reads-here", "Unschedulable")
    assert "DataUnreadable" in refused(market, "reads-here")

    market.lab.heal("onprem")
    market.until_runs("reads-here", "aws")
    market.until_runs("saved-here", "onprem")
    until("one copy is left", lambda: [copy.cluster for copy in market.copies("saved-twice")] == ["aws"])


def a_runner(name: str, checkpoints: list[str]) -> Manifest:
    """Work that may run on aws and onprem, and go on from a small checkpoint of the second before."""
    checkpoint = {"size": "1M", "interval": "1s", "locations": checkpoints}
    constraints = {"providers": {"deny": ["gcp"]}}
    return a_wish(name, constraints=constraints, checkpoint=checkpoint, **guarantee("AtLeastOnce"))


def next_goes_to(fleet: Fleet, cluster: str) -> bool:
    """Whether new work that reads the scans goes there by now; what went elsewhere is taken away again."""
    fleet.submit(a_wish("next", data=reads("scans")))
    fleet.until_reason("next", "Running")
    if fleet.copies("next", on=(cluster,)):
        return True
    fleet.delete("next")
    fleet.until_gone("next")
    return False


def candidate(fleet: Fleet, name: str, cluster: str) -> Manifest:
    """The best priced offer of a cluster, as a workload's status has it."""
    candidates: list[Manifest] = fleet.status(name)["candidates"]
    return next(each for each in candidates if each["cluster"] == cluster)


def environment(fleet: Fleet, cluster: str, name: str) -> Manifest:
    """What the first container of a workload's pods on a cluster finds in its environment."""
    (pod,) = (
        one
        for one in fleet.members[cluster].list("Pod", fleet.namespace)
        if one["metadata"]["labels"].get("tradewind.dev/workload") == name
    )
    return {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}


def pod_uids(fleet: Fleet, cluster: str, name: str) -> set[str]:
    """The pods of a workload's copy."""
    pods = fleet.members[cluster].list("Pod", fleet.namespace)
    return {p["metadata"]["uid"] for p in pods if p["metadata"]["labels"].get("tradewind.dev/workload") == name}
