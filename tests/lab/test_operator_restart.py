"""The operator is killed at the worst moments, twinned, and deposed: one end state, and nothing twice."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_fleet import LEASE, SYSTEM
from tests.lab.operator_manifests import a_job, guarantee
from tests.lab.operator_process import Operator
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

LEASE_S = 15
BURST = [f"burst-{number}" for number in range(12)]


def nothing(_: Fleet) -> None:
    """Kill it at once."""


def a_record(fleet: Fleet) -> None:
    """Wait for the first record of a place."""
    until("a place is recorded", lambda: any(status.get("placements") for status in statuses(fleet)))


def a_copy(fleet: Fleet) -> None:
    """Wait for the first copy."""
    until("a copy is there", lambda: any(fleet.copies(name) for name in BURST))


def statuses(fleet: Fleet) -> list[Manifest]:
    return [each.get("status", {}) for each in fleet.hub.list("AIWorkload", fleet.namespace)]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(nothing, id="right after the work was created"),
        pytest.param(a_record, id="after the first record and before its copy"),
        pytest.param(a_copy, id="after the first copy"),
    ],
)
def test_an_operator_killed_while_it_places_makes_each_copy_once(fleet: Fleet, moment: Callable[[Fleet], None]) -> None:
    fleet.mark()
    fleet.submit(*(a_job(name) for name in BURST))
    moment(fleet)
    fleet.crash()
    fleet.operator.start()
    for name in BURST:
        fleet.until_runs(name, "aws")
        assert fleet.status(name)["epoch"] == 1
        assert len(fleet.copies(name)) == 1
    assert fleet.made() == dict.fromkeys(BURST, 1)


def test_an_operator_killed_in_the_midst_of_moves_finishes_them(fleet: Fleet) -> None:
    fleet.submit(*(a_job(name, **guarantee("AtLeastOnce")) for name in BURST))
    for name in BURST:
        fleet.until_runs(name, "aws")
    fleet.mark()
    fleet.lab.cut("aws")
    until("a move is recorded", lambda: any(status["moves"] for status in statuses(fleet)), within_s=30)
    fleet.crash()
    fleet.operator.start()
    for name in BURST:
        fleet.until_runs(name, "gcp", epoch=2, within_s=45)
    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    until(
        "the old copies are gone",
        lambda: all([copy.cluster for copy in fleet.copies(name)] == ["gcp"] for name in BURST),
        within_s=30,
    )
    assert fleet.made() == dict.fromkeys(BURST, 1)
    assert [len(status["moves"]) for status in statuses(fleet)] == [1] * len(BURST)


def test_what_happened_while_no_operator_ran_is_made_up_for(fleet: Fleet) -> None:
    fleet.submit(a_job("deleted"), a_job("suspended"), a_job("done", run_for="1s"), a_job("vanished"))
    for name in ("deleted", "suspended", "vanished"):
        fleet.until_runs(name, "aws")
    fleet.operator.end()
    fleet.delete("deleted")
    fleet.change("suspended", {"suspend": True})
    until("done has ended", lambda: fleet.copy("aws", "done")["status"].get("succeeded"))
    fleet.members["aws"].delete("Job", fleet.namespace, "vanished")
    fleet.submit(a_job("new"))
    fleet.operator.start()
    fleet.until_gone("deleted")
    assert not fleet.copies("deleted")
    until("the suspended copy is gone", lambda: not fleet.copies("suspended"))
    until("the success is known", lambda: fleet.phase("done") == "Succeeded")
    fleet.until_runs("new", "aws")
    fleet.until_runs("vanished", "aws", epoch=2)


def test_a_second_operator_takes_over_at_once_from_one_that_ends_and_later_from_one_that_was_killed(
    fleet: Fleet, second: Operator
) -> None:
    second.start(wait=False)
    second.until_warm()
    assert second.get("/healthz")[0] == 200
    assert second.metric("tradewind_leader") == 0
    fleet.submit(a_job("first"))
    fleet.until_runs("first", "aws")

    asked = time.monotonic()
    assert fleet.operator.end() == 0
    until("the second leads", lambda: second.metric("tradewind_leader") == 1)
    assert time.monotonic() - asked < LEASE_S, "the lease was given back"
    fleet.submit(a_job("second"))
    fleet.until_runs("second", "aws")
    assert fleet.status("first")["epoch"] == 1

    before = fleet.hub.get("Lease", SYSTEM, LEASE)["spec"]
    fleet.operator.start(wait=False)
    fleet.operator.until_warm()
    second.end(signal.SIGKILL)
    killed = time.monotonic()
    fleet.operator.until_ready()
    assert time.monotonic() - killed > LEASE_S / 2, "a killed leader may still have writes under way"
    after = fleet.hub.get("Lease", SYSTEM, LEASE)["spec"]
    assert after["holderIdentity"] != before["holderIdentity"]
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1


def test_an_operator_whose_lease_was_taken_ends_and_says_so_by_its_exit_code(fleet: Fleet) -> None:
    fleet.hub.merge("Lease", SYSTEM, LEASE, {"spec": {"holderIdentity": "somebody-else"}})
    assert fleet.operator.exit_code() == 3
    assert "somebody-else holds the lease now" in fleet.operator.log()
    assert "Traceback" not in fleet.operator.log()
    fleet.hub.delete("Lease", SYSTEM, LEASE)


@pytest.fixture
def second(fleet: Fleet, tmp_path: Path) -> Iterator[Operator]:
    """A second operator, not started."""
    operator = Operator(fleet.lab.kubeconfig(), tmp_path / "second.log")
    yield operator
    if operator.runs:
        operator.end(signal.SIGKILL)
