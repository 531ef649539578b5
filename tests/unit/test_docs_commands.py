"""Every command that the documentation shows on the examples runs, and prints what the documentation says.

After a change of output: `.venv/bin/python -m tests.unit.test_docs_commands` writes the documents anew.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tradewind.cli import cli, whyrender

ROOT = Path(__file__).resolve().parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WIDTH = 125
COMMAND = r"(?:\.venv/bin/)?tradewind ((?:plan|explain|whatif|assess) [^#\n]*-f examples/[^#\n]*)"
SHOWN = re.compile(rf"^```console\n\$ {COMMAND}\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(rf"^{COMMAND}", re.MULTILINE)
STRANDED = 3


def printed(command: str) -> str:
    """Run a command in the root of the repository, and return what it prints, without spaces at the ends of lines."""
    result = CliRunner().invoke(cli, shlex.split(command), standalone_mode=False)
    assert result.exception is None, (command, result.stderr)
    assert result.return_value in (None, 0, STRANDED), command
    return "".join(f"{line.rstrip()}\n" for line in result.stdout.splitlines())


def refreshed(text: str) -> str:
    """Put into a document what its commands print."""

    def anew(shown: re.Match[str]) -> str:
        head = shown[0][: shown.start("output") - shown.start()]
        return f"{head}{printed(shown[1])}```"

    return SHOWN.sub(anew, text)


@pytest.fixture(autouse=True)
def _in_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(whyrender, "PIPED_WIDTH", WIDTH)


@pytest.mark.parametrize("file", [file for file in DOCS if SHOWN.search(file.read_text("utf-8"))], ids=lambda f: f.name)
def test_a_document_shows_what_its_commands_print(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert refreshed(text) == text, "python -m tests.unit.test_docs_commands writes it anew"


@pytest.mark.parametrize(
    "command", sorted({command.strip() for file in DOCS for command in NAMED.findall(file.read_text(encoding="utf-8"))})
)
def test_a_command_that_is_named_runs_on_the_examples(command: str) -> None:
    assert printed(command)


if __name__ == "__main__":
    whyrender.PIPED_WIDTH = WIDTH
    for document in DOCS:
        old = document.read_text(encoding="utf-8")
        document.write_text(refreshed(old), encoding="utf-8")
