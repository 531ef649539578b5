"""Steps carried out on API servers that answer as real ones do: the record first, and a crash at any point."""

from __future__ import annotations

import pytest
from tests.edge.rig import DOWN, HEALTHY, KEY, WORKLOADS, Manifest, Rig, a_job, a_server, with_pod

from tradewind.model.placement import Placement, Record
from tradewind.model.workload import Market

CONFIG = "v1/configmaps"
CREATE_JOB = "POST /jobs"
RECORD = "PATCH /train/status"


def with_config() -> Manifest:
    return with_pod(a_job(), container={"envFrom": [{"configMapRef": {"name": "settings"}}]})


async def test_work_is_recorded_then_delivered_then_followed(rig: Rig) -> None:
    rig.create(a_job())
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]
    assert [(place["cluster"], place["epoch"]) for place in rig.status()["placements"]] == [("aws", 1)]
    rig.runs("aws")
    await rig.settle()
    assert rig.condition("Ready") == ("True", "Running")
    assert len(rig.counted) == 1


async def test_a_place_costs_the_hub_two_status_writes_one_that_says_why_and_one_that_it_runs(rig: Rig) -> None:
    rig.create(a_job())
    await rig.settle()
    said = [each["message"] for each in rig.status()["conditions"]]
    assert all("is the cheapest of" in message for message in said)
    assert len(rig.hub.verbs(ends=RECORD.partition(" ")[2])) == 1
    rig.runs("aws")
    await rig.settle()
    assert rig.condition("Ready") == ("True", "Running")
    assert len(rig.hub.verbs(ends=RECORD.partition(" ")[2])) == 2


async def test_the_record_is_written_before_the_copy_is_made(rig: Rig) -> None:
    seen: list[str] = []
    rig.members["aws"].before(CREATE_JOB, lambda: seen.extend(p["cluster"] for p in rig.status()["placements"]))
    rig.create(a_job())
    await rig.settle()
    assert seen == ["aws"]


async def test_a_hub_that_refuses_the_record_gets_no_copy(rig: Rig) -> None:
    rig.hub.answer(RECORD, 500)
    rig.create(a_job())
    await rig.round()
    assert rig.copies() == []
    assert rig.promised("aws") == 0
    rig.hub.heal()
    await rig.settle(later_s=60)
    assert rig.copies() == ["aws/train 1"]


async def test_pauses_grow_while_the_hub_refuses(rig: Rig) -> None:
    rule = rig.hub.answer(RECORD, 503)
    rig.create(a_job())
    for _ in range(120):
        await rig.settle(later_s=1.0)
    assert 5 <= rule.hits <= 10


async def test_a_copy_whose_creation_fails_is_made_later_in_the_same_epoch(rig: Rig) -> None:
    rig.members["aws"].answer(CREATE_JOB, 500)
    rig.create(a_job())
    await rig.settle()
    assert rig.copies() == []
    assert rig.promised("aws") == 1
    rig.members["aws"].heal()
    await rig.settle(later_s=10)
    assert rig.copies() == ["aws/train 1"]


async def test_a_crash_between_record_and_creation_is_made_good(rig: Rig) -> None:
    rig.members["aws"].drop(CREATE_JOB)
    rig.create(a_job())
    await rig.round()
    rig.members["aws"].heal()
    fresh = rig.restarted()
    await fresh.settle()
    assert fresh.copies() == ["aws/train 1"]


async def test_a_creation_whose_answer_is_lost_makes_one_copy(rig: Rig) -> None:
    rig.members["aws"].lose_answer(CREATE_JOB)
    rig.blind.add("aws")
    rig.create(a_job())
    await rig.settle()
    await rig.settle(later_s=10)
    assert rig.copies() == ["aws/train 1"]


async def test_a_creation_whose_answer_is_lost_and_whose_repetition_is_refused_makes_no_second_copy(rig: Rig) -> None:
    """A quota counts the copy that was made: the second attempt is refused because the first one succeeded."""
    aws = rig.members["aws"]
    aws.lose_answer(CREATE_JOB)
    aws.answer(CREATE_JOB, 403, reason="Forbidden", message="exceeded quota")
    rig.blind.add("aws")
    rig.create(a_job())
    await rig.settle()
    await rig.settle(later_s=10)
    assert rig.copies() == ["aws/train 1"]
    assert rig.status()["placements"][0]["cluster"] == "aws"


async def test_a_promise_is_not_taken_back_while_the_copy_may_have_been_made(rig: Rig) -> None:
    """The ConfigMap goes between the creation whose answer was lost and its repetition."""
    rig.hub.objects.put(CONFIG, {"metadata": {"name": "settings", "namespace": "research"}, "data": {}})
    aws = rig.members["aws"]
    aws.lose_answer(CREATE_JOB)
    rig.blind.add("aws")
    rig.create(with_config())
    await rig.settle()
    rig.hub.objects.remove(CONFIG, "research", "settings")
    aws.objects.remove(CONFIG, "research", "settings")
    await rig.settle(later_s=10)
    rig.hub.objects.put(CONFIG, {"metadata": {"name": "settings", "namespace": "research"}, "data": {}})
    aws.objects.put("v1/nodes", {"metadata": {"name": "node-1"}, "status": {}})
    await rig.settle(later_s=60)
    assert rig.copies() == ["aws/train 1"]


async def test_a_conflict_is_read_again_and_decided_again(rig: Rig) -> None:
    def suspended() -> None:
        spec = rig.entry().raw["spec"]
        rig.hub.objects.change(WORKLOADS, "research", "train", spec={**spec, "suspend": True})

    rig.hub.before(RECORD, suspended)
    rig.create(a_job())
    await rig.settle()
    assert rig.copies() == []
    assert rig.condition("Placed") == ("False", "Suspended")


async def test_another_operators_record_is_never_overwritten(rig: Rig) -> None:
    """It writes while ours still looks for what its copy needs; our watch has shown us its record by then."""
    rig.hub.objects.put(CONFIG, {"metadata": {"name": "settings", "namespace": "research"}, "data": {}})
    place = {"cluster": "gcp", "offer": "h100", "market": "OnDemand", "replicas": 1, "epoch": 1, "generation": 1}

    def written() -> None:
        status = {"epoch": 1, "placements": [{**place, "state": "Delivering"}]}
        rig.hub.objects.change(WORKLOADS, "research", "train", status=status)

    rig.hub.before("GET /configmaps/settings", written)
    rig.create(with_config())
    await rig.settle()
    assert rig.copies() == ["gcp/train 1"]


async def test_what_is_promised_counts_until_it_is_recorded(rig: Rig) -> None:
    """Our own finalizer comes back by the watch before the record is written: it must not undo the promise."""
    seen: list[int] = []
    rig.hub.before(RECORD, lambda: seen.append(rig.promised("aws")))
    rig.create(a_job())
    await rig.settle()
    assert seen[:1] == [1]


async def test_what_was_promised_counts_while_nobody_knows_whether_it_was_recorded(rig: Rig) -> None:
    rule = rig.hub.drop(RECORD)
    rig.create(a_job())
    await rig.round()
    assert rule.hits
    assert rig.promised("aws") == 1
    rig.hub.heal()
    rig.edit(suspend=True)
    await rig.settle(later_s=10)
    assert rig.promised("aws") == 0


async def test_work_that_waits_for_room_hears_when_what_was_promised_there_was_never_recorded(rig: Rig) -> None:
    whole = {"resources": {"limits": {"nvidia.com/gpu": "8"}}}
    rig.create(with_pod(a_job(suspend=True), container=whole))
    await rig.settle()
    # The answer to a record was lost, and then the user had second thoughts.
    rig.entry().promise = Record(epoch=1, placements=(Placement("aws", "h100", Market.ON_DEMAND, 1, 1, 1),))
    rig.create(with_pod(a_job("next", constraints={"providers": {"deny": ["gcp"]}}), container=whole))
    await rig.settle()
    assert rig.condition("Ready", "next") == ("False", "Unschedulable")
    rig.store.dirty.mark((KEY,))
    await rig.settle()
    assert rig.copies() == ["aws/next 1"]


async def test_two_that_need_the_same_room_get_one_place_each(rig: Rig) -> None:
    whole = {"resources": {"limits": {"nvidia.com/gpu": "8"}}}
    for name in ("one", "two", "three"):
        rig.create(with_pod(a_job(name), container=whole))
    await rig.settle()
    assert len(rig.copies()) == 2
    assert {copy.partition("/")[0] for copy in rig.copies()} == {"aws", "gcp"}


async def test_a_fence_that_closes_in_the_middle_of_a_step_lets_nothing_be_written(rig: Rig) -> None:
    rig.hub.objects.put(CONFIG, {"metadata": {"name": "settings", "namespace": "research"}, "data": {}})
    rig.hub.before("GET /configmaps/settings", lambda: setattr(rig, "leads", False))
    rig.create(with_config())
    await rig.settle()
    assert rig.hub.writes() == []
    assert rig.members["aws"].writes() == []
    rig.leads = True
    await rig.settle(later_s=60)
    assert rig.copies() == ["aws/train 1"]


async def test_a_workload_that_is_gone_is_forgotten(rig: Rig) -> None:
    rig.create(a_job())
    rig.blind.add("hub")
    rig.hub.objects.remove(WORKLOADS, "research", "train")
    await rig.settle()
    assert KEY not in rig.store.hub.workloads
    assert rig.copies() == []


async def test_a_hub_that_does_not_serve_workloads_yet_has_not_deleted_them(rig: Rig) -> None:
    rig.create(a_job())
    await rig.settle()
    rig.hub.raw(RECORD, "404 page not found", status=404)  # as one says that is still starting, and its proxy
    rig.runs("aws")
    await rig.settle()
    assert KEY in rig.store.hub.workloads
    assert rig.store.clusters["aws"].orphans == ()
    rig.hub.heal()
    await rig.settle(later_s=10)
    assert rig.condition("Ready") == ("True", "Running")


async def test_an_idle_fleet_is_left_alone(rig: Rig) -> None:
    for workload in (a_job(), a_job("other", suspend=True), a_server()):
        rig.create(workload)
    await rig.settle()
    for name in ("train", "chat"):
        rig.runs("aws", name)
    await rig.settle()
    before = [len(api.writes()) for api in (rig.hub, *rig.members.values())]
    rig.now_s += 3600
    rig.store.mark_all()
    await rig.settle()
    assert [len(api.writes()) for api in (rig.hub, *rig.members.values())] == before


@pytest.mark.parametrize("status", [403, 422], ids=["forbidden", "invalid"])
async def test_a_member_that_refuses_the_copy_is_passed_over(rig: Rig, status: int) -> None:
    rig.members["aws"].answer(CREATE_JOB, status, reason="Invalid", message="no, thank you")
    rig.create(a_job())
    await rig.settle()
    assert rig.copies() == ["gcp/train 2"]
    refused = rig.status()["refused"]
    assert [(each["reason"], each["names"]) for each in refused] == [("RefusedByMember", ["aws/h100"])]
    assert "no, thank you" in refused[0]["message"]


async def test_a_members_webhook_that_stays_away_is_a_refusal_after_some_tries(rig: Rig) -> None:
    words = 'Internal error occurred: failed calling webhook "jobs.example.org": connection refused'
    rule = rig.members["aws"].answer(CREATE_JOB, 500, reason="InternalError", message=words)
    rig.create(a_job())
    await rig.settle()
    assert (rig.copies(), rule.hits) == ([], 1), "it may be back in a moment"
    for _ in range(2):
        await rig.settle(later_s=10)
    assert (rig.copies(), rule.hits) == (["gcp/train 2"], 3)
    assert words in rig.status()["refused"][0]["message"]


async def test_a_member_that_refused_is_asked_again_after_some_minutes(rig: Rig) -> None:
    rig.judge("gcp", DOWN)
    rule = rig.members["aws"].answer(CREATE_JOB, 403, message="exceeded quota")
    rig.create(a_job())
    await rig.settle()
    assert (rig.copies(), rule.hits) == ([], 1)
    assert "exceeded quota" in str(rig.status()["conditions"])
    rig.members["aws"].heal()
    await rig.settle(later_s=301)
    assert [copy.partition(" ")[0] for copy in rig.copies()] == ["aws/train"]


async def test_a_broken_step_is_put_off_and_others_are_not_disturbed(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.members["aws"].raw(CREATE_JOB, "<html>not an API server</html>", times=1)
    rig.create(a_job())
    rig.create(a_job("other"))
    await rig.settle()
    await rig.settle(later_s=60)
    assert rig.copies() == ["aws/other 1", "aws/train 1"]
    assert "Traceback" not in caplog.text


async def test_a_move_is_counted_from_the_moment_its_cluster_was_declared_lost(rig: Rig) -> None:
    rig.create(a_server())
    await rig.settle()
    rig.runs("aws", "chat")
    await rig.settle()
    rig.judge("aws", DOWN)
    rig.store.clusters["aws"].health = DOWN.__class__(DOWN.verdict, DOWN.reason, DOWN.message, since_s=rig.now_s - 7)
    await rig.settle()
    assert rig.counted[-1] == "moved 7"
    assert rig.copies() == ["aws/chat 1", "gcp/chat 2"]
    rig.judge("aws", HEALTHY)
    await rig.settle()
    rig.members["aws"].objects.finish_deletes()
    assert rig.copies() == ["gcp/chat 2"]


RECORD_CHAT = RECORD.replace("train", "chat")


async def left_behind(rig: Rig) -> None:
    """Move a server off aws, which is lost, and let its new copy run: that is still to be written."""
    rig.create(a_server())
    await rig.settle()
    rig.runs("aws", "chat")
    await rig.settle()
    rig.judge("aws", DOWN)
    await rig.settle()
    rig.runs("gcp", "chat")


async def test_what_an_outage_has_left_behind_waits_for_no_status(rig: Rig) -> None:
    await left_behind(rig)
    rig.hub.answer(RECORD_CHAT, 500)
    rig.judge("aws", HEALTHY)
    await rig.round()
    rig.members["aws"].objects.finish_deletes()
    assert rig.copies() == ["gcp/chat 2"]


async def test_what_is_left_behind_stays_while_nobody_knows_whether_a_newer_record_was_written(rig: Rig) -> None:
    await left_behind(rig)
    rig.hub.answer(RECORD_CHAT, 504)
    await rig.round()
    rig.judge("aws", HEALTHY)
    await rig.settle(later_s=60)
    rig.members["aws"].objects.finish_deletes()
    assert rig.copies() == ["aws/chat 1", "gcp/chat 2"]
    rig.hub.heal()
    await rig.settle(later_s=60)
    rig.members["aws"].objects.finish_deletes()
    assert rig.copies() == ["gcp/chat 2"]
