"""Programs that only some tests want, built from their pinned modules."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tradewind.lab import binaries, kind
from tradewind.lab.clusters import Cluster
from tradewind.lab.ports import ClusterPorts

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parents[2]


def kind_parses(config: str) -> str:
    """What kind says about a configuration; where no engine answers it reads it, and then gives up."""
    program = binaries.ensure([binaries.tool("kind")])["kind"]
    done = subprocess.run(  # noqa: S603 - the lab's own kind
        [program, "create", "cluster", "--config", "-"],
        input=config,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        # Nothing may be made, also where an engine answers.
        env=os.environ | {"DOCKER_HOST": "unix:///nonexistent", "KIND_EXPERIMENTAL_PROVIDER": "docker"},
    )
    assert done.returncode != 0
    return done.stderr


def test_kind_knows_every_field_of_the_repositorys_configuration() -> None:
    config = (REPOSITORY / "kind-config.yaml").read_text()
    assert "unable to decode config" not in kind_parses(config)
    assert "unable to decode config" in kind_parses(config.replace("hostPort", "hostport"))


def test_kind_knows_every_field_of_a_labs_configuration(tmp_path: Path) -> None:
    cluster = Cluster("aws", tmp_path, ClusterPorts.at(30000))
    assert "unable to decode config" not in kind_parses(kind.config(cluster))


def test_the_workflows_are_sound() -> None:
    program = binaries.ensure([binaries.tool("actionlint")])["actionlint"]
    workflows = sorted(str(path) for path in (REPOSITORY / ".github" / "workflows").glob("*.y*ml"))
    done = subprocess.run([program, *workflows], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - the lab's own
    assert done.returncode == 0, done.stdout
