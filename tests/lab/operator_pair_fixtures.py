"""A fleet with room for fifty jobs, and two operators on it; a plugin, as `operator_fixtures` is."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_fleet import path
from tests.lab.operator_lab import a_namespace, operated
from tests.lab.operator_manifests import H100, PRICES, a_cluster, an_offer
from tests.lab.operator_pair import TAKE_OVER_S, Pair
from tests.lab.operator_process import Operator
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.operator_fleet import Fleet, Manifest


def _clusters() -> list[Manifest]:
    """Eight nodes of eight H100 at each."""
    return [a_cluster(name, an_offer("h100", H100, PRICES[name]), nodes="h100=8") for name in ("aws", "gcp", "onprem")]


@pytest.fixture(scope="session")
def the_pairs_fleet(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("pair")
    with operated("pair", _clusters(), root=lab_root, folder=folder, log_level="DEBUG") as fleet:
        yield fleet


@pytest.fixture
def pair(the_pairs_fleet: Fleet, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """One that leads, and one that stands by."""
    fleet = the_pairs_fleet
    second = Operator(fleet.lab.kubeconfig(), tmp_path / "second.log", log_level="DEBUG")
    with a_namespace(fleet, request.node.name):
        pair = Pair(fleet, second)
        pair.up()
        try:
            yield pair
        finally:
            second.send(signal.SIGCONT)
            if second.runs:
                second.end()
            fleet.operator.send(signal.SIGCONT)
            if not fleet.operator.runs:
                fleet.operator.start(wait=False)
            # What was paused may have to find out first that it does not lead any more, and end.
            until("the first leads alone", lambda: _leads_alone(pair), within_s=TAKE_OVER_S)
            until("its work is deleted", lambda: _deletes_all(fleet), within_s=60)


def _deletes_all(fleet: Fleet) -> bool:
    """Delete what there is; fifty at once may take longer than the client waits."""
    fleet.hub.server.delete(path("AIWorkload", fleet.namespace))
    return not fleet.hub.list("AIWorkload", fleet.namespace)


def _leads_alone(pair: Pair) -> bool:
    first = pair.both[0]
    if not first.runs:
        first.start(wait=False)
    return pair.leaders() == [first]
