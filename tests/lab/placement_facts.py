"""What tests of placement change on a fleet, and what they read of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet, Manifest


@contextlib.contextmanager
def changed(fleet: Fleet, cluster: str, **spec: object) -> Iterator[None]:
    """Change these fields of a FederatedCluster's spec, and afterwards give them the values that they had."""
    before: Manifest = fleet.hub.get("FederatedCluster", name=cluster)["spec"]
    fleet.hub.merge("FederatedCluster", "", cluster, {"spec": spec})
    try:
        yield
    finally:
        fleet.hub.merge("FederatedCluster", "", cluster, {"spec": {key: before.get(key) for key in spec}})


def refused(fleet: Fleet, name: str) -> dict[str, Manifest]:
    """The refusals in a workload's status, by reason."""
    return {each["reason"]: each for each in fleet.status(name).get("refused", [])}
