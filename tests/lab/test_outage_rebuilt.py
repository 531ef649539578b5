"""A member is lost with all its data, and another one answers under its name and address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from tests.lab.operator_audit import Audit
    from tests.lab.operator_fleet import Fleet

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]


def test_a_member_that_is_rebuilt_empty_is_a_lost_one_until_a_person_says_that_the_old_one_is_off(
    fleet: Fleet, audit: Audit
) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")), a_job("once"), a_job("done", run_for="1s"))
    fleet.until_runs("often", "aws")
    fleet.until_runs("once", "aws")
    until("it has succeeded", lambda: fleet.phase("done") == "Succeeded")
    finished = fleet.status("done")["finished"]
    old = fleet.hub.get("FederatedCluster", name="aws")["status"]["clusterUID"]

    new = fleet.lab.rebuild("aws")
    until("it is found out", lambda: fleet.cluster_reason("aws") == "ClusterRebuilt", within_s=45)
    assert fleet.verdict("aws") == "Degraded"
    assert fleet.hub.get("FederatedCluster", name="aws")["status"]["clusterUID"] == old != new
    fleet.until_runs("often", "gcp", epoch=2)
    # An empty list of the new one proves nothing about the old one.
    fleet.until_reason("once", "OldCopyMayRun")
    assert fleet.copies("once") == []
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "gcp")

    fleet.redeclare("aws")
    fleet.until_verdict("aws", "Healthy")
    assert fleet.hub.get("FederatedCluster", name="aws")["status"]["clusterUID"] == new
    until("it starts anew", lambda: fleet.phase("once") == "Running" and fleet.status("once")["epoch"] == 2)
    assert len(fleet.copies("once")) == 1
    assert [copy.cluster for copy in fleet.copies("often")] == ["gcp"]
    # The record of a success outlives the cluster that it happened on.
    assert fleet.copies("done") == []
    assert fleet.status("done")["finished"] == finished
    assert audit.most["once"] == 1
