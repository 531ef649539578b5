"""A member dies, hangs or is cut off: what may move does, what must not waits, and its return leaves one copy each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.lab.operator_manifests import a_job, a_service, guarantee, only_on
from tests.lab.operator_waiting import throughout, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.operator_fleet import Fleet

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

OTHERS = ("gcp", "onprem")


@pytest.mark.parametrize(
    ("break_it", "mend_it"),
    [
        pytest.param(lambda lab: lab.kill("aws"), lambda lab: lab.resume("aws"), id="killed"),
        pytest.param(lambda lab: lab.pause("aws"), lambda lab: lab.resume("aws"), id="hung"),
        pytest.param(lambda lab: lab.cut("aws"), lambda lab: lab.heal("aws"), id="cut off"),
    ],
)
def test_of_a_lost_cluster_what_may_run_twice_moves_and_the_rest_waits(
    fleet: Fleet, break_it: Callable[..., object], mend_it: Callable[..., object]
) -> None:
    fleet.submit(a_job("once"), a_job("freed"), a_job("ends", run_for="10s"))
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")), a_service("chat"))
    for name in ("once", "freed", "ends", "often"):
        fleet.until_runs(name, "aws")
    fleet.until_runs("chat", "aws", kind="Deployment")
    [once] = fleet.copies("once")

    break_it(fleet.lab)
    fleet.until_verdict("aws", "Down")
    fleet.until_runs("often", "gcp", epoch=2)
    fleet.until_runs("chat", "gcp", epoch=2, kind="Deployment")
    move = fleet.status("often")["moves"][0]
    assert (move["fromCluster"], move["toCluster"], move["epoch"]) == ("aws", "gcp", 2)
    assert move["detectedAt"] <= move["decidedAt"] <= move["deliveredAt"] <= move["runningAt"]
    for name in ("once", "freed"):
        fleet.until_reason(name, "OldCopyMayRun")
        assert fleet.copies(name, on=OTHERS) == []
    # The way out for work that waits, and for a person who knows that the old copy is gone.
    fleet.change("freed", guarantee("AtLeastOnce"))
    fleet.until_runs("freed", "gcp", epoch=2)

    mend_it(fleet.lab)
    fleet.until_verdict("aws", "Recovering")
    fleet.until_verdict("aws", "Healthy")
    # What was stale had to go first.
    assert [copy.cluster for name in ("often", "freed") for copy in fleet.copies(name)] == ["gcp", "gcp"]
    assert [copy.cluster for copy in fleet.copies("chat", kind="Deployment")] == ["gcp"]
    fleet.until_runs("once", "aws")
    assert fleet.copies("once") == [once]
    until("what has ended there is known", lambda: fleet.phase("ends") == "Succeeded")
    assert fleet.status("ends")["epoch"] == 1


def test_work_leaves_a_cluster_whose_nodes_are_all_gone(fleet: Fleet) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")), a_job("once"))
    fleet.until_runs("often", "aws")
    fleet.until_runs("once", "aws")
    fleet.lab.kill("aws", component="nodes", now=True)
    until("aws is Degraded", lambda: fleet.cluster_reason("aws") == "NodesNotReady")
    fleet.until_verdict("aws", "Degraded")
    fleet.until_runs("often", "gcp", epoch=2)
    fleet.until_reason("once", "OldCopyMayRun")
    fleet.lab.resume("aws")
    fleet.until_runs("once", "aws")
    until("one copy is left", lambda: [c.cluster for c in fleet.copies("often")] == ["gcp"])


def test_a_silence_shorter_than_the_patience_moves_nothing(fleet: Fleet) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("often", "aws")
    [before] = fleet.copies("often")
    for _ in range(2):
        fleet.lab.cut("aws")
        fleet.until_verdict("aws", "Suspect")
        fleet.lab.heal("aws")
        fleet.until_verdict("aws", "Healthy")
    assert fleet.copies("often") == [before]
    assert (fleet.status("often")["epoch"], fleet.status("often")["moves"]) == (1, [])


def test_a_hub_that_reaches_no_member_moves_nothing(fleet: Fleet) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("often", "aws")
    [before] = fleet.copies("often")
    for member in fleet.members:
        fleet.lab.cut(member)
    for member in fleet.members:
        until(f"{member} is taken for unreachable", partial(_is_isolated, fleet, member))
    throughout("nobody is declared Down", lambda: _nobody_is_down(fleet), for_s=8)

    for member in fleet.members:
        fleet.lab.heal(member)
    for member in fleet.members:
        fleet.until_verdict(member, "Healthy")
    assert fleet.copies("often") == [before]
    fleet.submit(a_job("later"))
    fleet.until_runs("later", "aws")


def test_bad_credentials_move_nothing(fleet: Fleet) -> None:
    fleet.submit(
        a_job("here", **guarantee("AtLeastOnce")), a_job("there", **guarantee("AtLeastOnce"), **only_on("gcp"))
    )
    fleet.until_runs("here", "aws")
    fleet.until_runs("there", "gcp")
    before = fleet.copies("here"), fleet.copies("there")
    aws, gcp = fleet.kubeconfig("aws"), fleet.kubeconfig("gcp")
    try:
        fleet.put_kubeconfig("aws", _with_user(aws, {"token": "garbage"}))
        fleet.put_kubeconfig("gcp", gcp[: len(gcp) // 2])
        fleet.until_verdict("aws", "CredentialsInvalid")
        until("gcp's Secret is at fault", lambda: fleet.cluster_reason("gcp") == "KubeconfigInvalid")
        throughout("all stays", lambda: (fleet.copies("here"), fleet.copies("there")) == before, for_s=8)
    finally:
        fleet.put_kubeconfig("aws", aws)
        fleet.put_kubeconfig("gcp", gcp)
    fleet.until_verdict("aws", "Healthy")
    fleet.until_verdict("gcp", "Healthy")
    assert (fleet.copies("here"), fleet.copies("there")) == before
    assert fleet.status("here")["moves"] == fleet.status("there")["moves"] == []


def _is_isolated(fleet: Fleet, member: str) -> bool:
    return fleet.cluster_reason(member) == "HubIsolated"


def _nobody_is_down(fleet: Fleet) -> bool:
    return all(fleet.verdict(member) != "Down" for member in fleet.members)


def _with_user(kubeconfig: str, user: dict[str, str]) -> str:
    """The kubeconfig with another way to log in."""
    document = yaml.safe_load(kubeconfig)
    document["users"][0]["user"] = user
    text: str = yaml.safe_dump(document)
    return text
