"""`tradewind crds`: what it writes, and how it says that something is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner, Result

from tradewind.api.kinds import KINDS
from tradewind.cli.crds import FOLDERS, HEADER, REFERENCE, crds

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "crds").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(crds, arguments)


def test_it_writes_one_file_per_kind_for_kubectl_and_for_the_chart_and_the_reference(repository: Path) -> None:
    assert run().exit_code == 0
    for folder in FOLDERS:
        files = sorted((repository / folder).iterdir())
        assert len(files) == len(KINDS)
        for file in files:
            text = file.read_text(encoding="utf-8")
            assert text.startswith(HEADER)
            assert yaml.safe_load(text)["kind"] == "CustomResourceDefinition"
    text = (repository / REFERENCE).read_text(encoding="utf-8")
    assert all(f"\n## {kind.name}\n" in text for kind in KINDS)


def test_what_is_up_to_date_is_left_alone(repository: Path) -> None:
    run()
    again = run()
    assert (again.exit_code, again.output) == (0, "")
    assert run("--check").exit_code == 0
    assert repository.is_dir()


def test_a_stale_a_missing_and_a_left_over_file_are_named_and_put_right(repository: Path) -> None:
    run()
    changed, missing = sorted((repository / "crds").glob("*.yaml"))[:2]
    left_over = repository / "crds" / "old.yaml"
    changed.write_text("changed", encoding="utf-8")
    missing.unlink()
    left_over.write_text("old", encoding="utf-8")
    found = run("--check")
    assert found.exit_code == 1
    assert [line.split(";")[0] for line in found.stderr.splitlines()] == [
        f"stale: crds/{file.name}" for file in (changed, missing, left_over)
    ]
    assert run().exit_code == 0
    assert run("--check").exit_code == 0
    assert not left_over.exists()


def test_elsewhere_it_says_where_to_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run()
    assert found.exit_code == 2
    assert "run this from Tradewind's repository" in found.stderr
