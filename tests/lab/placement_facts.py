"""What tests of placement change on a fleet, and what they read of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet, Manifest


def until_seen(fleet: Fleet, kind: str, name: str, namespace: str = "") -> None:
    """Wait until the operator has taken note of an object's spec: watches of different kinds overtake each other."""

    def seen() -> bool:
        obj = fleet.hub.get(kind, namespace, name)
        return bool(obj["status"]["observedGeneration"] == obj["metadata"]["generation"])

    until(f"{kind} {name} has been seen", seen)


@contextlib.contextmanager
def changed(fleet: Fleet, cluster: str, **spec: object) -> Iterator[None]:
    """Change these fields of a FederatedCluster's spec, and afterwards give them the values that they had."""
    before: Manifest = fleet.hub.get("FederatedCluster", name=cluster)["spec"]
    fleet.hub.merge("FederatedCluster", "", cluster, {"spec": spec})
    try:
        until_seen(fleet, "FederatedCluster", cluster)
        yield
    finally:
        fleet.hub.merge("FederatedCluster", "", cluster, {"spec": {key: before.get(key) for key in spec}})
        until_seen(fleet, "FederatedCluster", cluster)


def refused(fleet: Fleet, name: str) -> dict[str, Manifest]:
    """The refusals in a workload's status, by reason."""
    return {each["reason"]: each for each in fleet.status(name).get("refused", [])}
