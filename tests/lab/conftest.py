"""One lab for all tests of a pytest process: a hub with the members aws, gcp and onprem.

With pytest-xdist each worker would start one (about 2 GiB); ``--dist loadgroup`` keeps these tests in two at most: one
for the faults, which mostly wait, and one for all others.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tradewind.lab import startup, status
from tradewind.lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTS = "test_outage_"
ROOT = Path(tempfile.gettempdir()) / f"tradewind-tests-{os.getuid()}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.xdist_group("faults" if item.path.name.startswith(FAULTS) else "lab"))


def _end_abandoned_labs() -> None:
    """End what a pytest that was killed has left behind; each lab is named after the process that made it."""
    for folder in ROOT.glob("p*-*"):
        owner = folder.name.partition("-")[0].removeprefix("p")
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            startup.remove(folder)


@pytest.fixture(scope="session")
def lab_root() -> Path:
    """The folder of all labs that tests make."""
    ROOT.mkdir(mode=0o700, exist_ok=True)
    _end_abandoned_labs()
    return ROOT


@pytest.fixture(scope="session")
def lab(lab_root: Path) -> Iterator[Lab]:
    """A hub with the members aws, gcp and onprem, two nodes of eight accelerators each."""
    lab = Lab.up(f"p{os.getpid()}-shared", root=lab_root)
    yield lab
    lab.down()


@pytest.fixture(autouse=True)
def _whole_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Mend the shared lab after a test that broke it, also if the test failed."""
    yield
    if "lab" not in request.fixturenames:
        return
    lab: Lab = request.getfixturevalue("lab")
    for each in status.describe(lab)["clusters"]:
        lab.heal(each["name"])
        if not each["ready"]:
            lab.resume(each["name"])


@pytest.fixture
def own_lab_name(lab_root: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a lab that a test starts for itself; whatever is left of it is ended."""
    name = f"p{os.getpid()}-{request.node.name.replace('_', '-').lower()[-24:].strip('-[]')}"
    yield name
    with contextlib.suppress(FileNotFoundError):
        startup.remove(lab_root / name)
