"""A member's API server answers, and what is behind it does not work: new work goes elsewhere, what runs stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee, only_on
from tests.lab.operator_waiting import throughout, until

from tradewind.lab.kubeapi import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_audit import Audit
    from tests.lab.operator_fleet import Fleet

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
NO_LAUNCH_S = 60
"""For so long nothing must be launched: the one time that no policy shortens."""
JOBS = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}


def test_where_nothing_is_launched_no_new_work_goes_and_what_runs_stays(fleet: Fleet, audit: Audit) -> None:
    fleet.submit(a_job("runs", **guarantee("AtLeastOnce")))
    fleet.until_runs("runs", "aws")
    [before] = fleet.copies("runs")
    for component in ("controller-manager", "scheduler"):
        fleet.lab.kill("aws", component=component)
    fleet.submit(a_job("accepted", **guarantee("AtLeastOnce")))
    until("it has been accepted", lambda: fleet.copies("accepted", on=("aws",)))
    fleet.until_verdict("aws", "Degraded", within_s=2 * NO_LAUNCH_S)
    assert fleet.cluster_reason("aws") == "CannotLaunch"
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "gcp")
    assert fleet.copies("runs") == [before]

    fleet.lab.resume("aws")
    fleet.until_verdict("aws", "Healthy")
    fleet.until_runs("accepted", "aws")
    assert fleet.copies("runs") == [before]
    assert fleet.status("runs")["moves"] == fleet.status("accepted")["moves"] == []
    assert set(audit.most.values()) == {1}


def test_a_storm_of_429_is_a_sign_of_life_and_moves_nothing(fleet: Fleet, audit: Audit) -> None:
    fleet.submit(a_job("runs", **guarantee("AtLeastOnce")))
    fleet.until_runs("runs", "aws")
    [before] = fleet.copies("runs")
    fleet.mark()
    fleet.lab.cut("aws", mode="answer", status=429)
    # Reads are answered, if only with that; but what takes no write takes no work.
    until("aws takes no writes", lambda: fleet.cluster_reason("aws") == "WritesFail")
    assert fleet.verdict("aws") == "Degraded"
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "gcp")
    throughout("nothing is lost", lambda: fleet.verdict("aws") == "Degraded", for_s=6)
    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    # Only there: until aws has been listed again, work that may go elsewhere does.
    fleet.submit(a_job("later", **only_on("aws")))
    fleet.until_runs("later", "aws")
    assert fleet.copies("runs") == [before]
    assert fleet.status("runs")["moves"] == []
    assert fleet.made() == {"new": 1, "later": 1}
    assert set(audit.most.values()) == {1}


@pytest.fixture
def a_policy_that_refuses(fleet: Fleet) -> Iterator[None]:
    """On aws, an admission policy that lets no Job in, as a webhook would."""
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "no-jobs"}}
    rule = {"expression": "false", "message": "jobs need an approval here", "reason": "Forbidden"}
    spec = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [JOBS]}, "validations": [rule]}
    server = fleet.members["aws"].server
    server.create(POLICIES, {**kind, "kind": "ValidatingAdmissionPolicy", "spec": spec})
    spec = {"policyName": "no-jobs", "validationActions": ["Deny"]}
    server.create(BINDINGS, {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": spec})
    yield
    server.delete(f"{BINDINGS}/no-jobs")
    server.delete(f"{POLICIES}/no-jobs")


@pytest.mark.usefixtures("a_policy_that_refuses")
def test_work_that_a_members_rules_refuse_goes_elsewhere_and_says_why(fleet: Fleet) -> None:
    until_refused(fleet, "jobs need an approval here")
    fleet.submit(a_job("free"), a_job("bound", **only_on("aws")))
    fleet.until_runs("free", "gcp", epoch=2)
    fleet.until_reason("bound", "Unschedulable")
    for name in ("free", "bound"):
        refused = {group["reason"]: group for group in fleet.status(name)["refused"]}
        assert "jobs need an approval here" in refused["RefusedByMember"]["message"]
    assert fleet.verdict("aws") == "Healthy"


@pytest.fixture
def a_dead_webhook(fleet: Fleet) -> Iterator[None]:
    """On aws, a webhook for Jobs that nobody answers at, without which none is let in."""
    hook = {
        "name": "jobs.example.org",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [JOBS],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    server = fleet.members["aws"].server
    server.create(HOOKS, {**body, "metadata": {"name": "dead"}, "webhooks": [hook]})
    yield
    server.delete(f"{HOOKS}/dead")


@pytest.mark.usefixtures("a_dead_webhook")
def test_work_that_a_members_dead_webhook_keeps_out_goes_elsewhere(fleet: Fleet, audit: Audit) -> None:
    until_refused(fleet, "failed calling webhook")
    fleet.submit(a_job("free"))
    fleet.until_runs("free", "gcp", epoch=2, within_s=45)
    assert "failed calling webhook" in str(fleet.status("free")["refused"])
    assert set(audit.most.values()) == {1}


def until_refused(fleet: Fleet, words: str) -> None:
    """Wait until the API server of aws has taken up a rule of admission, which takes it a moment."""
    server, namespace = fleet.members["aws"].server, "default"
    container = {"name": "x", "image": "x"}
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}, "suspend": True}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "trial"}, "spec": spec}

    def refused() -> bool:
        try:
            server.create(f"/apis/batch/v1/namespaces/{namespace}/jobs?dryRun=All", body)
        except ApiError as error:
            return words in str(error)
        return False

    until("jobs are refused", refused)
