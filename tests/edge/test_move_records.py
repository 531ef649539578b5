"""Each move leaves a record, an Event, a log line, and its time in each phase."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.edge.rig import DOWN, JOBS, Manifest, Rig, a_job
from tests.edge.waiting import until

if TYPE_CHECKING:
    import pytest

EVENTS = "events.k8s.io/v1/events"
RUNS_TWICE = {"guarantee": "AtLeastOnce"}
CHECKPOINT = {"interval": "30m", "size": "1Gi", "locations": ["gcp/here"]}


async def told(rig: Rig, count: int) -> list[Manifest]:
    """Write the events that are queued, and read them in their order."""
    writing = asyncio.create_task(rig.events.run(quiet=rig.executor.quiet))
    try:
        await until(lambda: len(rig.hub.objects.names(EVENTS)) == count)
    finally:
        writing.cancel()
    events = [item for (path, _, _), item in rig.hub.objects.items.items() if path == EVENTS]
    return sorted(events, key=lambda event: str(event["eventTime"]))


async def test_a_move_out_of_an_outage(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tradewind.apply.report")
    rig.create(a_job(failover=RUNS_TWICE, checkpoint=CHECKPOINT))
    await rig.settle()
    rig.runs("aws")
    await rig.settle()
    rig.now_s += 720.0
    rig.judge("aws", replace(DOWN, since_s=rig.now_s))
    rig.now_s += 4000.0  # by now nobody would wait for its return
    await rig.settle()
    rig.now_s += 5.0
    rig.runs("gcp")
    await rig.settle()

    [move] = rig.status()["moves"]
    assert (move["lostWork"], move["lostUSD"]) == ("12m", "0.2000")
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("moved")]
    assert len(lines) == 1
    assert "from=aws reason=ApiServerSilent lost_s=720 lost_usd=0.20 cluster=gcp offer=h100 epoch=2" in lines[0]
    assert rig.phases == ["decided 4000", "delivered 0", "running 5"]
    assert [event["reason"] for event in await told(rig, 2)] == ["Placed", "Moved"]


async def test_a_move_for_a_law(rig: Rig) -> None:
    rig.create(a_job())
    await rig.settle()
    rig.runs("aws")
    await rig.settle()
    rig.now_s += 600.0
    rig.edit(constraints={"providers": {"deny": ["aws"]}})
    await rig.settle()
    [begun] = rig.status()["moves"]
    assert (begun["fromCluster"], begun["reason"], "toCluster" in begun) == ("aws", "ProviderDenied", False)
    assert (begun["lostWork"], rig.phases) == ("10m", [])
    rig.now_s += 30.0
    rig.members["aws"].objects.remove(JOBS, "research", "train")
    await rig.settle()
    [done] = rig.status()["moves"]
    assert (done["fromCluster"], done["toCluster"], done["epoch"]) == ("aws", "gcp", 2)
    rig.now_s += 8.0
    rig.runs("gcp")
    await rig.settle()
    assert rig.phases == ["decided 30", "delivered 0", "running 8"]
    assert [event["reason"] for event in await told(rig, 3)] == ["Placed", "ProviderDenied", "Moved"]
