"""Clusters that change: what was refused for a property goes there once it is put right, and nothing else does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.lab.operator_fleet import SYSTEM
from tests.lab.operator_manifests import GROUP, H100, an_offer
from tests.lab.operator_waiting import until
from tests.lab.placement_facts import changed, refused
from tests.lab.placement_manifests import a_route, a_wish, http_routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.placement_fixtures"]


def on_aws(**constraints: object) -> Manifest:
    return {"constraints": {"providers": {"allow": ["aws"]}, **constraints}}


def with_offer(**more: Any) -> Manifest:
    """The offer of aws, put right, beside a narrow one that it had."""
    return {"offers": [an_offer("h100", H100, "2", **{"nodeBandwidth": "100G", **more})]}


WAITING: dict[str, tuple[Manifest, str, Manifest]] = {
    "certificate": (
        on_aws(certifications=["HDS"]),
        "CertificationMissing",
        {"spec": {"certifications": [{"name": "HDS"}]}},
    ),
    "renewal": (
        on_aws(certifications=["ISO27001"]),
        "CertificationExpired",
        {"spec": {"certifications": [{"name": "ISO27001", "validUntil": "2099-12-31"}]}},
    ),
    "encryption": (on_aws(encryption=["AtRest"]), "EncryptionMissing", {"spec": {"encryption": ["AtRest"]}}),
    "operator": (
        on_aws(operatorJurisdictions={"deny": ["US"]}),
        "OperatorJurisdictionDenied",
        {"spec": {"operatorJurisdictions": ["CH"]}},
    ),
    "country": (on_aws(jurisdictions={"allow": ["EU"]}), "JurisdictionDenied", {"spec": {"jurisdiction": "AT"}}),
    "tier": (on_aws(tiers=["Edge"]), "TierNotAllowed", {"spec": {"tier": "Edge"}}),
    "market": (on_aws(markets=["Reserved"]), "MarketNotAllowed", {"spec": with_offer(market="Reserved")}),
    "fabric": (
        {**on_aws(), "accelerators": {"anyOf": [H100], "interconnect": "RDMA"}},
        "InterconnectUnknown",
        {"spec": with_offer(interconnect="EFA")},
    ),
    "bandwidth": (
        {**on_aws(), "accelerators": {"anyOf": [H100], "minNodeBandwidth": "400G"}},
        "NodeBandwidthTooLow",
        {"spec": with_offer(nodeBandwidth="400G")},
    ),
    "price": (
        {**on_aws(), "budget": {"maxUSDPerHour": "1.5"}},
        "BudgetPerHourExceeded",
        {"spec": {"offers": [an_offer("h100", H100, "1.25")]}},
    ),
    "label": (
        on_aws(clusterSelector={"matchLabels": {"audited": "yes"}}),
        "ClusterNotSelected",
        {"metadata": {"labels": {"audited": "yes"}}},
    ),
}


def test_each_property_that_is_put_right_wakes_the_work_that_waited_for_it_and_no_other(market: Fleet) -> None:
    market.submit(*(a_wish(name, **spec) for name, (spec, _, _) in WAITING.items()))
    for name, (_, reason, _) in WAITING.items():
        market.until_reason(name, "Unschedulable")
        assert "aws/h100" in refused(market, name)[reason]["names"]
    as_it_was = market.hub.get("FederatedCluster", name="aws")
    waiting = set(WAITING)
    for name, (_, _, cure) in WAITING.items():
        try:
            market.hub.merge("FederatedCluster", "", "aws", cure)
            market.until_runs(name, "aws")
        finally:
            restore(market, as_it_was)
        waiting.discard(name)
        assert all(market.reason(each) == "Unschedulable" for each in waiting)
        assert [copy.cluster for each in waiting for copy in market.copies(each)] == []


def test_a_cordoned_cluster_gets_no_new_work_and_keeps_what_it_has(market: Fleet) -> None:
    market.submit(a_wish("before"))
    market.until_runs("before", "aws")
    [before] = market.copies("before")
    with changed(market, "aws", scheduling="Cordoned"):
        market.submit(a_wish("meanwhile"))
        market.until_runs("meanwhile", "gcp")
        assert refused(market, "meanwhile")["ClusterCordoned"]["names"] == ["aws/h100"]
        assert market.copies("before") == [before]
    market.submit(a_wish("afterwards"))
    market.until_runs("afterwards", "aws")
    assert market.copies("before") == [before]


def test_a_cluster_that_is_drained_gets_no_new_work(market: Fleet) -> None:
    with changed(market, "aws", scheduling="Draining"):
        market.submit(a_wish("meanwhile"))
        market.until_runs("meanwhile", "gcp")
        assert refused(market, "meanwhile")["ClusterDraining"]["names"] == ["aws/h100"]
    market.submit(a_wish("afterwards"))
    market.until_runs("afterwards", "aws")


def test_a_cluster_that_is_down_gets_no_new_work(market: Fleet) -> None:
    market.lab.cut("aws")
    market.until_verdict("aws", "Down")
    market.submit(a_wish("meanwhile"))
    market.until_runs("meanwhile", "gcp")
    group = refused(market, "meanwhile")["ClusterNotHealthy"]
    assert group["names"] == ["aws/h100"]
    assert "Down" in group["message"]
    market.lab.heal("aws")
    market.until_verdict("aws", "Healthy")
    market.submit(a_wish("afterwards"))
    market.until_runs("afterwards", "aws")


@pytest.fixture
def dark_regions(market: Fleet) -> Iterator[list[str]]:
    """Two more clusters of aws, each in a region of its own, whose addresses nobody answers at."""
    names = ["aws-dark-1", "aws-dark-2"]
    for name in names:
        market.put_kubeconfig(name, re.sub(r"server: .*", "server: https://127.0.0.1:1", market.kubeconfig("aws")))
        market.hub.create(
            {
                "apiVersion": GROUP,
                "kind": "FederatedCluster",
                "metadata": {"name": name},
                "spec": {
                    "provider": "aws",
                    "region": name,
                    "connection": {"kubeconfigSecretRef": {"name": name, "key": "kubeconfig"}},
                },
            }
        )
    yield names
    for name in names:
        market.hub.delete("FederatedCluster", "", name)
        market.hub.delete("Secret", SYSTEM, name)


def test_a_provider_that_is_failing_is_the_last_resort(market: Fleet, dark_regions: list[str]) -> None:
    for name in dark_regions:
        market.until_verdict(name, "Down")
    # It is healthy itself, and is tried out: a pod of our own is made there, runs, and goes.
    until("aws has been tried out", lambda: market.told_of("aws", "CanaryPassed"))
    until("nothing of that is left", lambda: not market.members["aws"].list("Pod", SYSTEM))
    market.submit(a_wish("free"), a_wish("bound", **on_aws()))
    market.until_runs("free", "gcp")
    group = refused(market, "free")["LastResort"]
    assert group["names"] == ["aws/h100"]
    assert "provider aws counts as failing: 2 of its 3 clusters are Down" in group["message"]
    # Nothing else can take this.
    market.until_runs("bound", "aws")

    for name in dark_regions:
        market.hub.delete("FederatedCluster", "", name)
    until("it is trusted again", lambda: goes_to_aws(market))


def test_work_goes_to_the_one_member_that_knows_its_kinds(market: Fleet) -> None:
    route = a_wish("shown", served=True, companions=[a_route("shown")])
    market.submit(route, a_wish("plain", served=True))
    market.until_runs("plain", "aws", kind="Deployment")
    market.until_reason("shown", "Unschedulable")
    group = refused(market, "shown")["KindNotInstalled"]
    assert "gateway.networking.k8s.io/v1/HTTPRoute" in group["message"]

    definition = http_routes()
    try:
        market.members["gcp"].create(definition)
        # Known within minutes; of a member that has been away, at once.
        market.lab.cut("gcp")
        market.until_verdict("gcp", "Suspect")
        market.lab.heal("gcp")
        market.until_runs("shown", "gcp", kind="Deployment")
        market.members["gcp"].get("HTTPRoute", market.namespace, "shown")
        market.delete("shown")
        market.until_gone("shown")
        # The member's garbage collector may not know the new kind yet; it is told to remove the route all the same.
        left = market.members["gcp"].find("HTTPRoute", market.namespace, "shown")
        assert left is None or "deletionTimestamp" in left["metadata"]
    finally:
        market.members["gcp"].delete("CustomResourceDefinition", "", definition["metadata"]["name"])


def test_a_namespaces_quota_sends_its_work_elsewhere_and_that_of_others_not(market: Fleet) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "accelerators"}}
    member = market.members["aws"]
    member.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": market.namespace}})
    member.create({**quota, "spec": {"hard": {"requests.nvidia.com/gpu": "1"}}}, market.namespace)
    until("the quota counts", lambda: member.get("ResourceQuota", market.namespace, "accelerators")["status"])

    market.submit(a_wish("first"))
    market.until_runs("first", "aws")
    market.submit(a_wish("second"), a_wish("bound", **on_aws()))
    market.until_runs("second", "gcp")
    market.until_reason("bound", "Unschedulable")
    group = refused(market, "second")["QuotaExceeded"]
    assert group["names"] == ["aws/h100"]
    assert "nvidia.com/gpu" in group["message"]
    # It was known before: nothing was tried there first.
    assert market.status("second")["epoch"] == 1

    member.delete("ResourceQuota", market.namespace, "accelerators")
    market.until_runs("bound", "aws")


def goes_to_aws(fleet: Fleet) -> bool:
    """Whether new work goes to aws by now; what went elsewhere is taken away again."""
    fleet.submit(a_wish("third"))
    fleet.until_reason("third", "Running")
    if fleet.copies("third", on=("aws",)):
        return True
    fleet.delete("third")
    fleet.until_gone("third")
    return False


def restore(fleet: Fleet, cluster: Manifest) -> None:
    """Give a FederatedCluster the spec and the labels that it had."""
    name, now = cluster["metadata"]["name"], fleet.hub.get("FederatedCluster", name=cluster["metadata"]["name"])
    spec = {key: cluster["spec"].get(key) for key in now["spec"].keys() | cluster["spec"].keys()}
    labels = {key: cluster["metadata"]["labels"].get(key) for key in now["metadata"]["labels"]}
    fleet.hub.merge("FederatedCluster", "", name, {"metadata": {"labels": labels}, "spec": spec})
