"""One lab with one operator for all of the operator's tests; each test gets a namespace of its own, and a whole fleet.

A plugin rather than a conftest: test modules name it in `pytest_plugins`, and share its session's fixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_audit import Audit
from tests.lab.operator_lab import a_namespace, operated
from tests.lab.operator_manifests import the_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.operator_fleet import Fleet


@pytest.fixture(scope="session")
def the_operators_fleet(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub, aws, gcp and onprem, declared, with an operator that leads."""
    folder = tmp_path_factory.mktemp("operator")
    with operated("operator", the_fleet(), root=lab_root, folder=folder) as fleet:
        yield fleet


@pytest.fixture
def fleet(the_operators_fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """The fleet, whole and empty, with a namespace for this test alone; afterwards nothing of it is left anywhere."""
    with a_namespace(the_operators_fleet, request.node.name) as fleet:
        yield fleet


@pytest.fixture
def audit(fleet: Fleet) -> Iterator[Audit]:
    """A count of what runs, from the members themselves, for as long as the test lasts."""
    with Audit(fleet) as audit:
        yield audit
