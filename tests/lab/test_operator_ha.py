"""Two operators, of which either is killed, paused or ended at the worst moments: no work twice, none lost."""

from __future__ import annotations

import signal
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee
from tests.lab.operator_pair import JOBS, sent
from tests.lab.operator_process import LEADS, STANDS_BY
from tests.lab.operator_waiting import throughout, until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet
    from tests.lab.operator_pair import Pair

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_pair_fixtures"]

LEASE_S = 15.0
PAUSE_S = 60.0
BEGUN = 5
LOST_LEASE = 3


def copies_there(fleet: Fleet) -> int:
    return sum(len(member.list("Job", fleet.namespace)) for member in fleet.members.values())


def begin_to_place(pair: Pair) -> None:
    """Submit fifty jobs, and return in the midst of their being placed."""
    pair.fleet.mark()
    pair.fleet.submit(*(a_job(name) for name in JOBS))
    until("some are placed", lambda: copies_there(pair.fleet) >= BEGUN)
    assert copies_there(pair.fleet) < len(JOBS)


def each_runs_once(fleet: Fleet) -> None:
    """Audit the members themselves."""
    for name in JOBS:
        fleet.until_runs(name, "aws", within_s=60)
        assert fleet.status(name)["epoch"] == 1
    assert fleet.made() == dict.fromkeys(JOBS, 1)


def test_a_leader_killed_while_it_places_is_followed_by_its_standby_after_the_lease(pair: Pair) -> None:
    leader, standby = pair.up()
    before = pair.lease()
    begin_to_place(pair)
    leader.end(signal.SIGKILL)
    killed = time.monotonic()
    took_s = pair.until_leads(standby, since=killed)
    assert took_s > LEASE_S / 2, "writes of the one that was killed may still have been under way"
    assert pair.lease()["leaseTransitions"] == before["leaseTransitions"] + 1
    each_runs_once(pair.fleet)


def test_a_leader_paused_for_a_minute_in_the_midst_of_writing_writes_nothing_when_it_goes_on(pair: Pair) -> None:
    leader, standby = pair.up()
    begin_to_place(pair)
    leader.send(signal.SIGSTOP)
    paused = time.monotonic()
    assert sent(leader.log())
    pair.until_leads(standby, since=paused)
    each_runs_once(pair.fleet)
    until("it was paused for a minute", lambda: time.monotonic() - paused > PAUSE_S, within_s=PAUSE_S)

    resumed = f"{datetime.now():%Y-%m-%d %H:%M:%S}"  # noqa: DTZ005 - the log's own clock
    leader.send(signal.SIGCONT)
    assert leader.exit_code() == LOST_LEASE
    assert [line for line in sent(leader.log()) if line >= resumed] == []
    assert "Traceback" not in leader.log()
    leader.start(wait=False)
    leader.until_warm()
    assert standby.get("/readyz") == LEADS
    each_runs_once(pair.fleet)


@pytest.mark.parametrize(
    ("how", "back"),
    [
        pytest.param(signal.SIGKILL, None, id="killed"),
        pytest.param(signal.SIGSTOP, signal.SIGCONT, id="paused for longer than the lease"),
    ],
)
def test_a_standby_that_fails_is_not_felt(pair: Pair, how: signal.Signals, back: signal.Signals | None) -> None:
    leader, standby = pair.up()
    before = pair.lease()
    begin_to_place(pair)
    standby.send(how)
    each_runs_once(pair.fleet)
    throughout("the leader leads", lambda: leader.get("/readyz") == LEADS, for_s=LEASE_S + 3)
    if back is None:
        standby.exit_code()
        standby.start(wait=False)
    else:
        standby.send(back)
    standby.until_warm()
    after = pair.lease()
    assert (after["holderIdentity"], after["leaseTransitions"]) == (
        before["holderIdentity"],
        before["leaseTransitions"],
    )


def test_a_standby_watches_and_writes_nothing(pair: Pair) -> None:
    _, standby = pair.up()
    begin_to_place(pair)
    each_runs_once(pair.fleet)
    assert standby.metric("tradewind_leader") == 0
    for verb in ("POST", "PUT", "PATCH", "DELETE"):
        assert standby.metric("tradewind_api_requests_total", verb=verb) == 0
    assert sent(standby.log()) == []
    assert standby.get("/readyz") == STANDS_BY
    assert standby.metric("tradewind_cluster_verdict", cluster="aws", verdict="Healthy") == 1


def test_a_leader_that_is_asked_to_end_hands_over_at_once(pair: Pair) -> None:
    leader, standby = pair.up()
    begin_to_place(pair)
    asked = time.monotonic()
    leader.send(signal.SIGTERM)
    took_s = pair.until_leads(standby, since=asked)
    assert leader.exit_code() == 0
    assert took_s < LEASE_S / 2, "the lease was given back"
    each_runs_once(pair.fleet)


def _is_back(fleet: Fleet, cluster: str) -> bool:
    status = fleet.hub.get("FederatedCluster", name=cluster)["status"]
    return bool(status["verdict"] == "Healthy" and status["lostAt"] < status["backAt"])


@pytest.mark.parametrize("returns", [pytest.param(False, id="stays away"), pytest.param(True, id="is back at once")])
def test_what_a_killed_leader_has_declared_lost_stays_lost_for_its_successor(pair: Pair, *, returns: bool) -> None:
    """The verdict is in the status before anything is done about it; whoever is back has to earn its trust."""
    fleet = pair.fleet
    work = JOBS[:5]
    leader, standby = pair.up()
    fleet.submit(*(a_job(name, **guarantee("AtLeastOnce")) for name in work))
    for name in work:
        fleet.until_runs(name, "aws")
    fleet.lab.cut("aws")
    fleet.until_verdict("aws", "Down")
    leader.end(signal.SIGKILL)
    killed = time.monotonic()
    if returns:
        fleet.lab.heal("aws")
    pair.until_leads(standby, since=killed)
    if not returns:
        for name in work:
            fleet.until_runs(name, "gcp", epoch=2)
            assert len(fleet.status(name)["moves"]) == 1
        fleet.lab.heal("aws")
    # That it was lost is remembered, and when it was trusted again: a cluster that was never lost has neither.
    until("aws is back", lambda: _is_back(fleet, "aws"))
    until("one copy of each is left", lambda: all(len(fleet.copies(name)) == 1 for name in work))
    for name in work:
        [copy] = fleet.copies(name)
        assert copy.epoch == fleet.status(name)["epoch"]
