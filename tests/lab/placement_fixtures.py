"""A lab and an operator for the tests of placement, on a fleet whose members differ in all that work may wish for.

A plugin rather than a conftest: test modules name it in `pytest_plugins`, and share its session's fixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_lab import a_namespace, operated
from tests.lab.placement_facts import until_seen
from tests.lab.placement_manifests import the_fleet, the_network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.operator_fleet import Fleet


@pytest.fixture(scope="session")
def the_placement_fleet(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The fleet of `placement_manifests` with its network, declared, and an operator that leads."""
    folder = tmp_path_factory.mktemp("placement")
    with operated("placement", the_fleet(), root=lab_root, folder=folder) as fleet:
        fleet.hub.create(the_network())
        until_seen(fleet, "NetworkMap", "measured")
        yield fleet


@pytest.fixture
def market(the_placement_fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """The fleet, whole and empty, with a namespace for this test alone; afterwards nothing of it is left anywhere."""
    began = len(the_placement_fleet.operator.log())
    with a_namespace(the_placement_fleet, request.node.name) as fleet:
        yield fleet
    assert "Traceback" not in the_placement_fleet.operator.log()[began:]
