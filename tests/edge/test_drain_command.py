"""`tradewind drain` beside the operator's core: one field is set, work leaves as ever, and the command tells."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from tests.edge.rig import CLUSTERS, JOBS, Manifest, Rig, a_job
from tests.edge.waiting import until

from tradewind.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

TRACKED = {"argocd.argoproj.io/tracking-id": "fleet:tradewind.dev/FederatedCluster:/aws"}
BY_ARGO = {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:scheduling": {}}}}


class Hub:
    """The rig, seen from a shell; what is written to a FederatedCluster is seen by the operator's core."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self._file = folder / "kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "hub", "cluster": {"server": rig.hub.url}}],
            "users": [{"name": "me", "user": {}}],
            "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "me"}}],
            "current-context": "hub",
        }
        self._file.write_text(yaml.safe_dump(config), encoding="utf-8")
        rig.hub.objects.listeners.append(self._seen)

    def _seen(self, collection: str, kind: str, item: Manifest) -> None:
        if collection == CLUSTERS and kind != "DELETED":
            self.rig.store.see_cluster(item)

    def run(self, *args: str) -> asyncio.Task[Result]:
        """Start a command; it has a thread and a loop of its own."""
        whole = [*args, "--kubeconfig", str(self._file)]
        return asyncio.create_task(asyncio.to_thread(CliRunner().invoke, cli, whole))

    async def ends(self, *args: str) -> Result:
        """Run a command to its end."""
        return await asyncio.wait_for(self.run(*args), 30)

    def scheduling(self, name: str = "aws") -> str:
        """What the spec says."""
        found = self.rig.hub.objects.get(CLUSTERS, "", name)
        assert found is not None
        return str(found["spec"].get("scheduling") or "Enabled")

    def kept(self, **metadata: Any) -> None:
        """Let something keep aws as Git has it."""
        found = self.rig.hub.objects.get(CLUSTERS, "", "aws")
        assert found is not None
        self.rig.hub.objects.put(CLUSTERS, found | {"metadata": found["metadata"] | metadata})


@pytest.fixture
def hub(rig: Rig, tmp_path: Path) -> Hub:
    return Hub(rig, tmp_path)


async def runs(rig: Rig, work: Manifest) -> None:
    rig.create(work)
    await rig.settle()
    rig.runs("aws", work["metadata"]["name"])
    await rig.settle()


async def test_it_ends_once_the_cluster_is_empty_and_says_where_the_work_went(hub: Hub) -> None:
    rig = hub.rig
    await runs(rig, a_job())
    command = hub.run("drain", "aws", "-o", "json")
    await until(lambda: hub.scheduling() == "Draining")
    await rig.settle()
    looks = len(rig.hub.verbs(ends="/aiworkloads"))
    # The second look from now began after the decision.
    await until(lambda: len(rig.hub.verbs(ends="/aiworkloads")) >= looks + 2)
    assert not command.done(), "its copy has not ended yet"
    rig.members["aws"].objects.remove(JOBS, "research", "train")
    await rig.settle()
    result = await asyncio.wait_for(command, 30)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["cluster"], told["scheduling"], told["empty"]) == ("aws", "Draining", True)
    [row] = told["work"]
    assert (row["namespace"], row["name"], row["stage"], row["to"]) == ("research", "train", "Starting", "h100 on gcp")
    assert "aws was Enabled and is Draining now" in result.stderr
    assert "research/train: Leaving for h100 on gcp" in result.stderr


async def test_what_can_not_leave_is_named_when_the_time_is_over(hub: Hub) -> None:
    await runs(hub.rig, a_job(constraints={"providers": {"allow": ["aws"]}}))
    command = hub.run("drain", "aws", "--timeout", "3s")
    await until(lambda: hub.scheduling() == "Draining")
    await hub.rig.settle()
    result = await asyncio.wait_for(command, 30)
    assert result.exit_code == 3, result.output
    assert "0 left aws, and 1 are still there" in result.stdout
    assert "research/train: Blocked, aws is draining, and it stays since no other place can take it" in result.stdout


async def test_no_wait_sets_it_and_undo_takes_it_back(hub: Hub) -> None:
    assert (await hub.ends("drain", "aws", "--no-wait")).exit_code == 0
    assert hub.scheduling() == "Draining"
    again = await hub.ends("drain", "aws", "--no-wait")
    assert (again.exit_code, "aws is Draining already" in again.stderr) == (0, True)
    assert (await hub.ends("drain", "aws", "--undo")).exit_code == 0
    assert hub.scheduling() == "Enabled"


async def test_cordon_and_uncordon(hub: Hub) -> None:
    assert (await hub.ends("cordon", "gcp")).exit_code == 0
    assert hub.scheduling("gcp") == "Cordoned"
    assert (await hub.ends("uncordon", "gcp")).exit_code == 0
    assert hub.scheduling("gcp") == "Enabled"


async def test_an_empty_cluster_is_drained_at_once(hub: Hub) -> None:
    result = await hub.ends("drain", "own" if "own" in hub.rig.members else "gcp")
    assert (result.exit_code, "no work was there" in result.stdout) == (0, True)


async def test_a_misspelt_name_gets_a_suggestion(hub: Hub) -> None:
    result = await hub.ends("drain", "awss")
    assert (result.exit_code, 'did you mean "aws"?' in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param(("--timeout", "soon"), "no duration", id="a time that is none"),
        pytest.param(("--undone",), "--undo", id="an option that is misspelt"),
    ],
)
async def test_bad_input_is_said(hub: Hub, args: tuple[str, ...], words: str) -> None:
    result = await hub.ends("drain", "aws", *args)
    assert (result.exit_code, words in result.stderr) == (2, True)
    assert hub.scheduling() == "Enabled"


async def test_a_hub_that_does_not_answer_is_no_traceback(hub: Hub) -> None:
    await hub.rig.hub.stop()
    result = await hub.ends("drain", "aws")
    assert (result.exit_code, "Error: " in result.stderr) == (1, True)


async def test_where_git_sets_the_field_it_is_refused_and_told_where_to_write_it(hub: Hub) -> None:
    hub.kept(annotations=TRACKED, managedFields=[BY_ARGO])
    refused = await hub.ends("drain", "aws", "--no-wait")
    assert refused.exit_code == 1
    assert "Argo CD (fleet) sets spec.scheduling of aws from Git" in refused.stderr
    assert "scheduling: Draining" in refused.stderr
    assert hub.scheduling() == "Enabled"
    forced = await hub.ends("drain", "aws", "--no-wait", "--force")
    assert (forced.exit_code, "may set it back" in forced.stderr) == (0, True)
    assert hub.scheduling() == "Draining"


async def test_where_git_leaves_the_field_open_it_is_set_with_a_note(hub: Hub) -> None:
    hub.kept(annotations=TRACKED)
    result = await hub.ends("drain", "aws", "--no-wait")
    assert (result.exit_code, "Git leaves spec.scheduling open" in result.stderr) == (0, True)
    assert hub.scheduling() == "Draining"


async def test_a_drain_that_git_has_begun_is_watched_without_a_write(hub: Hub) -> None:
    hub.kept(annotations=TRACKED, managedFields=[BY_ARGO])
    assert (await hub.ends("drain", "aws", "--no-wait", "--force")).exit_code == 0
    result = await hub.ends("drain", "aws")
    assert (result.exit_code, result.stdout) == (0, "aws is empty: no work was there.\n")
