"""`tradewind explain` on manifests: why here, why not there, what would change it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.builders import a_federated_cluster, an_ai_workload, write

from tradewind.cli.explain import explain

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two workloads: the older by name takes the cheap node; `c` has a law that no cluster meets."""
    return write(
        tmp_path / "all",
        a_federated_cluster("aws-es", region="eu-south-2", jurisdiction="ES", usd="4", interruptions="0"),
        a_federated_cluster(
            "gcp-de", provider="gcp", region="europe-west3", jurisdiction="DE", usd="3", interruptions="0"
        ),
        an_ai_workload("a", namespace="research"),
        an_ai_workload("b", namespace="research"),
        an_ai_workload("c", namespace="research", law="CH"),
        an_ai_workload("a", namespace="sales", law="ES"),
    )


def run(*args: object) -> Result:
    return CliRunner().invoke(explain, [str(arg) for arg in args])


def test_it_says_why_here_and_what_would_be_cheaper(files: Path) -> None:
    text = run("b", "-f", files).stdout
    assert "research/b Training, 1 pod x 8 accelerators (H100-80GB), priority 0, AtMostOnce" in text
    assert "aws-es/h100 (OnDemand): $320.00 in total, done in 10h5m" in text
    assert "$32.00 an hour for 10h" in text
    change = text[text.index("What would change it") :]
    assert "gcp-de/h100 ($80.00 less): needs 1 pod x 8 H100-80GB; fits 0" in change
    assert "[when nodes or pods there change]" in change


def test_it_says_how_much_dearer_the_place_may_get(files: Path) -> None:
    text = run("research/a", "-f", files).stdout
    # $80 more on $240 is a third.
    assert "aws-es/h100 is next: if machines here get dearer by 33.3 %, it is cheaper" in text


def test_it_says_why_nowhere(files: Path) -> None:
    text = run("c", "-f", files).stdout
    assert "Why nowhere\n  Unschedulable: none of 2 offers can take it" in text
    assert "DE is not within those allowed: CH" in text


def test_json_lists_what_would_change_it(files: Path) -> None:
    result = run("b", "-n", "research", "-f", files, "-o", "json")
    found = json.loads(result.stdout)
    assert (found["namespace"], found["name"], found["status"]) == ("research", "b", None)
    (change,) = found["wouldChange"]
    assert (change["cluster"], change["savesUSD"]) == ("gcp-de", 80.0)
    assert [(one["reason"], one["wakesOn"]) for one in change["refusals"]] == [("InsufficientCapacity", "Capacity")]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param(["bb"], 'there is no "bb"; did you mean "b"?', id="a mistyped name"),
        pytest.param(["zzz"], 'there is no "zzz" (known: a, b, c)', id="a name that nothing resembles"),
        pytest.param(["a"], "is in several namespaces: research/a, sales/a; choose one with -n", id="a name twice"),
        pytest.param(["b", "-n", "sales"], 'there is no "b" in namespace sales', id="another namespace"),
    ],
)
def test_a_name_that_fits_nothing_ends_with_2_and_a_hint(files: Path, args: list[str], words: str) -> None:
    result = run(*args, "-f", files)
    assert result.exit_code == 2
    assert words in result.stderr


def test_losses_are_explained_too(files: Path) -> None:
    text = run("b", "-f", files, "--without", "provider=aws").stdout
    assert "the cluster is Down (Without): planned without provider aws" in text


def test_work_for_which_there_is_nothing_to_plan_says_so(tmp_path: Path) -> None:
    workload = an_ai_workload("a")
    workload["spec"]["suspend"] = True
    text = run("a", "-f", write(tmp_path / "all", a_federated_cluster("aws-es"), workload)).stdout
    assert "Suspended: spec.suspend is true" in text
