"""The demo's own counts: they find a double run, a stale copy and work that is missing, where there is one."""

from __future__ import annotations

from itertools import count as counter
from typing import TYPE_CHECKING, Any

import pytest

from tradewind.cli.demo_audit import PODS, Count, Ledger, MemberCount
from tradewind.cli.demo_checks import checks_of
from tradewind.cli.demo_outage import Outage
from tradewind.cli.demo_picture import CLUSTERS, WORKLOADS, Picture
from tradewind.cli.demo_watch import Event

if TYPE_CHECKING:
    from tradewind.cli.demo_checks import Check

Manifest = dict[str, Any]
UIDS = counter()


def a_pod(workload: str, *, epoch: int = 1, phase: str = "Running", uid: str = "") -> Manifest:
    labels = {"tradewind.dev/workload": workload, "tradewind.dev/epoch": str(epoch)}
    metadata = {"namespace": "ml", "name": workload, "uid": uid or f"pod-{next(UIDS)}", "labels": labels}
    return {"kind": "Pod", "metadata": metadata, "status": {"phase": phase}}


def seen(cluster: str, pod: Manifest | None, at_s: float, *, deleted: bool = False) -> Event:
    return Event(PODS + cluster, pod, deleted, at_s)


def test_two_members_with_a_running_pod_are_two_copies() -> None:
    ledger = Ledger()
    ledger.take(seen("aws", a_pod("train"), 0))
    ledger.take(seen("gcp", a_pod("train", epoch=2), 1))
    assert ledger.most == {"ml/train": 2}


def test_two_epochs_on_one_member_are_two_copies() -> None:
    ledger = Ledger()
    ledger.take(seen("aws", a_pod("train"), 0))
    ledger.take(seen("aws", a_pod("train", epoch=2), 1))
    assert ledger.most == {"ml/train": 2}


def test_many_pods_of_one_copy_are_one_copy() -> None:
    ledger = Ledger()
    for at_s in range(4):
        ledger.take(seen("aws", a_pod("train"), at_s))
    assert ledger.most == {"ml/train": 1}


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param((a_pod("train", uid="old"), True), id="its pod was deleted"),
        pytest.param((a_pod("train", uid="old", phase="Succeeded"), False), id="its pod has ended"),
    ],
)
def test_a_copy_that_ended_before_the_next_began_is_no_double(ending: tuple[Manifest, bool]) -> None:
    ledger = Ledger()
    ledger.take(seen("aws", a_pod("train", uid="old"), 0))
    ledger.take(seen("aws", ending[0], 1, deleted=ending[1]))
    ledger.take(seen("gcp", a_pod("train", epoch=2), 2))
    assert ledger.most == {"ml/train": 1}


def test_a_member_that_went_silent_keeps_its_copies_in_the_ledger() -> None:
    ledger = Ledger()
    ledger.take(seen("aws", a_pod("chat"), 0))
    # Nothing comes from aws any more: its watch is dead, and its pods run on.
    ledger.take(seen("gcp", a_pod("chat", epoch=2), 10))
    ledger.take(seen("aws", None, 17.5))  # it answers again, and the old pod is no longer listed
    assert ledger.most == {"ml/chat": 2}
    assert ledger.double_s("ml/chat") == pytest.approx(7.5)


# What stands at the end of a demo in which all went well; each case below spoils one thing.


def a_work(name: str, *, cluster: str, epoch: int, guarantee: str, reason: str = "Running") -> Manifest:
    place = {"cluster": cluster, "offer": "o", "state": "Running", "totalUSD": "1.0"}
    phase = "Running" if reason == "Running" else "Waiting"
    status = {
        "phase": phase,
        "epoch": epoch,
        "conditions": [{"type": "Ready", "reason": reason, "message": ""}],
        "placements": [place],
        "effective": {"guarantee": guarantee},
    }
    return {"metadata": {"namespace": "ml", "name": name}, "status": status}


def a_member(name: str, verdict: str) -> Manifest:
    spec = {"connection": {"kubeconfigSecretRef": {"name": name}}}
    return {"metadata": {"name": name}, "spec": spec, "status": {"verdict": verdict, "message": "It is: so."}}


class Played:
    """A demo played by events, as the watches would have given them."""

    def __init__(self) -> None:
        self.picture, self.ledger = Picture(), Ledger()
        self.lines: list[tuple[str, str]] = []
        self.outage: Outage | None = None
        self.at_s = 0.0

    def take(self, source: str, obj: Manifest | None, *, deleted: bool = False) -> None:
        self.at_s += 1
        event = Event(source, obj, deleted, self.at_s)
        before = self.picture.take(event)
        self.ledger.take(event)
        if self.outage:
            self.outage.take(event, before=before, picture=self.picture, ledger=self.ledger)

    def kill(self) -> None:
        lost = self.picture.members["aws"]
        self.outage = Outage(lost, self.picture.on("aws"), mark=lambda _, what, text: self.lines.append((what, text)))

    def checks(self, counted: Count, *, placed: int = 2) -> dict[str, Check]:
        assert self.outage is not None
        found = checks_of(counted, self.outage, placed=placed, foreseen=(), picture=self.picture, ledger=self.ledger)
        return {check.name: check for check in found}


def play(*, moves: bool = True, waits: bool = True) -> Played:
    """Train is bound to one copy and waits on aws; chat moves to gcp; aws returns."""
    demo = Played()
    for name in ("aws", "gcp"):
        demo.take(CLUSTERS, a_member(name, "Healthy"))
    train = a_work("train", cluster="aws", epoch=1, guarantee="AtMostOnce")
    chat = a_work("chat", cluster="aws", epoch=1, guarantee="AtLeastOnce")
    for work, pod in ((train, a_pod("train")), (chat, a_pod("chat", uid="old"))):
        demo.take(WORKLOADS, work)
        demo.take(f"{PODS}aws", pod)
    demo.kill()
    demo.take(CLUSTERS, a_member("aws", "Down"))
    if waits:
        demo.take(WORKLOADS, a_work("train", cluster="aws", epoch=1, guarantee="AtMostOnce", reason="OldCopyMayRun"))
    if moves:
        demo.take(f"{PODS}gcp", a_pod("chat", epoch=2))
        demo.take(WORKLOADS, a_work("chat", cluster="gcp", epoch=2, guarantee="AtLeastOnce"))
    assert demo.outage is not None
    demo.outage.begin_return()
    demo.take(f"{PODS}aws", a_pod("chat", uid="old"), deleted=True)
    demo.take(WORKLOADS, train)
    demo.take(CLUSTERS, a_member("aws", "Healthy"))
    return demo


def counted(*, stale: tuple[str, ...] = (), double: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> Count:
    members = (MemberCount("aws", ("ml/train",), 1, stale), MemberCount("gcp", ("ml/chat",), 1, ()))
    return Count(members, placed=2, workloads=2, double=double, missing=missing)


def failed(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if not check.holds]


def test_a_demo_in_which_all_went_well_passes_every_check() -> None:
    assert failed(play().checks(counted())) == []


def test_the_timeline_tells_detected_waits_decided_delivered_running_removed_in_this_order() -> None:
    whats = [what for what, _ in play().lines]
    assert whats == ["detected", "waits", "decided", "delivered", "running", "removed", "runs on", "healthy"]


def test_a_second_copy_of_work_that_may_have_one_only_fails_the_demo() -> None:
    demo = play()
    demo.take(f"{PODS}gcp", a_pod("train", epoch=2))
    assert failed(demo.checks(counted())) == ["once"]


def test_work_that_should_have_waited_and_did_not_fails_the_demo() -> None:
    assert failed(play(waits=False).checks(counted())) == ["once"]


def test_work_that_may_move_and_did_not_fails_the_demo() -> None:
    assert failed(play(moves=False).checks(counted())) == ["moved"]


@pytest.mark.parametrize(
    ("spoilt", "check"),
    [
        pytest.param({"stale": ("ml/chat",)}, "clean", id="a stale copy is left"),
        pytest.param({"double": ("ml/chat",)}, "clean", id="a workload has copies on two members"),
        pytest.param({"missing": ("ml/chat",)}, "complete", id="a promised copy is not there"),
    ],
)
def test_what_kubectl_finds_on_the_members_fails_the_demo(spoilt: dict[str, tuple[str, ...]], check: str) -> None:
    assert failed(play().checks(counted(**spoilt))) == [check]


def test_a_cloud_that_does_not_become_healthy_fails_the_demo() -> None:
    demo = play()
    demo.take(CLUSTERS, a_member("aws", "Recovering"))
    assert failed(demo.checks(counted())) == ["complete"]


def test_too_little_placed_at_first_fails_the_demo() -> None:
    assert failed(play().checks(counted(), placed=1)) == ["placed"]
