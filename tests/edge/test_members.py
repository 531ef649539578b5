"""Connections to members: begun, renewed and ended with what is declared; what they make of silences and returns."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.edge.fakeapi import FakeApi
from tests.edge.rig import a_cluster, a_node
from tests.edge.waiting import until

from tradewind.errors import RetryableError
from tradewind.kube.fence import unfenced
from tradewind.kube.resources import deliverable
from tradewind.model.health import Judgement, Verdict
from tradewind.observe.connection import Connection
from tradewind.observe.members import Members
from tradewind.state.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tradewind.kube.fence import Fence
    from tradewind.state.fleet import ClusterEntry

Manifest = dict[str, Any]
JOBS = "batch/v1/jobs"
LISTS = 6
"""So many reads of its name show that lists have been tried meanwhile, beside the probes."""
FAST = {"detection": {"probeInterval": "200ms", "downAfterOneKind": "1s", "upAfter": "1s"}}
LABELS = {"tradewind.dev/hub": "default", "tradewind.dev/workload": "train", "tradewind.dev/epoch": "1"}


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let kubeconfigs of these tests name an http:// address; that others are refused is tested elsewhere."""

    async def read(text: str) -> Any:
        from kubernetes.aio import client as k8s  # noqa: PLC0415 - of this stand-in only

        return k8s.Configuration(host=yaml.safe_load(text)["server"])

    monkeypatch.setattr("tradewind.observe.connection.configuration_from_secret", read)


def a_secret(name: str, api: FakeApi | None = None, *, text: str = "") -> Manifest:
    content = text or yaml.safe_dump({"server": api.url if api else ""})
    return {"metadata": {"name": name}, "data": {"kubeconfig": base64.b64encode(content.encode()).decode()}}


def declared(name: str = "aws", *, uid: str = "uid-1", **spec: Any) -> Manifest:
    cluster = a_cluster(name, usd="1.0")
    metadata = {**cluster["metadata"], "uid": uid, "generation": 1, "resourceVersion": "1", "creationTimestamp": "2027"}
    return {**cluster, "metadata": metadata, "spec": {**cluster["spec"], **FAST, **spec}}


@asynccontextmanager
async def members(fence: Fence | None = None) -> AsyncIterator[tuple[Store, Members]]:
    store = Store()
    async with asyncio.TaskGroup() as tasks:
        yield (
            store,
            Members(
                store,
                tasks,
                namespace="tradewind-system",
                hub_name="default",
                fence=fence or unfenced(),
                on_call=lambda *_: None,
            ),
        )
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if task.get_name().startswith("member "):
                task.cancel()


def declare(store: Store, made: Members, obj: Manifest) -> ClusterEntry:
    entry = store.see_cluster(obj)
    made.settle()
    assert entry is not None
    return entry


def problem(entry: ClusterEntry) -> str:
    return entry.problem[0] if entry.problem else ""


async def test_a_declared_cluster_with_its_secret_is_connected_and_read(api: FakeApi) -> None:
    api.objects.put("v1/nodes", a_node())
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member and entry.member.synced and entry.answers and entry.uid)
        assert (problem(entry), made.server("aws") is not None) == ("", True)
        cluster = entry.cluster(())
        assert cluster is not None
        assert [node.free_accelerators for node in cluster.nodes] == [8]


async def test_its_kinds_and_quotas_are_known_once_they_are_read(api: FakeApi) -> None:
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member and entry.member.synced and entry.answers and entry.uid)
        cluster = entry.cluster(())
        assert cluster is not None
        assert (cluster.kinds, cluster.quotas) == (None, ()), "its discovery does not answer: that is no knowledge"
        hard = {"requests.nvidia.com/gpu": "4"}
        quota = {"metadata": {"name": "team", "namespace": "research"}, "spec": {}, "status": {"hard": hard}}
        api.objects.put("v1/resourcequotas", quota)
        for path in ("/api/v1", "/apis/batch/v1"):
            api.discovery[path] = {"resources": [{"name": "jobs", "kind": "Job"}]}
        await made_again(made, api)
        await until(lambda: entry.member and entry.member.quotas and entry.member.kinds)
        cluster = entry.cluster(())
        assert cluster is not None
        assert cluster.kinds == frozenset({"v1/Job", "batch/v1/Job"})
        assert cluster.quotas[0].free == {"nvidia.com/gpu": 4.0}


async def made_again(made: Members, api: FakeApi) -> None:
    """Renew the connection, which reads everything anew."""
    made.see_secrets([a_secret("aws", text=yaml.safe_dump({"server": api.url, "other": 1}))])


async def test_nothing_is_connected_before_the_secrets_are_known(api: FakeApi) -> None:
    async with members() as (store, made):
        entry = declare(store, made, declared())
        assert (problem(entry), made.server("aws")) == ("", None)
        made.see_secrets([a_secret("aws", api)])
        await until(lambda: entry.answers)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(None, "SecretNotFound", id="no Secret"),
        pytest.param({}, "SecretKeyNotFound", id="a Secret without data"),
        pytest.param({"config": "eA=="}, "SecretKeyNotFound", id="another key"),
        pytest.param({"kubeconfig": "%%"}, "KubeconfigInvalid", id="no base64"),
        pytest.param({"kubeconfig": "/w=="}, "KubeconfigInvalid", id="no text"),
    ],
)
async def test_a_secret_that_can_not_be_used_is_its_clusters_problem_alone(
    api: FakeApi, data: dict[str, str] | None, reason: str
) -> None:
    secrets = [] if data is None else [{"metadata": {"name": "aws"}, "data": data or None}]
    async with members() as (store, made):
        made.see_secrets([*secrets, a_secret("gcp", api)])
        bad, good = declare(store, made, declared()), declare(store, made, declared("gcp", uid="uid-2"))
        assert problem(bad) == reason
        await until(lambda: good.answers)
        cluster = bad.cluster(())
        assert cluster is not None
        assert not cluster.health.takes_work
        assert not cluster.health.lost


async def test_a_secret_that_comes_later_cures_it(api: FakeApi) -> None:
    async with members() as (store, made):
        made.see_secrets([])
        entry = declare(store, made, declared())
        assert entry.problem is not None
        assert "kubectl -n tradewind-system create secret generic aws" in entry.problem[1]
        made.see_secrets([a_secret("aws", api)])
        await until(lambda: entry.answers)
        assert problem(entry) == ""


async def test_a_secret_that_goes_ends_the_connection_and_what_it_showed_is_no_longer_the_truth(api: FakeApi) -> None:
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member and entry.member.synced and entry.answers and entry.uid)
        made.see_secrets([])
        assert (problem(entry), made.server("aws")) == ("SecretNotFound", None)
        inventory = entry.inventory()
        assert inventory is not None
        assert not inventory.current
        await until(lambda: not api.watches)


async def test_a_new_secret_leads_to_a_new_connection(api: FakeApi) -> None:
    async with FakeApi("elsewhere") as other, members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.answers and api.watches == 5)
        made.see_secrets([a_secret("aws", other)])
        assert not entry.answers
        await until(lambda: entry.answers and other.watches == 5)
        await until(lambda: not api.watches)


async def test_a_secret_that_is_the_same_changes_nothing(api: FakeApi) -> None:
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.answers)
        server = made.server("aws")
        made.see_secrets([a_secret("aws", api), a_secret("other", api)])
        assert made.server("aws") is server
        assert entry.answers


async def test_a_cluster_that_is_no_longer_declared_is_let_go(api: FakeApi) -> None:
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        obj = declared()
        entry = declare(store, made, obj)
        await until(lambda: entry.answers and api.watches)
        store.see_cluster(obj, deleted=True)
        made.settle()
        assert made.server("aws") is None
        await until(lambda: not api.watches)


async def test_a_cluster_that_is_declared_anew_is_read_anew(api: FakeApi) -> None:
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        obj = declared()
        first = declare(store, made, obj)
        await until(lambda: first.answers)
        store.see_cluster(obj, deleted=True)
        second = declare(store, made, declared(uid="uid-2"))
        await until(lambda: second.answers and second.member and second.member.synced)
        assert second is not first


async def test_a_silence_that_ends_leads_to_a_new_list(api: FakeApi) -> None:
    """Streams may hang on connections that died with the network; nothing that they showed can be trusted."""
    api.objects.put(JOBS, {"metadata": {"name": "train", "namespace": "research", "labels": LABELS}})
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member and entry.member.synced and entry.answers and entry.uid)
        api.drop("GET /kube-system")
        await until(lambda: entry.evidence.silent_probes > 1)
        inventory = entry.inventory()
        assert inventory is not None
        assert not inventory.current
        api.objects.listeners.clear()
        api.objects.remove(JOBS, "research", "train")
        api.heal()
        await until(lambda: entry.answers)
        await until(lambda: entry.inventory().current)  # type: ignore[union-attr]  # it has an inside: looked at above
        assert dict(entry.inventory().copies) == {}  # type: ignore[union-attr]  # it has an inside: looked at above


@asynccontextmanager
async def a_member_whose_streams_hang(api: FakeApi) -> AsyncIterator[ClusterEntry]:
    """Watch a member whose streams stay open from now on, and say nothing any more."""
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member and entry.member.synced and entry.answers)
        api.objects.listeners.clear()
        yield entry


async def test_a_stream_that_hangs_is_replaced_after_a_single_lost_probe(api: FakeApi) -> None:
    """A member that was restored from its backup in that moment holds other copies, and no such stream says so."""
    async with a_member_whose_streams_hang(api) as entry:
        api.objects.put(JOBS, {"metadata": {"name": "train", "namespace": "research", "labels": LABELS}})
        api.hang("GET /namespaces/kube-system", times=1)
        await until(lambda: entry.inventory().copies)  # type: ignore[union-attr]  # it has an inside: looked at above


async def test_nodes_are_listed_afresh_before_they_count_as_lost(api: FakeApi) -> None:
    """A stream that died between two probes says nothing of nodes that are ready again."""
    async with a_member_whose_streams_hang(api) as entry:
        api.objects.put("v1/nodes", a_node())
        entry.health = Judgement(Verdict.SUSPECT, "NodesNotReady", "Not one node is ready.")
        await until(lambda: entry.member and entry.member.nodes_ready)
        lists, probes = len(api.verbs(ends="/nodes")), len(api.verbs(ends="/namespaces/kube-system"))
        await until(lambda: len(api.verbs(ends="/namespaces/kube-system")) > probes + LISTS)
        assert len(api.verbs(ends="/nodes")) <= lists + 1, "once, and then it is watched"


async def test_work_that_is_placed_there_is_looked_at_once_it_can_be_seen_again(api: FakeApi) -> None:
    """One lost probe changes no verdict, and yet whoever looked meanwhile saw nothing and waits for news."""
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member and entry.member.synced and entry.answers and entry.uid)
        store.see_workload(
            {
                "metadata": {"name": "w", "namespace": "research", "uid": "u", "resourceVersion": "1"},
                "status": {"epoch": 1, "placements": [{"cluster": "aws", "epoch": 1, "state": "Running"}]},
            }
        )
        await api.stop()
        await until(lambda: not entry.answers)
        store.dirty.take()
        await api.start()
        await until(lambda: entry.answers and len(store.dirty))


async def test_probes_are_started_while_others_hang(api: FakeApi) -> None:
    released = api.hang("GET /kube-system")
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.evidence.silent_probes >= 3)
        released.set()
        await until(lambda: entry.answers)


async def test_a_connection_that_breaks_in_an_unforeseen_way_is_begun_anew(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = Connection.run

    async def broken(*_: object, **__: object) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("nobody thought of this")

    async with members() as (store, made):
        monkeypatch.setattr(Connection, "run", broken)
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: problem(entry) == "ConnectionFailed")
        monkeypatch.setattr(Connection, "run", original)
        made.settle()
        await until(lambda: entry.answers)
        assert problem(entry) == ""
    assert "nobody thought of this" in caplog.text


async def test_a_list_counts_only_once_it_is_known_whose_it_is(api: FakeApi) -> None:
    """An API server that was made anew lists nothing at first, and has not even a name yet."""
    api.objects.put(JOBS, {"metadata": {"name": "train", "namespace": "research", "labels": LABELS}})
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member and entry.member.synced and entry.answers and entry.uid)
        old = entry.uid
        api.objects.listeners.clear()
        api.objects.remove(JOBS, "research", "train")
        unnamed = api.answer("GET /namespaces/kube-system", 404, reason="NotFound")
        await api.stop()
        await api.start()
        await until(lambda: entry.answers and unnamed.hits > LISTS)
        assert not is_current(entry), "nobody has said whose list this is"
        api.objects.put("v1/namespaces", {"metadata": {"name": "kube-system", "uid": "another"}})
        api.heal()
        await until(lambda: entry.member and entry.member.synced)
        assert (entry.rebuilt, is_current(entry), old != entry.uid) == (True, False, True)


async def test_nothing_is_written_to_a_cluster_that_has_taken_the_place_of_another(api: FakeApi) -> None:
    """No probe has told yet that it is another."""
    job: Manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train", "namespace": "research"}}
    async with members() as (store, made):
        made.see_secrets([a_secret("aws", api)])
        entry = declare(store, made, declared())
        await until(lambda: entry.member and entry.member.synced and entry.answers and entry.uid)
        server = made.server("aws")
        assert server is not None
        await api.stop()
        api.objects.put("v1/namespaces", {"metadata": {"name": "kube-system", "uid": "another"}})
        await api.start()
        for _ in range(2):
            with pytest.raises(RetryableError):
                await server.create(deliverable(job), job, namespace="research")
        assert api.objects.names(JOBS) == []
        assert entry.rebuilt


def is_current(entry: ClusterEntry) -> bool:
    inventory = entry.inventory()
    return inventory is not None and inventory.current
