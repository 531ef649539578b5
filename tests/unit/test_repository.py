"""What the repository promises about itself: layout, size, purity, versions and one set of commands everywhere."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import tradewind

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "operator" / "tradewind"
MODULES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
PURE = [path for name in ("model", "placement", "outage", "decide") for path in sorted((PACKAGE / name).rglob("*.py"))]
CLOCKS = {"now", "utcnow", "today"}
TARGETS = set(re.findall(r"^([.a-z-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_source_root_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_a_pure_module_reads_no_clock(path: Path) -> None:
    calls = (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call))
    read = [node.lineno for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS]
    assert read == []


def test_the_chart_installs_the_version_of_the_package() -> None:
    chart = yaml.safe_load((ROOT / "helm" / "tradewind" / "Chart.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"]) == (tradewind.__version__, tradewind.__version__)


def test_help_lists_every_target_that_people_call() -> None:
    make = shutil.which("make")
    assert make is not None
    listed = subprocess.run([make], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout  # noqa: S603 - fixed arguments
    internal = {".PHONY", ".NOTPARALLEL", "engine"}
    assert set(re.findall(r"^  make (\S+)", listed, re.MULTILINE)) == TARGETS - internal


def test_the_workflow_runs_make_targets_only_with_no_write_permission_and_pinned_actions() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        for step in job["steps"]:
            if "run" in step:
                command, target = step["run"].split()
                assert command == "make"
                assert target in TARGETS
            else:
                assert re.search(r"@[0-9a-f]{40}$", step["uses"])


def test_an_install_without_uv_gets_the_locked_version_of_every_dependency() -> None:
    script = [sys.executable, ".ci/constraints.py", "uv.lock"]
    lines = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout  # noqa: S603 - fixed arguments
    constrained = set(re.findall(r"^([a-z0-9-]+)==[0-9]", lines, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(d for group in project["optional-dependencies"].values() for d in group)]
    assert {re.split(r"[>=<~ ]", line)[0].lower() for line in wanted} <= constrained


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_an_exemption_from_a_check_says_why_on_its_line(path: Path) -> None:
    exemption = re.compile(r"#\s*(?:ruff: )?(?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z-, ]+\])(?P<reason>.*)")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if (found := exemption.search(line)) and path != Path(__file__):
            assert len(found["reason"].split()) >= 2, f"line {number}: {line.strip()}"
