from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.api.convert import accelerator_table
from tradewind.model.policy import ClusterPolicy
from tradewind.state.member import Member

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.model.workload import Key

Manifest = dict[str, Any]


class Watcher:
    """A member's picture, with what it told."""

    def __init__(self) -> None:
        self.copies: list[Key] = []
        self.capacity = 0
        self.member = Member(
            "aws",
            accelerator_table(ClusterPolicy()),
            copies_changed=self._copies_changed,
            capacity_changed=self._capacity_changed,
            copies_listed=lambda: None,
        )

    def _copies_changed(self, keys: Iterable[Key]) -> None:
        self.copies += keys

    def _capacity_changed(self) -> None:
        self.capacity += 1


def a_node(name: str = "n", *, ready: bool = True) -> Manifest:
    allocatable = {"cpu": "96", "memory": "1Ti", "pods": "110", "nvidia.com/gpu": "8"}
    condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"allocatable": allocatable, "conditions": [condition]},
    }


def a_pod(uid: str, *, node: str = "n", gpus: int = 2, phase: str = "Running", ours: bool = True) -> Manifest:
    labels = {"tradewind.dev/workload": "train", "tradewind.dev/uid": "u", "tradewind.dev/epoch": "1"} if ours else {}
    container = {"name": "main", "resources": {"limits": {"cpu": "4", "nvidia.com/gpu": str(gpus)}}}
    return {
        "metadata": {"uid": uid, "name": uid, "namespace": "research", "labels": labels},
        "spec": {"nodeName": node, "containers": [container]} if node else {"containers": [container]},
        "status": {"phase": phase},
    }


def test_what_pods_take_is_not_free_and_comes_back_when_they_end() -> None:
    seen = Watcher()
    seen.member.set_nodes([a_node()])
    seen.member.set_pods([a_pod("a"), a_pod("b", ours=False)])
    (node,) = seen.member.nodes()
    assert (node.free_accelerators, node.free_cpu_cores, node.free_pods) == (4, 88, 108)
    seen.member.set_pod(a_pod("a", phase="Succeeded"), deleted=False)
    seen.member.set_pod(a_pod("b"), deleted=True)
    (node,) = seen.member.nodes()
    assert (node.free_accelerators, node.free_cpu_cores, node.free_pods) == (8, 96, 110)


def test_a_pod_takes_room_from_the_moment_that_it_has_a_node() -> None:
    seen = Watcher()
    seen.member.set_nodes([a_node()])
    seen.member.set_pod(a_pod("a", node="", phase="Pending"), deleted=False)
    assert seen.member.nodes()[0].free_accelerators == 8
    seen.member.set_pod(a_pod("a", phase="Pending"), deleted=False)
    assert seen.member.nodes()[0].free_accelerators == 6
    seen.member.set_pod(a_pod("a"), deleted=False)
    assert seen.member.nodes()[0].free_accelerators == 6


def test_the_pods_of_a_copy_that_have_a_node_are_counted_by_its_uid_and_epoch() -> None:
    seen = Watcher()
    seen.member.set_nodes([a_node()])
    seen.member.set_pods([a_pod("a"), a_pod("b"), a_pod("c", ours=False)])
    assert dict(seen.member.inventory().bound) == {("u", 1): 2}


def test_a_heartbeat_of_a_node_wakes_nobody_and_the_loss_of_one_does() -> None:
    seen = Watcher()
    seen.member.set_nodes([a_node()])
    before = seen.capacity
    seen.member.set_node(a_node(), deleted=False)
    assert seen.capacity == before
    seen.member.set_node(a_node(ready=False), deleted=False)
    assert seen.capacity > before
    assert (seen.member.nodes_total, seen.member.nodes_ready) == (1, 0)


def test_a_fresh_list_leaves_no_ghosts() -> None:
    seen = Watcher()
    seen.member.set_nodes([a_node("old"), a_node("n")])
    seen.member.set_pods([a_pod("a")])
    seen.member.set_nodes([a_node("n")])
    seen.member.set_pods([])
    assert [(node.name, node.free_accelerators) for node in seen.member.nodes()] == [("n", 8)]
    assert not seen.member.inventory().bound
