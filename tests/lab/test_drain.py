"""`tradewind drain` on real API servers: the cluster is emptied by the usual way, and the command says what stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.lab.operator_manifests import a_job, a_service, only_on

from tradewind.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result
    from tests.lab.operator_fleet import Fleet

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]


def tradewind(fleet: Fleet, *args: str) -> Result:
    """Run a command on the lab's hub."""
    return CliRunner().invoke(cli, [*args, "--kubeconfig", str(fleet.lab.kubeconfig())])


@pytest.fixture
def open_again(fleet: Fleet) -> Iterator[None]:
    """Let aws take work again."""
    yield
    fleet.hub.merge("FederatedCluster", "", "aws", {"spec": {"scheduling": "Enabled"}})


@pytest.mark.usefixtures("open_again")
def test_a_drain_tells_what_left_what_stays_and_when_the_cluster_is_empty(fleet: Fleet) -> None:
    fleet.submit(a_service("chat"), a_job("plain"), a_job("bound", **only_on("aws")))
    fleet.until_runs("chat", "aws", kind="Deployment")
    for name in ("plain", "bound"):
        fleet.until_runs(name, "aws")

    blocked = tradewind(fleet, "drain", "aws", "--timeout", "25s", "-o", "json")
    assert blocked.exit_code == 3, blocked.output
    told = json.loads(blocked.stdout)
    stages = {row["name"]: row["stage"] for row in told["work"] if row["namespace"] == fleet.namespace}
    assert stages["bound"] == "Blocked"
    assert {stages["chat"], stages["plain"]} <= {"Starting", "Gone"}
    assert (told["cluster"], told["scheduling"], told["empty"]) == ("aws", "Draining", False)
    fleet.until_runs("chat", "gcp", epoch=2, kind="Deployment")
    fleet.until_runs("plain", "gcp", epoch=2)

    fleet.delete("bound")
    done = tradewind(fleet, "drain", "aws", "--timeout", "60s")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("aws is empty")
    assert "aws is Draining already" in done.stderr

    assert tradewind(fleet, "drain", "aws", "--undo").exit_code == 0
    fleet.submit(a_job("comes", **only_on("aws")))
    fleet.until_runs("comes", "aws")
