"""A lab with an operator on a fleet of any kind, and a namespace in it for one test."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from tests.lab.operator_fleet import Fleet, declare
from tests.lab.operator_manifests import POLICY
from tests.lab.operator_process import Operator
from tests.lab.operator_waiting import until

from tradewind.lab import fleet as lab_fleet
from tradewind.lab import status as lab_status
from tradewind.lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Manifest

CRDS = Path(__file__).resolve().parents[2] / "crds"
LOG_LINES = 40


@contextlib.contextmanager
def operated(
    name: str, clusters: list[Manifest], *, root: Path, folder: Path, log_level: str = "INFO"
) -> Iterator[Fleet]:
    """A lab whose members are these clusters, declared, with an operator that leads; its log goes to the folder."""
    manifests = folder / "fleet.yaml"
    manifests.write_text(yaml.safe_dump_all(clusters), encoding="utf-8")
    lab = Lab.up(f"p{os.getpid()}-{name}", root=root, pools=lab_fleet.read(manifests), time_scale=1.0)
    operator = Operator(lab.kubeconfig(), folder / "operator.log", log_level=log_level)
    fleet = Fleet(lab, operator)
    try:
        declare(fleet, clusters, POLICY, CRDS)
        operator.start()
        yield fleet
    finally:
        if operator.runs:
            operator.kill()
        fleet.close()
        lab.down()


@contextlib.contextmanager
def a_namespace(fleet: Fleet, test: str) -> Iterator[Fleet]:
    """The fleet, whole, with a new namespace named after a test; afterwards nothing of it is left anywhere."""
    began = len(fleet.operator.log())
    fleet.namespace = "t-" + re.sub(r"[^a-z0-9]+", "-", test.removeprefix("test_").lower())[:44].strip("-")
    fleet.hub.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fleet.namespace}})
    _mend(fleet, forget_losses=True)
    yield fleet
    fleet.unmark()
    try:
        _mend(fleet)
        _empty(fleet)
    finally:
        # Shown by pytest where the test failed.
        print(*fleet.operator.log()[began:].splitlines()[-LOG_LINES:], sep="\n")  # noqa: T201 - pytest shows it


def _mend(fleet: Fleet, *, forget_losses: bool = False) -> None:
    """Undo what a test may have broken, and wait until the operator sees a whole fleet.

    With `forget_losses` each test begins with a fleet that has never been lost: what flaps is trusted later and later,
    and twenty tests would end with half an hour. Not while there is work: it would leave a cluster that is removed.
    """
    for each in lab_status.describe(fleet.lab)["clusters"]:
        fleet.lab.heal(each["name"])
        if not each["ready"]:
            fleet.lab.resume(each["name"])
    if not fleet.operator.runs:
        fleet.operator.start()
    for name in fleet.members if forget_losses else ():
        fleet.forget_losses(name)
    for name in fleet.members:
        fleet.until_verdict(name, "Healthy")


def _empty(fleet: Fleet) -> None:
    """Delete the test's workloads, and see that no copy of them is left on any member."""
    fleet.hub.server.delete(f"/apis/tradewind.dev/v1alpha1/namespaces/{fleet.namespace}/aiworkloads")
    until("all workloads are gone", lambda: not fleet.hub.list("AIWorkload", fleet.namespace), within_s=60)
    for name, member in fleet.members.items():
        for kind in ("Job", "Deployment"):
            mine = [
                o for o in member.list(kind, fleet.namespace) if "tradewind.dev/hub" in o["metadata"].get("labels", {})
            ]
            assert not mine, f"left behind on {name}: {[each['metadata']['name'] for each in mine]}"
