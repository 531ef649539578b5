"""Every filter changes which cluster really gets the work: one wish each, all submitted at once, awaited one by one.

Work without a wish goes to aws, the cheapest; each of these would go there too if its filter were not.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_lab import a_namespace
from tests.lab.operator_manifests import H100, job_template
from tests.lab.operator_waiting import until
from tests.lab.placement_facts import refused
from tests.lab.placement_manifests import A100, BOTH, ZURICH, a_dataset, a_policy, a_wish, in_five_hours, reads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.placement_fixtures"]


@dataclass(frozen=True)
class Row:
    """A wish, where the work must go for it, and why not elsewhere.

    Attributes:
        goes_to: cluster/offer.
        refused: by reason, an offer that must be among those that are refused for it.
    """

    goes_to: str
    refused: dict[str, str] = field(default_factory=dict)
    spec: Manifest = field(default_factory=dict)


def constrained(goes_to: str, refused: dict[str, str], **constraints: object) -> Row:
    return Row(goes_to, refused, {"constraints": constraints})


def connected(goes_to: str, refused: dict[str, str], **wish: str) -> Row:
    return Row(goes_to, refused, {"accelerators": {"anyOf": [H100], **wish}})


def either(goes_to: str, refused: dict[str, str] | None = None, *, hurried: bool = False, **spec: object) -> Row:
    """Work for A100 or H100, ten hours on the former: there it costs less, and on the latter it is done sooner."""
    policy = {"policyRef": {"name": "hurried"}} if hurried else {}
    runtime = {"duration": "10h", "accelerator": A100}
    return Row(
        goes_to,
        refused or {},
        {"accelerators": {"anyOf": BOTH}, "expectedRuntime": runtime, **policy, **spec},
    )


def pods(count: int, accelerators: int) -> Manifest:
    """A Job of so many pods at once."""
    template = job_template(accelerators)
    template["spec"] |= {"parallelism": count, "completions": count}
    return template


ROWS: dict[str, Row] = {
    "no-wish": Row("aws/h100"),
    "type": Row("gcp/a100", {"AcceleratorMismatch": "aws/h100"}, {"accelerators": {"anyOf": [A100]}}),
    "two-on-each-of-four": Row("gcp/a100", {}, {"accelerators": {"anyOf": [A100]}, "template": pods(4, 2)}),
    "eight-on-one": Row(
        "onprem/a100", {"InsufficientCapacity": "gcp/a100"}, {"accelerators": {"anyOf": [A100]}, "template": pods(1, 8)}
    ),
    "market": constrained("gcp/h100-spot", {"MarketNotAllowed": "aws/h100"}, markets=["Spot"]),
    "fabric": connected("gcp/h100", {"InterconnectUnknown": "aws/h100"}, interconnect="Andromeda"),
    "rdma": connected(
        "onprem/h100", {"InterconnectUnknown": "aws/h100", "InterconnectMismatch": "gcp/h100"}, interconnect="RDMA"
    ),
    "bandwidth": connected("gcp/h100", {"NodeBandwidthTooLow": "aws/h100"}, minNodeBandwidth="800G"),
    "bandwidth-of-aws": connected("aws/h100", {}, minNodeBandwidth="100G"),
    "round-trip": Row(
        "gcp/h100-spot",
        {"RoundTripTooLong": "aws/h100"},
        {"network": {"clients": [{"location": ZURICH}], "maxRoundTrip": "30ms"}},
    ),
    "union": constrained("gcp/h100-spot", {"JurisdictionDenied": "aws/h100"}, jurisdictions={"allow": ["EU"]}),
    "not-swiss": constrained("gcp/h100-spot", {"JurisdictionDenied": "aws/h100"}, jurisdictions={"deny": ["CH"]}),
    "country": constrained("onprem/h100", {"JurisdictionDenied": "gcp/h100-spot"}, jurisdictions={"allow": ["ES"]}),
    "operators": constrained(
        "onprem/h100", {"OperatorJurisdictionDenied": "aws/h100"}, operatorJurisdictions={"deny": ["US"]}
    ),
    "own-operators": constrained(
        "onprem/h100", {"OperatorJurisdictionDenied": "gcp/h100-spot"}, operatorJurisdictions={"allow": ["EU"]}
    ),
    "bound-data": Row("gcp/h100-spot", {"ResidencyDenied": "aws/h100"}, {"data": reads("patients")}),
    "free-data": Row("aws/h100", {}, {"data": reads("pictures")}),
    "data-of-own-operators": Row("onprem/h100", {"ResidencyDenied": "gcp/h100-spot"}, {"data": reads("secrets")}),
    "certificate-expired": constrained(
        "gcp/h100-spot",
        {"CertificationExpired": "aws/h100", "CertificationMissing": "onprem/h100"},
        certifications=["ISO27001"],
    ),
    "certificate-missing": constrained(
        "gcp/h100-spot", {"CertificationMissing": "aws/h100"}, certifications=["ISO27001", "SOC2"]
    ),
    "certificate-of-onprem": constrained(
        "onprem/h100", {"CertificationMissing": "gcp/h100-spot"}, certifications=["ENS-High"]
    ),
    "at-rest": constrained("gcp/h100-spot", {"EncryptionMissing": "aws/h100"}, encryption=["AtRest"]),
    "in-transit": constrained("aws/h100", {"EncryptionMissing": "onprem/h100"}, encryption=["InTransit"]),
    "provider-allowed": constrained("onprem/h100", {"ProviderDenied": "aws/h100"}, providers={"allow": ["onprem"]}),
    "provider-denied": constrained("gcp/h100-spot", {"ProviderDenied": "aws/h100"}, providers={"deny": ["aws"]}),
    "labels": constrained(
        "gcp/h100-spot", {"ClusterNotSelected": "aws/h100"}, clusterSelector={"matchLabels": {"env": "prod"}}
    ),
    "tier": constrained("onprem/h100", {"TierNotAllowed": "aws/h100"}, tiers=["OnPrem", "Edge"]),
    "either": either("gcp/a100"),
    "deadline": either(
        "aws/h100", {"DeadlineMissed": "gcp/a100"}, deadline={"time": in_five_hours(), "mode": "Require"}
    ),
    "hurried": either("aws/h100", hurried=True),
    "hurried-per-hour": either(
        "gcp/a100", {"BudgetPerHourExceeded": "aws/h100"}, hurried=True, budget={"maxUSDPerHour": "1"}
    ),
    "hurried-in-all": either(
        "gcp/a100", {"BudgetTotalExceeded": "aws/h100"}, hurried=True, budget={"maxTotalUSD": "6"}
    ),
}
SERVED = {"round-trip"}
"""Those that are Deployments."""


@pytest.fixture(scope="module")
def submitted(the_placement_fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """All rows, submitted at once, in a namespace of theirs."""
    with a_namespace(copy(the_placement_fleet), request.node.name) as fleet:
        fleet.submit(
            a_policy("hurried", prices={"usdPerDelayHour": "100"}),
            a_dataset("patients", "gcp/europe-west4", residency={"jurisdictions": ["EU"]}),
            a_dataset("secrets", "gcp/europe-west4", residency={"operatorJurisdictions": ["EU"]}),
            a_dataset("pictures", "gcp/europe-west4"),
        )
        fleet.submit(*(a_wish(name, served=name in SERVED, **row.spec) for name, row in ROWS.items()))
        yield fleet


@pytest.mark.parametrize("name", ROWS)
def test_a_wish_changes_which_cluster_gets_the_work(submitted: Fleet, name: str) -> None:
    row, kind = ROWS[name], "Deployment" if name in SERVED else "Job"
    cluster, _, offer = row.goes_to.partition("/")
    submitted.until_runs(name, cluster, kind=kind)
    assert [copy.cluster for copy in submitted.copies(name, kind=kind)] == [cluster]
    assert submitted.status(name)["placements"][0]["offer"] == offer
    pods = pods_of(submitted, cluster, name)
    assert {node_pool(submitted, cluster, pod) for pod in pods} == {offer}

    found = refused(submitted, name)
    for reason, where in row.refused.items():
        assert where in found[reason]["names"], found
        assert len(found[reason]["message"]) > 20
    assert row.goes_to not in {each for group in found.values() for each in group["names"]}


def test_the_pods_ask_for_the_market_by_the_offers_patch(submitted: Fleet) -> None:
    submitted.until_runs("market", "gcp")
    [pod] = pods_of(submitted, "gcp", "market")
    assert pod["spec"]["nodeSelector"] == {"pool": "h100-spot", "market": "spot"}
    assert {"key": "spot", "operator": "Exists", "effect": "NoSchedule"} in pod["spec"]["tolerations"]
    assert pod["metadata"]["annotations"]["example.org/reclaimable"] == "yes"
    node = submitted.members["gcp"].get("Node", name=pod["spec"]["nodeName"])
    assert [taint["key"] for taint in node["spec"]["taints"]] == ["spot"]


def test_work_for_eight_on_one_node_is_told_that_four_nodes_of_two_are_too_small(submitted: Fleet) -> None:
    submitted.until_runs("eight-on-one", "onprem")
    submitted.until_runs("two-on-each-of-four", "gcp")
    message = refused(submitted, "eight-on-one")["InsufficientCapacity"]["message"]
    assert message.startswith("needs 1 pod x 8 A100-80GB; fits 0")
    nodes = {pod["spec"]["nodeName"] for pod in pods_of(submitted, "gcp", "two-on-each-of-four")}
    assert len(nodes) == 4


def test_all_that_was_asked_for_is_placed(submitted: Fleet) -> None:
    until(
        "all of it runs",
        lambda: all(
            (each.get("status") or {}).get("phase") == "Running"
            for each in submitted.hub.list("AIWorkload", submitted.namespace)
        ),
    )
    assert "Traceback" not in submitted.operator.log()


def pods_of(fleet: Fleet, cluster: str, name: str) -> list[Manifest]:
    """The pods of a workload's copy that are not on their way out."""
    return [
        pod
        for pod in fleet.members[cluster].list("Pod", fleet.namespace)
        if pod["metadata"]["labels"].get("tradewind.dev/workload") == name
        and "deletionTimestamp" not in pod["metadata"]
    ]


def node_pool(fleet: Fleet, cluster: str, pod: Manifest) -> str:
    """The pool of the node that a pod is really on."""
    return str(fleet.members[cluster].get("Node", name=pod["spec"]["nodeName"])["metadata"]["labels"]["pool"])
