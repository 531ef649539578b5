"""A member dies, hangs or is cut off: what may move does, what must not waits, and its return leaves one copy each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.lab.operator_manifests import a_job, a_service, guarantee
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
    fleet.submit(a_job("once"), a_job("often", **guarantee("AtLeastOnce")), a_service("chat"))
    fleet.until_runs("once", "aws")
    fleet.until_runs("often", "aws")
    fleet.until_runs("chat", "aws", kind="Deployment")
    [once] = fleet.copies("once")

    break_it(fleet.lab)
    fleet.until_verdict("aws", "Down")
    fleet.until_runs("often", "gcp", epoch=2)
    fleet.until_runs("chat", "gcp", epoch=2, kind="Deployment")
    fleet.until_reason("once", "OldCopyMayRun")
    assert fleet.copies("once", on=OTHERS) == []
    move = fleet.status("often")["moves"][0]
    assert (move["fromCluster"], move["toCluster"], move["epoch"]) == ("aws", "gcp", 2)
    assert move["detectedAt"] <= move["decidedAt"] <= move["deliveredAt"] <= move["runningAt"]

    mend_it(fleet.lab)
    until("the stale copy of the Job goes", lambda: [c.cluster for c in fleet.copies("often")] == ["gcp"])
    until("the stale Deployment goes", lambda: [c.cluster for c in fleet.copies("chat", kind="Deployment")] == ["gcp"])
    fleet.until_runs("once", "aws")
    assert fleet.copies("once") == [once]
    fleet.until_verdict("aws", "Healthy")
    assert fleet.runs_on("often", "gcp", epoch=2)


def test_a_returning_cluster_takes_no_work_before_its_stale_copies_are_gone(fleet: Fleet) -> None:
    names = [f"often-{number}" for number in range(4)]
    fleet.submit(*(a_job(name, **guarantee("AtLeastOnce")) for name in names))
    for name in names:
        fleet.until_runs(name, "aws")
    fleet.lab.cut("aws")
    fleet.until_verdict("aws", "Down")
    for name in names:
        fleet.until_runs(name, "gcp", epoch=2)

    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Recovering")
    fleet.until_verdict("aws", "Healthy")
    assert not any(fleet.copies(name, on=("aws",)) for name in names)


def test_work_that_waits_for_a_lost_cluster_is_released_by_its_guarantee(fleet: Fleet) -> None:
    fleet.submit(a_job("once"))
    fleet.until_runs("once", "aws")
    fleet.lab.kill("aws")
    fleet.until_reason("once", "OldCopyMayRun")
    fleet.change("once", guarantee("AtLeastOnce"))
    fleet.until_runs("once", "gcp", epoch=2)
    fleet.lab.resume("aws")
    until("one copy is left", lambda: [c.cluster for c in fleet.copies("once")] == ["gcp"])


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


@pytest.mark.parametrize(
    ("spoil", "verdict", "reason"),
    [
        pytest.param(
            lambda text: _with_user(text, {"token": "garbage"}),
            "CredentialsInvalid",
            "CredentialsInvalid",
            id="a token that is not known",
        ),
        pytest.param(lambda text: text[: len(text) // 2], "Unknown", "KubeconfigInvalid", id="a Secret cut in half"),
    ],
)
def test_bad_credentials_move_nothing(fleet: Fleet, spoil: Callable[[str], str], verdict: str, reason: str) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("often", "aws")
    [before] = fleet.copies("often")
    good = fleet.kubeconfig("aws")
    try:
        fleet.put_kubeconfig("aws", spoil(good))
        until(f"the reason is {reason}", lambda: fleet.cluster_reason("aws") == reason)
        assert fleet.verdict("aws") == verdict
        throughout("it stays where it is", lambda: fleet.copies("often") == [before], for_s=8)
    finally:
        fleet.put_kubeconfig("aws", good)
    fleet.until_verdict("aws", "Healthy")
    assert fleet.copies("often") == [before]
    assert fleet.status("often")["moves"] == []


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
