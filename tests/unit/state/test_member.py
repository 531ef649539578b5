"""What is inside one member: what is free on its nodes, and what it holds."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.model.policy import AcceleratorType
from tradewind.model.workload import Key
from tradewind.state.member import Member

Manifest = dict[str, Any]
TABLE = (AcceleratorType("H100-80GB", {"gpu": "h100"}),)
LABELS = {"tradewind.dev/workload": "train", "tradewind.dev/uid": "u-1", "tradewind.dev/epoch": "3"}


class Heard:
    """A member, and what it told."""

    def __init__(self) -> None:
        self.copies: list[set[Key]] = []
        self.capacity = 0
        self.lists = 0
        self.member = Member(
            "aws",
            TABLE,
            copies_changed=lambda keys: self.copies.append(set(keys)),
            capacity_changed=self._capacity_changed,
            copies_listed=self._listed,
        )

    def _capacity_changed(self) -> None:
        self.capacity += 1

    def _listed(self) -> None:
        self.lists += 1

    def free(self) -> dict[str, tuple[int, float, int]]:
        """Accelerators, cores and pods that are free, by node."""
        return {n.name: (n.free_accelerators, n.free_cpu_cores, n.free_pods) for n in self.member.nodes()}


def a_node(name: str = "n1", *, gpus: int = 8, ready: bool = True, gpu: str = "h100", beat: int = 0) -> Manifest:
    conditions = [{"type": "Ready", "status": "True" if ready else "False", "lastHeartbeatTime": str(beat)}]
    allocatable = {"cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": str(gpus)}
    return {
        "metadata": {"name": name, "labels": {"gpu": gpu}},
        "status": {"allocatable": allocatable, "conditions": conditions},
    }


def a_pod(
    uid: str, *, node: str = "n1", gpus: int = 2, cpu: str = "4", phase: str = "Running", labels: Manifest | None = None
) -> Manifest:
    requests = {"cpu": cpu, "nvidia.com/gpu": str(gpus)}
    return {
        "metadata": {"uid": uid, "name": uid, "namespace": "x", "labels": labels or {}},
        "spec": {"nodeName": node or None, "containers": [{"resources": {"requests": requests, "limits": requests}}]},
        "status": {"phase": phase},
    }


def a_job(name: str = "train", *, epoch: str = "3", ready: int = 0, version: str = "7") -> Manifest:
    metadata = {"name": name, "namespace": "research", "uid": f"o-{name}", "resourceVersion": version}
    return {"metadata": {**metadata, "labels": {**LABELS, "tradewind.dev/epoch": epoch}}, "status": {"ready": ready}}


def test_nothing_is_known_before_everything_was_listed() -> None:
    heard = Heard()
    member = heard.member
    assert (member.capacity_known, member.copies_fresh, member.synced) == (False, False, False)
    member.nodes_sink.replace([a_node()])
    member.pods_sink.replace([])
    assert (member.capacity_known, member.capacity_fresh, member.copies_fresh) == (True, True, False)
    member.copy_sinks["Job"].replace([])
    assert not member.copies_fresh
    member.copy_sinks["Deployment"].replace([])
    assert (member.copies_fresh, member.synced, heard.lists) == (True, True, 2)


def test_what_is_stale_is_known_and_not_trusted() -> None:
    member = Heard().member
    member.nodes_sink.replace([])
    member.pods_sink.replace([])
    for sink in member.copy_sinks.values():
        sink.replace([])
    member.stale()
    assert (member.capacity_known, member.capacity_fresh, member.copies_fresh, member.synced) == (
        True,
        False,
        False,
        False,
    )
    assert not member.inventory().current


def test_pods_take_room_on_their_node_until_they_end() -> None:
    heard = Heard()
    heard.member.nodes_sink.replace([a_node("n1"), a_node("n2")])
    heard.member.pods_sink.replace([a_pod("a"), a_pod("b", node="n2", gpus=8)])
    assert heard.free() == {"n1": (6, 60.0, 109), "n2": (0, 60.0, 109)}
    heard.member.pods_sink.change("ADDED", a_pod("c"))
    assert heard.free()["n1"] == (4, 56.0, 108)
    heard.member.pods_sink.change("MODIFIED", a_pod("c", phase="Succeeded"))
    heard.member.pods_sink.change("DELETED", a_pod("c", phase="Succeeded"))
    heard.member.pods_sink.change("MODIFIED", a_pod("a", phase="Failed"))
    assert heard.free()["n1"] == (8, 64.0, 110)


def test_a_pod_without_a_node_takes_none_until_it_has_one() -> None:
    heard = Heard()
    heard.member.nodes_sink.replace([a_node()])
    heard.member.pods_sink.replace([a_pod("a", node="")])
    assert heard.free()["n1"][0] == 8
    heard.member.pods_sink.change("MODIFIED", a_pod("a"))
    heard.member.pods_sink.change("MODIFIED", a_pod("a"))
    assert heard.free()["n1"][0] == 6


def test_room_that_becomes_free_is_told_and_room_that_is_taken_is_not() -> None:
    heard = Heard()
    heard.member.nodes_sink.replace([a_node()])
    heard.member.pods_sink.replace([])
    before = heard.capacity
    heard.member.pods_sink.change("ADDED", a_pod("a"))
    assert heard.capacity == before
    heard.member.pods_sink.change("DELETED", a_pod("a"))
    assert heard.capacity == before + 1


def test_a_heartbeat_is_no_news_and_readiness_is() -> None:
    heard = Heard()
    heard.member.nodes_sink.replace([a_node(beat=1)])
    before = heard.capacity
    heard.member.nodes_sink.change("MODIFIED", a_node(beat=2))
    assert heard.capacity == before
    heard.member.nodes_sink.change("MODIFIED", a_node(ready=False))
    assert (heard.capacity, heard.member.nodes_total, heard.member.nodes_ready) == (before + 1, 1, 0)


def test_a_node_that_goes_takes_its_room_with_it() -> None:
    heard = Heard()
    heard.member.nodes_sink.replace([a_node("n1"), a_node("n2")])
    heard.member.nodes_sink.change("DELETED", a_node("n1"))
    heard.member.nodes_sink.change("DELETED", a_node("n1"))
    assert (set(heard.free()), heard.member.nodes_total) == ({"n2"}, 1)


def test_another_table_names_the_nodes_anew_without_another_list() -> None:
    heard = Heard()
    heard.member.nodes_sink.replace([a_node(gpu="mystery")])
    assert [node.accelerator for node in heard.member.nodes()] == [""]
    before = heard.capacity
    heard.member.set_table((AcceleratorType("Mystery-1", {"gpu": "mystery"}), *TABLE))
    assert [node.accelerator for node in heard.member.nodes()] == ["Mystery-1"]
    assert (heard.member.nodes_sink.fresh, heard.capacity) == (True, before + 1)


def test_pods_of_a_copy_are_counted_by_uid_and_epoch() -> None:
    heard = Heard()
    heard.member.copy_sinks["Job"].replace([a_job()])
    old = {**LABELS, "tradewind.dev/epoch": "2"}
    heard.member.pods_sink.replace([a_pod("a", labels=LABELS), a_pod("b", labels=LABELS), a_pod("c", labels=old)])
    inventory = heard.member.inventory()
    assert inventory.bound_of(inventory.copies[Key("research", "train")]) == 2
    heard.member.pods_sink.change("DELETED", a_pod("a", labels=LABELS))
    heard.member.pods_sink.change("MODIFIED", a_pod("b", labels=LABELS, phase="Succeeded"))
    inventory = heard.member.inventory()
    assert inventory.bound_of(inventory.copies[Key("research", "train")]) == 0


def test_changes_of_copies_are_told_and_repetitions_are_not() -> None:
    heard, key = Heard(), Key("research", "train")
    sink = heard.member.copy_sinks["Job"]
    sink.change("ADDED", a_job())
    sink.change("MODIFIED", a_job(version="8"))
    sink.change("MODIFIED", a_job(ready=1, version="9"))
    sink.change("DELETED", a_job(ready=1, version="10"))
    sink.change("DELETED", a_job(ready=1, version="10"))
    assert heard.copies == [{key}, {key}, {key}]


def test_a_list_tells_of_all_that_were_there_and_all_that_are() -> None:
    heard = Heard()
    sink = heard.member.copy_sinks["Job"]
    sink.replace([a_job("one"), a_job("two")])
    sink.replace([a_job("two"), a_job("three")])
    assert heard.copies[-1] == {Key("research", name) for name in ("one", "two", "three")}
    assert {key.name for key in heard.member.inventory().copies} == {"two", "three"}


def test_a_list_of_one_kind_says_nothing_about_the_other() -> None:
    heard = Heard()
    heard.member.copy_sinks["Deployment"].replace([a_job("serve")])
    heard.member.copy_sinks["Job"].replace([a_job("train")])
    heard.member.copy_sinks["Job"].replace([])
    assert {key.name for key in heard.member.inventory().copies} == {"serve"}


def test_the_end_of_one_kind_does_not_hide_another_of_the_same_name() -> None:
    heard = Heard()
    heard.member.copy_sinks["Job"].change("ADDED", a_job())
    heard.member.copy_sinks["Deployment"].change("ADDED", a_job(version="8"))
    heard.member.copy_sinks["Job"].change("DELETED", a_job(version="9"))
    assert heard.member.inventory().copies[Key("research", "train")].kind == "Deployment"


def test_what_we_wrote_is_known_before_the_watch_tells_of_it() -> None:
    heard = Heard()
    sink = heard.member.copy_sinks["Job"]
    sink.wrote(a_job(version="12"))
    assert set(heard.member.inventory().copies) == {Key("research", "train")}


def test_but_not_after_it_has_told_of_its_end() -> None:
    heard = Heard()
    sink = heard.member.copy_sinks["Job"]
    sink.change("DELETED", a_job(version="13"))
    sink.wrote(a_job(version="12"))
    assert dict(heard.member.inventory().copies) == {}


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["ADDED", "MODIFIED", "DELETED", "LIST"]),
        st.sampled_from("abcde"),
        st.sampled_from(["n1", "n2", "gone", ""]),
        st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]),
    ),
    max_size=40,
)


@given(events=EVENTS)
@settings(max_examples=80)
def test_the_books_are_the_same_as_if_all_had_been_listed_now(events: list[tuple[str, str, str, str]]) -> None:
    heard = Heard()
    heard.member.nodes_sink.replace([a_node("n1"), a_node("n2")])
    truth: dict[str, Manifest] = {}
    for kind, uid, node, phase in events:
        # A pod that has a node keeps it, and one that has ended stays so: a name that is used again has another uid.
        before = truth.get(uid)
        node = (before or {}).get("spec", {}).get("nodeName") or node  # noqa: PLW2901 - as a kubelet would see it
        if before and before["status"]["phase"] in ("Succeeded", "Failed"):
            phase = before["status"]["phase"]  # noqa: PLW2901 - an end is for ever
        pod = a_pod(uid, node=node, phase=phase, labels=LABELS)
        if kind == "LIST":
            heard.member.pods_sink.replace(list(truth.values()))
        elif kind == "DELETED":
            truth.pop(uid, None)
            heard.member.pods_sink.change(kind, pod)
        else:
            truth[uid] = pod
            heard.member.pods_sink.change(kind, pod)
    fresh = Heard()
    fresh.member.nodes_sink.replace([a_node("n1"), a_node("n2")])
    fresh.member.pods_sink.replace(list(truth.values()))
    assert heard.free() == fresh.free()
    assert heard.member.inventory().bound == fresh.member.inventory().bound
