"""What `plan` and `explain` say of work that is spread over several clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.builders import a_federated_cluster, an_ai_workload, write

from tradewind.cli.explain import explain
from tradewind.cli.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

Manifest = dict[str, Any]


def spread(clusters: int, **constraints: Any) -> Manifest:
    manifest = an_ai_workload("serve")
    manifest["spec"] |= {"type": "Inference", "spread": {"clusters": clusters}}
    manifest["spec"] |= {"constraints": constraints} if constraints else {}
    manifest["spec"]["run"]["replicas"] = clusters
    return manifest


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Three dollars in Germany, four in Spain, with a node each."""
    return write(
        tmp_path / "fleet",
        a_federated_cluster(
            "gcp-de", provider="gcp", region="europe-west3", jurisdiction="DE", usd="3", interruptions="0"
        ),
        a_federated_cluster("aws-es", region="eu-south-2", jurisdiction="ES", usd="4", interruptions="0"),
    )


def said(command: Any, *args: object) -> str:
    return str(CliRunner().invoke(command, [str(arg) for arg in args], standalone_mode=False).stdout)


def test_the_summary_counts_every_share(fleet: Path, tmp_path: Path) -> None:
    text = said(plan, "-f", fleet, "-f", write(tmp_path / "work", spread(2)))
    # A machine at eight times $3, and one at eight times $4.
    assert "1 of 1 workloads placed: $56.00 an hour" in text


def test_what_an_hour_is_worth_counts_for_each_share(fleet: Path, tmp_path: Path) -> None:
    policy = {"apiVersion": "tradewind.dev/v1alpha1", "kind": "ClusterPlacementPolicy", "metadata": {"name": "default"}}
    policy["spec"] = {"prices": {"usdPerDelayHour": "2"}}
    work = write(tmp_path / "work", spread(2), policy)
    (delay,) = (line for line in said(explain, "serve", "-f", fleet, "-f", work).splitlines() if "  delay " in line)
    # Ten hours and five minutes for a node: twice $20.17.
    assert " ".join(delay.split()) == "delay $40.33 $2.00 an hour for 10h5m, for each of 2 shares"


@pytest.mark.parametrize(
    ("work", "lines"),
    [
        pytest.param(
            spread(3),
            [
                (
                    "by the rules aws-es, gcp-de could take a share, and no other cluster: spread.clusters 3 and "
                    "minProviders 1 need more, or must become smaller"
                )
            ],
            id="more clusters than there are",
        ),
        pytest.param(
            spread(2, jurisdictions={"allow": ["ES"]}),
            [
                (
                    "by the rules aws-es could take a share, and no other cluster: spread.clusters 2 and "
                    "minProviders 1 need more, or must become smaller"
                ),
                "without constraints.jurisdictions.allow ES, gcp-de/h100 could take it",
            ],
            id="a limit leaves too few",
        ),
    ],
)
def test_work_that_lacks_clusters_is_not_sent_to_look_for_room(
    fleet: Path, tmp_path: Path, work: Manifest, lines: list[str]
) -> None:
    text = said(explain, "serve", "-f", fleet, "-f", write(tmp_path / "work", work))
    cures = text[text.index("What would cure it") : text.index("All offers")].splitlines()[1:]
    assert [line.strip() for line in cures if line] == lines
