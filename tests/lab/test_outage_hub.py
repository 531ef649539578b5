"""The hub itself is ill: its API server answers errors, its operator stalls, its resolver fails. The members go on."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.lab.operator_manifests import a_job, a_service, guarantee, only_on
from tests.lab.operator_resolver import ZONE
from tests.lab.operator_waiting import throughout, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.operator_audit import Audit
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

AWAY_S = 65
"""Past the 55 s of errors after which kopf gives up; what is older than that has been given up too, so three minutes
show nothing more."""
STALL_S = 20
"""Past downAfterOneKind, the time that another operator would wait for the Lease, and the 2 s gap that is noticed."""


def down_since(fleet: Fleet, began: int) -> list[str]:
    """The lines of the operator's log, from an offset on, that declare a cluster Down."""
    return [line for line in fleet.operator.log()[began:].splitlines() if "to=Down" in line]


def test_a_dead_hub_stops_nothing_in_the_members_and_ends_no_operator(fleet: Fleet, audit: Audit) -> None:
    fleet.submit(a_job("ends", run_for="20s"), a_job("runs"), a_service("chat", replicas=2))
    for name in ("ends", "runs"):
        fleet.until_runs(name, "aws")
    fleet.until_runs("chat", "aws", kind="Deployment")
    [before], pid, began = fleet.copies("runs"), fleet.operator.pid, len(fleet.operator.log())
    fleet.mark()

    fleet.lab.cut("hub", mode="answer", status=503)
    gone = time.monotonic()
    until("the operator may no longer write", lambda: fleet.operator.metric("tradewind_leader") == 0)
    victim = pods(fleet, "chat")[0]
    fleet.members["aws"].delete("Pod", fleet.namespace, victim)
    until("a lost pod is replaced", lambda: len(pods(fleet, "chat")) == 2 and victim not in pods(fleet, "chat"))
    until("a job ends", lambda: fleet.copy("aws", "ends")["status"].get("succeeded"))
    until("the hub was away for long enough", lambda: time.monotonic() - gone > AWAY_S, within_s=2 * AWAY_S)
    assert fleet.operator.get("/healthz") == (200, "ok\n")

    fleet.lab.heal("hub")
    until("the end is known", lambda: fleet.phase("ends") == "Succeeded", within_s=60)
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "aws")
    assert (fleet.operator.pid, fleet.operator.runs) == (pid, True)
    assert fleet.copies("runs") == [before]
    assert fleet.made() == {"new": 1}
    assert down_since(fleet, began) == []
    assert {audit.most[name] for name in ("runs", "ends", "new")} == {1}


def test_an_operator_that_stalls_finds_nobody_dead_when_it_goes_on(fleet: Fleet) -> None:
    fleet.submit(
        a_job("here", **guarantee("AtLeastOnce")), a_job("there", **guarantee("AtLeastOnce"), **only_on("gcp"))
    )
    fleet.until_runs("here", "aws")
    fleet.until_runs("there", "gcp")
    before, began = (fleet.copies("here"), fleet.copies("there")), len(fleet.operator.log())
    fleet.operator.send(signal.SIGSTOP)
    stalled = time.monotonic()
    # Half of them are out of reach when it goes on, and have not been for as long as its clock says.
    fleet.lab.cut("aws")
    until("the stall is over", lambda: time.monotonic() - stalled > STALL_S, within_s=2 * STALL_S)
    fleet.operator.send(signal.SIGCONT)
    went_on = time.monotonic()
    until("it has noticed", lambda: "the judging loop stalled" in fleet.operator.log()[began:])
    throughout("nobody is Down", lambda: not down_since(fleet, began), for_s=3 - (time.monotonic() - went_on))
    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    until("it may write again", lambda: fleet.operator.metric("tradewind_leader") == 1)
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "aws")
    assert (fleet.copies("here"), fleet.copies("there")) == before
    assert down_since(fleet, began) == []
    assert fleet.status("here")["moves"] == fleet.status("there")["moves"] == []


@pytest.fixture(scope="module")
def names(the_operators_fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Has the operator know the members by names; yields the file that its resolver is."""
    fleet = the_operators_fleet
    before = {name: fleet.kubeconfig(name) for name in fleet.members}
    fleet.operator.end()
    fleet.operator.names = tmp_path_factory.mktemp("resolver") / "names"
    fleet.operator.names.write_text("".join(f"{name}{ZONE} 127.0.0.1\n" for name in fleet.members))
    for name, kubeconfig in before.items():
        document = yaml.safe_load(kubeconfig)
        cluster = document["clusters"][0]["cluster"]
        cluster["server"] = cluster["server"].replace("127.0.0.1", f"{name}{ZONE}")
        cluster["tls-server-name"] = "localhost"
        fleet.put_kubeconfig(name, yaml.safe_dump(document))
    fleet.operator.start()
    yield fleet.operator.names
    if fleet.operator.runs:
        fleet.operator.end()
    fleet.operator.names = None
    for name, kubeconfig in before.items():
        fleet.put_kubeconfig(name, kubeconfig)
    fleet.operator.start()


def test_a_hub_whose_resolver_fails_goes_on_with_the_last_addresses_and_still_finds_a_death(
    fleet: Fleet, audit: Audit, names: Path
) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")), a_job("once"))
    fleet.until_runs("often", "aws")
    fleet.until_runs("once", "aws")
    began = len(fleet.operator.log())
    with no_answer_from(names):
        fleet.lab.cut("gcp", mode="refuse")  # what was open is gone: all has to be found again
        fleet.lab.heal("gcp")
        throughout("nobody is Down", lambda: not down_since(fleet, began), for_s=8)
        fleet.until_verdict("gcp", "Healthy")
        fleet.lab.kill("aws")
        fleet.until_verdict("aws", "Down")
        fleet.until_runs("often", "gcp", epoch=2)
        fleet.lab.resume("aws")
        fleet.until_verdict("aws", "Healthy")
    audit.until_only("often", "gcp", epoch=2)
    assert audit.most["once"] == 1


def test_an_operator_that_starts_without_a_resolver_moves_nothing(fleet: Fleet, names: Path) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("often", "aws")
    [before] = fleet.copies("often")
    fleet.crash()
    began = len(fleet.operator.log())
    with no_answer_from(names):
        fleet.operator.start(wait=False)
        until("it has found nobody", lambda: fleet.cluster_reason("aws") == "NeverReached")
        throughout("the work stays", lambda: fleet.copies("often") == [before], for_s=8)
    fleet.until_verdict("aws", "Healthy")
    fleet.until_runs("often", "aws")
    assert fleet.copies("often") == [before]
    assert down_since(fleet, began) == []


@contextlib.contextmanager
def no_answer_from(names: Path) -> Iterator[None]:
    """Have the resolver fail."""
    known = names.read_text()
    names.unlink()
    try:
        yield
    finally:
        names.write_text(known)


def pods(fleet: Fleet, workload: str) -> list[str]:
    """The names of the ready pods of a workload on aws."""
    found: list[Manifest] = fleet.members["aws"].list("Pod", fleet.namespace)
    return [
        pod["metadata"]["name"]
        for pod in found
        if pod["metadata"]["labels"]["tradewind.dev/workload"] == workload
        and "deletionTimestamp" not in pod["metadata"]
        and any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
    ]
