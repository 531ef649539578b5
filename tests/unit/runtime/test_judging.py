"""The judging loop on the real store: evidence becomes verdicts, and returned clusters are cleaned first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.state.manifests import a_copy, a_workload, placed

from tradewind.model.health import Verdict
from tradewind.model.placement import Orphan
from tradewind.model.plan import Wake
from tradewind.model.workload import Key
from tradewind.outage.evidence import Heard
from tradewind.outage.feeds.event import EventState, ProviderEvent
from tradewind.outage.freeze import Anchors

if TYPE_CHECKING:
    from tests.unit.runtime.court import Court

Manifest = dict[str, Any]
KEY = Key("research", "train")
HEALTHY, SUSPECT, DOWN = Verdict.HEALTHY, Verdict.SUSPECT, Verdict.DOWN
RECOVERING, DEGRADED, UNKNOWN = Verdict.RECOVERING, Verdict.DEGRADED, Verdict.UNKNOWN


def test_a_cluster_that_answers_is_healthy_and_one_that_falls_silent_goes_down(court: Court) -> None:
    assert court.run(2).verdict() is HEALTHY
    assert court.run(4, aws=Heard.SILENCE).verdict() is SUSPECT
    assert court.run(3, aws=Heard.SILENCE).verdict() is DOWN
    assert {court.verdict("gcp"), court.verdict("own")} == {HEALTHY}


def test_a_verdict_wakes_what_waits_for_health_and_what_is_placed_there(court: Court) -> None:
    court.store.see_workload(a_workload(status=placed()))
    court.store.see_workload(a_workload("waits", uid="u-2"))
    court.run(2)
    court.store.dirty.take()
    court.store.dirty.sleep(Key("research", "waits"), frozenset({Wake.HEALTH}))
    court.run(7, aws=Heard.SILENCE)
    assert {key.name for key in court.store.dirty.take()} == {"train", "waits"}
    court.run(5, aws=Heard.SILENCE)
    assert court.store.dirty.take() == set(), "a verdict that holds is no news"


def test_a_stall_of_the_loop_itself_is_forgiven(court: Court) -> None:
    court.run(4, aws=Heard.SILENCE)
    court.now_s += 3600
    court.judging.tick()
    assert court.verdict() is not DOWN
    assert court.run(7, aws=Heard.SILENCE).verdict() is DOWN


def test_a_cluster_with_a_problem_is_not_judged(court: Court) -> None:
    court.run(2)
    court.entry().problem = ("SecretNotFound", "create it")
    court.run(20, aws=Heard.SILENCE)
    assert court.verdict() is HEALTHY
    cluster = court.entry().cluster(())
    assert cluster is not None
    assert cluster.health.verdict is UNKNOWN


# Nodes.


def test_a_cluster_whose_nodes_are_all_gone_is_lost_after_the_same_time(court: Court) -> None:
    court.run(2).look("aws", ready=False)
    assert court.run(4).verdict() is SUSPECT
    assert court.run(2).verdict() is DEGRADED
    assert court.entry().health.lost


def test_nodes_that_could_not_be_seen_meanwhile_are_given_the_full_time_once_more(court: Court) -> None:
    """Kubelets can't renew while the API server is away: after its return no node is ready for a moment."""
    court.run(2).look("aws", ready=False)
    court.run(1)
    court.run(4, aws=Heard.SILENCE)
    member = court.entry().member
    assert member is not None
    member.stale()
    court.run(1)
    court.look("aws", ready=False)
    assert court.run(4).verdict() is not DEGRADED
    court.look("aws")
    assert court.run(1).verdict() is HEALTHY


def test_a_list_that_is_late_does_not_make_a_lost_cluster_well_again(court: Court) -> None:
    court.run(2).look("aws", ready=False)
    court.run(7)
    member = court.entry().member
    assert member is not None
    member.nodes_sink.stale()
    assert court.run(3).verdict() is DEGRADED


def test_room_counts_while_it_is_listed_again_and_not_when_that_takes_longer_than_an_outage(court: Court) -> None:
    """A lost probe has everything listed anew; new work would meanwhile go to a dearer cluster, and stay there."""
    member = court.run(2).entry().member
    assert member is not None
    member.stale()
    assert court.room() == (True, 1)
    assert court.run(4).room() == (True, 1)
    assert court.run(2).room() == (False, 0)
    court.look("aws")
    assert court.room() == (True, 1)


def test_room_stops_counting_when_a_cluster_answers_and_will_not_be_listed(court: Court) -> None:
    """It refuses everything, perhaps: what would be decided for it now could not be brought there."""
    member = court.run(2).entry().member
    assert member is not None
    member.stale()
    member.pods_sink.stale()
    assert court.run(1).room() == (False, 0)
    member.stale()
    assert court.run(1).room() == (True, 1), "it was away, and is being listed anew"


def test_room_counts_while_lists_fail_of_a_cluster_that_is_silent_for_a_moment(court: Court) -> None:
    member = court.run(2).entry().member
    assert member is not None
    member.pods_sink.stale()
    member.pods_sink.stale()
    assert court.run(1, aws=Heard.SILENCE).room() == (True, 1)


def test_room_of_a_connection_that_has_not_listed_yet_does_not_count(court: Court) -> None:
    court.run(2)
    court.store.connect(court.entry())
    assert court.run(1).room() == (False, 0)


def test_nodes_that_return_are_followed_by_cleaning(court: Court) -> None:
    court.store.see_workload(a_workload(status=placed("gcp", epoch=2)))
    court.run(2).look("aws", a_copy(), ready=False)
    assert court.run(7).verdict() is DEGRADED
    court.look("aws", a_copy())
    assert court.run(2).verdict() is RECOVERING
    court.look("aws")
    assert court.run(10).verdict() is HEALTHY


# Returns.


def returned(court: Court, *copies: Manifest) -> Court:
    """Let aws die and return, with these copies on it."""
    court.run(2)
    court.run(7, aws=Heard.SILENCE)
    assert court.verdict() is DOWN
    court.look("aws", *copies)
    return court.run(12)


@pytest.mark.parametrize(
    ("status", "copies", "clean"),
    [
        pytest.param({}, (), True, id="nothing is left on it"),
        pytest.param(placed(), (a_copy(),), True, id="what it holds is promised to it"),
        pytest.param(placed("gcp", epoch=2), (a_copy(),), False, id="a stale copy"),
        pytest.param(placed(epoch=2), (a_copy(),), False, id="a copy of an older epoch"),
        pytest.param(placed(), (a_copy(uid="another"),), False, id="a copy of another workload of that name"),
        pytest.param({}, (a_copy(),), True, id="a copy that is about to be adopted"),
        pytest.param({}, (a_copy("unknown"),), True, id="a copy of nobody: its workload may come back"),
        pytest.param(
            {
                "epoch": 2,
                "finished": {"cluster": "aws", "epoch": 1, "result": "Succeeded", "at": "2027-01-01T00:00:00Z"},
            },
            (a_copy(conditions=[{"type": "Complete", "status": "True"}]),),
            True,
            id="the copy that succeeded, though it was stale",
        ),
        pytest.param(
            {
                "epoch": 2,
                "finished": {"cluster": "gcp", "epoch": 2, "result": "Succeeded", "at": "2027-01-01T00:00:00Z"},
            },
            (a_copy(),),
            False,
            id="a copy of work that ended elsewhere",
        ),
    ],
)
def test_a_cluster_that_returns_must_be_clean(
    court: Court,
    status: Manifest,
    copies: tuple[Manifest, ...],
    clean: bool,  # noqa: FBT001 - a table
) -> None:
    court.store.see_workload(a_workload(status=status))
    assert returned(court, *copies).verdict() is (HEALTHY if clean else RECOVERING)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"type": "Dreaming"}, id="its spec can't be understood"),
        pytest.param({"policyRef": {"name": "shy"}}, id="its mode is Recommend"),
        pytest.param({"policyRef": {"name": "missing"}}, id="its policy is missing"),
    ],
)
def test_a_copy_that_nobody_will_remove_does_not_keep_a_cluster_from_all_others(court: Court, spec: Manifest) -> None:
    shy = {"metadata": {"name": "shy", "namespace": "research", "uid": "p"}, "spec": {"mode": "Recommend"}}
    court.store.see_policy(shy)
    court.store.see_workload(a_workload(status=placed("gcp", epoch=2), **spec))
    assert returned(court, a_copy()).verdict() is HEALTHY


def test_orphans_must_be_swept_first(court: Court) -> None:
    court.entry().orphans = (Orphan(KEY, "gone"),)
    assert returned(court).verdict() is RECOVERING
    court.entry().orphans = ()
    assert court.run(1).verdict() is HEALTHY


def test_and_it_must_have_been_listed(court: Court) -> None:
    returned(court)
    assert court.verdict() is HEALTHY
    court.run(7, aws=Heard.SILENCE)
    member = court.entry().member
    assert member is not None
    member.stale()
    assert court.run(15).verdict() is RECOVERING


def test_a_restarted_operator_goes_on_with_the_probation(court: Court) -> None:
    entry = court.declare("late", verdict="Down")
    assert court.run(5).verdict("late") is RECOVERING
    assert court.run(7).verdict("late") is HEALTHY
    assert not entry.evidence.was_down


def test_a_cluster_that_returns_must_store_something_first(court: Court) -> None:
    court.writes = False
    assert returned(court).verdict() is RECOVERING
    court.writes = True
    assert court.run(2).verdict() is HEALTHY


def test_copies_that_no_controller_begins_make_a_cluster_degraded_until_one_is_begun(court: Court) -> None:
    court.run(2)
    member = court.entry().member
    assert member is not None
    waiting = {**a_copy(), "status": {}}
    member.copy_sinks["Job"].replace([waiting])
    assert court.run(59).verdict() is HEALTHY
    assert court.run(3).verdict() is DEGRADED
    assert (court.entry().health.reason, court.entry().health.lost) == ("CannotLaunch", False)
    member.copy_sinks["Job"].replace([a_copy(startTime="2027-01-02T00:00:00Z")])
    assert court.run(1).verdict() is HEALTHY


def test_two_of_three_are_down_only_if_the_anchors_of_the_policy_answer(court: Court) -> None:
    urls = ("https://a.example", "https://b.example", "https://c.example")
    court.store.hub.policy = replace(court.store.hub.policy, anchors=urls)
    court.run(2).run(7, aws=Heard.SILENCE, gcp=Heard.SILENCE)
    assert court.store.suspects == {"aws", "gcp"}
    assert (court.verdict(), court.entry().health.reason) == (SUSPECT, "NotProven")
    court.store.anchors = Anchors(3, 2, court.now_s)
    assert court.run(1, aws=Heard.SILENCE, gcp=Heard.SILENCE).verdict() is DOWN
    assert court.store.suspects == frozenset(), "and the anchors are left alone"


# First looks.


def test_the_first_list_of_a_cluster_wakes_who_waits_for_adoption(court: Court) -> None:
    entry = court.declare("new")
    member = entry.member
    assert member is not None
    member.stale()
    court.run(2)
    assert not entry.listed
    assert court.verdict("new") is HEALTHY
    court.store.see_workload(a_workload())
    court.store.dirty.take()
    court.store.dirty.sleep(KEY, frozenset({Wake.HEALTH}))
    court.look("new")
    court.store.dirty.take()
    court.run(1)
    assert entry.listed
    assert court.store.dirty.take() == {KEY}


def test_two_declarations_of_one_cluster_are_told_apart_and_the_older_counts(court: Court) -> None:
    young = court.declare("twin")
    young.raw = {**young.raw, "metadata": {**young.raw["metadata"], "creationTimestamp": "2021-01-01T00:00:00Z"}}
    young.uid = young.meant_uid = court.entry().uid
    court.run(1)
    assert (young.duplicate_of, court.entry().duplicate_of) == ("aws", "")
    assert young.trouble is not None
    assert young.trouble[0] == "DuplicateCluster"
    court.store.see_cluster(court.entry().raw, deleted=True)
    court.run(1)
    assert young.duplicate_of == ""


def test_clusters_that_were_never_identified_are_no_duplicates(court: Court) -> None:
    for name in ("aws", "gcp"):
        court.entry(name).uid = ""
    court.run(1)
    assert {court.entry(name).duplicate_of for name in ("aws", "gcp")} == {""}


def test_the_metric_shows_one_verdict_a_cluster_and_forgets_those_that_are_gone(court: Court) -> None:
    court.run(2)
    assert [key for key, value in court.shown().items() if value] == [(n, "Healthy") for n in ("aws", "gcp", "own")]
    court.entry().problem = ("SecretNotFound", "create it")
    court.run(1)
    assert court.shown()["aws", "Unknown"] == 1
    court.store.see_cluster(court.entry().raw, deleted=True)
    court.run(1)
    assert {cluster for cluster, _ in court.shown()} == {"gcp", "own"}


def test_an_announced_outage_takes_new_work_away_and_wakes_what_waits_when_it_ends(court: Court) -> None:
    court.run(2)
    event = ProviderEvent("e1", "aws", ("eu-north-1",), "EC2", EventState.OUTAGE, 1.0, None, "Errors")
    court.entry().incidents = (event,)
    assert court.run(1).verdict() is SUSPECT
    assert (court.entry().health.reason, court.verdict("gcp")) == ("ProviderIncident", HEALTHY)
    court.store.dirty.take()
    court.store.dirty.sleep(KEY, frozenset({Wake.HEALTH}))
    court.entry().incidents = ()
    assert court.run(1).verdict() is HEALTHY
    assert KEY in court.store.dirty.take()


def test_a_hub_that_reaches_nobody_convicts_nobody(court: Court) -> None:
    court.run(2)
    court.run(60, aws=Heard.SILENCE, gcp=Heard.SILENCE, own=Heard.SILENCE)
    assert {court.verdict(name) for name in ("aws", "gcp", "own")} == {SUSPECT}
    assert court.entry().health.reason == "HubIsolated"
    assert court.run(2).verdict() is HEALTHY


def test_the_policy_says_how_many_may_fail_at_once(court: Court) -> None:
    court.run(2)
    court.store.hub.policy = replace(
        court.store.hub.policy, moves=replace(court.store.hub.policy.moves, max_unhealthy_percent=70)
    )
    court.run(8, aws=Heard.SILENCE, gcp=Heard.SILENCE)
    assert (court.verdict("aws"), court.verdict("gcp")) == (DOWN, DOWN)


def test_the_time_from_silence_to_loss_is_counted_once_for_each_loss(court: Court) -> None:
    def counted() -> tuple[float, float]:
        found = {each.name: each.value for one in court.metrics.phase_seconds.collect() for each in one.samples}
        name = "tradewind_move_phase_duration_seconds"
        return found.get(f"{name}_count", 0.0), found.get(f"{name}_sum", 0.0)

    court.run(2)
    assert counted() == (0.0, 0.0)
    court.run(20, aws=Heard.SILENCE)
    count, seconds = counted()
    assert (count, 5.0 <= seconds <= 6.0) == (1.0, True), seconds
