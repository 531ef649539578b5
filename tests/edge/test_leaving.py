"""Deletes, suspends, moves and returns, carried out on API servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.edge.rig import CLUSTERS, DOWN, HEALTHY, JOBS, WORKLOADS, Rig, a_job, a_server

from tradewind.model.health import Judgement, Verdict
from tradewind.model.placement import Orphan
from tradewind.model.workload import Key

Manifest = dict[str, Any]
RECOVERING = Judgement(Verdict.RECOVERING, "Recovering", "It answers again.")
FINALIZER = "tradewind.dev/copies"


async def placed(rig: Rig, workload: Manifest | None = None) -> None:
    made = workload or a_job()
    rig.create(made)
    await rig.settle()
    rig.runs("aws", made["metadata"]["name"])
    await rig.settle()


async def test_a_placed_workload_holds_its_object_and_an_unplaced_one_does_not(rig: Rig) -> None:
    rig.create(a_job("other", suspend=True))
    await placed(rig)
    assert rig.entry("train").raw["metadata"]["finalizers"] == [FINALIZER]
    assert "finalizers" not in rig.entry("other").raw["metadata"]


async def test_finalizers_of_others_are_kept(rig: Rig) -> None:
    workload = a_job()
    workload["metadata"]["finalizers"] = ["example.com/theirs"]
    await placed(rig, workload)
    assert rig.entry().raw["metadata"]["finalizers"] == ["example.com/theirs", FINALIZER]
    rig.delete()
    await rig.settle()
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    found = rig.hub.objects.get(WORKLOADS, "research", "train")
    assert found is not None
    assert found["metadata"]["finalizers"] == ["example.com/theirs"]


async def test_a_delete_waits_until_the_copy_is_gone(rig: Rig) -> None:
    await placed(rig)
    rig.delete()
    await rig.settle()
    assert rig.hub.objects.names(WORKLOADS) == ["train"]
    assert rig.condition("Reconciling") == ("True", "Deleting")
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    assert rig.hub.objects.names(WORKLOADS) == []
    assert Key("research", "train") not in rig.store.hub.workloads


async def test_the_copy_is_asked_once_and_by_its_uid(rig: Rig) -> None:
    await placed(rig)
    job = rig.members["aws"].objects.get(JOBS, "research", "train")
    assert job is not None
    rig.delete()
    await rig.settle()
    rig.store.mark_all()
    await rig.settle()
    asked = [call for call in rig.members["aws"].calls if call.method == "DELETE"]
    assert [call.body["preconditions"]["uid"] for call in asked] == [job["metadata"]["uid"]]
    assert asked[0].body["propagationPolicy"] == "Foreground"


async def test_a_delete_right_after_the_creation_leaves_nothing_though_the_watch_is_late(rig: Rig) -> None:
    rig.blind.add("aws")
    rig.create(a_job())
    await rig.settle()
    rig.delete()
    await rig.settle()
    assert rig.hub.objects.names(WORKLOADS) == ["train"]
    rig.blind.clear()
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    assert (rig.hub.objects.names(WORKLOADS), rig.copies()) == ([], [])


async def test_a_pause_right_after_the_creation_makes_no_second_copy_though_the_watch_is_late(rig: Rig) -> None:
    rig.blind.add("aws")
    rig.create(a_job())
    await rig.settle()
    rig.edit(suspend=True)
    await rig.settle()
    rig.judge("aws", HEALTHY)
    rig.edit(suspend=False)
    await rig.settle()
    assert len(rig.copies()) == 1
    rig.blind.clear()
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    assert rig.copies() == ["aws/train 2"]


async def test_a_watch_that_has_told_of_the_end_already_is_believed(rig: Rig) -> None:
    """The copy is deleted by somebody before the answer to its creation has come."""
    aws = rig.members["aws"].objects
    await placed(rig)
    made = aws.get(JOBS, "research", "train")
    assert made is not None
    aws.remove(JOBS, "research", "train")
    rig.store.made("aws", {**made, "kind": "Job"})
    inventory = rig.store.clusters["aws"].inventory()
    assert inventory is not None
    assert dict(inventory.copies) == {}


async def test_a_delete_on_a_dead_cluster_is_remembered_before_the_object_goes(rig: Rig) -> None:
    await placed(rig)
    rig.judge("aws", DOWN)
    rig.delete()
    await rig.settle()
    assert rig.hub.objects.names(WORKLOADS) == []
    writes = [call for call in rig.hub.calls if call.method == "PATCH"]
    last, before = writes[-1], writes[-2]
    assert before.path.endswith("/federatedclusters/aws/status")
    assert last.body["metadata"]["finalizers"] == []
    cluster = rig.hub.objects.get(CLUSTERS, "", "aws")
    assert cluster is not None
    assert [(orphan["namespace"], orphan["name"]) for orphan in cluster["status"]["orphans"]] == [("research", "train")]
    assert len(rig.restarted().store.clusters["aws"].orphans) == 1


async def test_a_delete_after_a_restart_remembers_where_the_work_has_been(rig: Rig) -> None:
    await placed(rig, a_server())
    rig.judge("aws", DOWN)
    await rig.settle()
    fresh = rig.restarted()
    member = fresh.store.clusters["aws"].member
    assert member is not None
    fresh.judge("aws", DOWN)
    fresh.store.connect(fresh.store.clusters["aws"])
    fresh.delete("chat")
    await fresh.settle()
    fresh.members["gcp"].objects.finish_deletes()
    await fresh.settle()
    assert fresh.hub.objects.names(WORKLOADS) == []
    assert [orphan.key.name for orphan in fresh.store.clusters["aws"].orphans] == ["chat"]


async def test_a_finalizer_that_is_removed_by_force_leaves_a_copy_to_be_swept(rig: Rig) -> None:
    await placed(rig)
    uid = rig.entry().uid
    rig.hub.objects.remove(WORKLOADS, "research", "train")
    assert rig.store.clusters["aws"].orphans == (Orphan(Key("research", "train"), uid),)
    assert rig.store.clusters["gcp"].orphans == ()


async def test_work_made_again_under_an_orphans_name_does_not_take_it_over(rig: Rig) -> None:
    await placed(rig)
    rig.judge("aws", DOWN)
    rig.delete()
    await rig.settle()
    rig.create(a_job())
    await rig.settle()
    assert rig.copies() == ["aws/train 1", "gcp/train 1"]
    assert rig.status()["placements"][0]["cluster"] == "gcp"
    assert "adoptedUID" not in rig.status()


async def test_suspended_work_is_stopped_and_goes_on_in_a_new_epoch(rig: Rig) -> None:
    await placed(rig)
    rig.edit(suspend=True)
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]
    rig.edit(suspend=False)
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    assert rig.copies() == ["aws/train 2"]


async def test_a_member_that_is_busy_is_asked_to_remove_the_copy_later(rig: Rig) -> None:
    await placed(rig)
    rig.members["aws"].answer("DELETE /train", 429, times=3)
    rig.edit(suspend=True)
    await rig.settle()
    await rig.settle(later_s=60)
    await rig.settle(later_s=60)
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    assert rig.copies() == []


async def test_at_most_once_stays_through_an_outage(rig: Rig) -> None:
    await placed(rig)
    rig.judge("aws", DOWN)
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]
    assert rig.condition("Ready") == ("False", "OldCopyMayRun")
    rig.judge("aws", RECOVERING)
    await rig.settle()
    assert rig.condition("Ready") == ("True", "Running")


async def test_the_emergency_release_moves_it(rig: Rig) -> None:
    await placed(rig)
    rig.judge("aws", DOWN)
    await rig.settle()
    rig.edit(failover={"guarantee": "AtLeastOnce"})
    await rig.settle()
    assert rig.copies() == ["aws/train 1", "gcp/train 2"]
    assert rig.status()["moves"][0]["reason"] == "ApiServerSilent"


async def test_a_stale_copy_is_the_first_thing_to_go_when_its_cluster_returns(rig: Rig) -> None:
    await placed(rig, a_server())
    rig.judge("aws", DOWN)
    await rig.settle()
    assert rig.copies() == ["aws/chat 1", "gcp/chat 2"]
    rig.judge("aws", RECOVERING)
    await rig.settle()
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    assert rig.copies() == ["gcp/chat 2"]


async def test_a_success_that_is_found_on_a_returning_cluster_ends_the_second_run(rig: Rig) -> None:
    await placed(rig, a_job(failover={"guarantee": "AtLeastOnce"}))
    rig.judge("aws", DOWN)
    await rig.settle()
    rig.runs("gcp")
    done = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
    rig.members["aws"].objects.change(JOBS, "research", "train", status=done)
    rig.judge("aws", RECOVERING)
    await rig.settle()
    rig.members["gcp"].objects.finish_deletes()
    await rig.settle()
    assert rig.copies() == ["aws/train 1"]
    assert rig.status()["finished"]["result"] == "Succeeded"
    rig.restarted()
    assert rig.copies() == ["aws/train 1"]


LABELS = {"tradewind.dev/hub": "default", "tradewind.dev/workload": "train", "tradewind.dev/uid": "of-the-old-hub"}


def left_by_an_old_hub(rig: Rig, cluster: str, *, epoch: int, generation: int = 1) -> None:
    metadata = {
        "name": "train",
        "namespace": "research",
        "labels": {**LABELS, "tradewind.dev/epoch": str(epoch)},
        "annotations": {"tradewind.dev/generation": str(generation), "tradewind.dev/offer": "h100"},
    }
    rig.members[cluster].objects.put(JOBS, {"metadata": metadata, "spec": {}, "status": {"ready": 1}})


@pytest.mark.parametrize("generation", [1, 7])
async def test_a_rebuilt_hub_goes_on_with_what_runs(rig: Rig, generation: int) -> None:
    left_by_an_old_hub(rig, "gcp", epoch=4, generation=generation)
    rig.create(a_job())
    await rig.settle()
    await rig.settle(later_s=60)
    assert rig.copies() == ["gcp/train 4"]
    assert rig.condition("Ready") == ("True", "Running")
    assert rig.status()["adoptedUID"] == "of-the-old-hub"


async def test_a_rebuilt_hub_ends_all_but_the_newest_copy(rig: Rig) -> None:
    left_by_an_old_hub(rig, "aws", epoch=3)
    left_by_an_old_hub(rig, "gcp", epoch=4)
    rig.create(a_job())
    await rig.settle()
    rig.members["aws"].objects.finish_deletes()
    await rig.settle()
    assert rig.copies() == ["gcp/train 4"]


async def test_a_job_that_had_failed_before_the_hub_was_rebuilt_is_not_run_again(rig: Rig) -> None:
    left_by_an_old_hub(rig, "gcp", epoch=4)
    failed = {"conditions": [{"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}]}
    rig.members["gcp"].objects.change(JOBS, "research", "train", status=failed)
    rig.create(a_job())
    await rig.settle()
    assert rig.copies() == ["gcp/train 4"]
    assert rig.condition("Ready") == ("False", "Failed")


async def test_a_rebuilt_hub_waits_for_a_cluster_that_it_has_never_listed(rig: Rig) -> None:
    left_by_an_old_hub(rig, "gcp", epoch=1)
    rig.create(a_job())
    await rig.settle()
    unknown = rig.store.clusters["aws"]
    unknown.listed = False
    rig.judge("aws", Judgement(Verdict.SUSPECT, "ApiServerSilent", "Silent."))
    unknown.evidence = replace(unknown.evidence, answering_since_s=None)
    rig.create(a_job("other"))
    await rig.settle()
    assert rig.condition("Placed", "other") == ("False", "AdoptionPending")
    rig.judge("aws", HEALTHY)
    rig.look("aws")
    await rig.settle()
    assert "aws/other 1" in rig.copies()


async def test_a_hub_that_was_restored_without_statuses_holds_work_while_a_cluster_is_away(rig: Rig) -> None:
    """Its finalizer is all that tells that it was placed; no copy was found anywhere that could have told."""
    rig.judge("aws", Judgement(Verdict.SUSPECT, "ApiServerSilent", "Silent."))
    unseen = rig.store.clusters["aws"]
    unseen.evidence = replace(unseen.evidence, answering_since_s=None)
    placed = a_job()
    placed["metadata"]["finalizers"] = [FINALIZER]
    rig.create(placed)
    rig.create(a_job("other"))
    await rig.settle()
    assert rig.condition("Placed") == ("False", "AdoptionPending")
    assert rig.copies() == ["gcp/other 1"]
    left_by_an_old_hub(rig, "aws", epoch=3)
    rig.judge("aws", HEALTHY)
    rig.look("aws")
    await rig.settle()
    assert rig.copies() == ["aws/train 3", "gcp/other 1"]
