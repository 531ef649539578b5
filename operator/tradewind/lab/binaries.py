"""Finds the lab's programs, or makes them: a folder, the user's cache, the official releases, or a build with Go."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.lab import build, download
from tradewind.lab.errors import BadInputError, LabError
from tradewind.lab.progress import Progress
from tradewind.lab.tools import TOOLS, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER_VARIABLES = ("TRADEWIND_LAB_BIN", "KUBEBUILDER_ASSETS")
_CONTROL_PLANE_SET = frozenset({"kube-apiserver", "kube-controller-manager", "kube-scheduler"})


class Source(StrEnum):
    """Where programs may come from; AUTO tries them in this order."""

    AUTO = "auto"
    CACHE = "cache"
    DOWNLOAD = "download"
    BUILD = "build"


def cache_folder() -> Path:
    """The user's cache of programs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tradewind" / "lab" / "bin"


def tool(name: str) -> Tool:
    """The tool of this name."""
    try:
        return TOOLS[name]
    except KeyError:
        raise BadInputError(
            "UnknownTool", f"there is no tool {name!r}", next_step=f"Known: {', '.join(TOOLS)}."
        ) from None


def cached(wanted: Tool) -> Path:
    """Where the cache keeps the program, whether it is there or not."""
    return cache_folder() / wanted.folder / wanted.name


def find(wanted: Tool) -> Path | None:
    """The program, where it is at hand: in a folder that the environment names, in the cache, or perhaps on PATH."""
    for variable in FOLDER_VARIABLES:
        if (folder := os.environ.get(variable)) and (path := _in_folder(Path(folder), wanted)):
            return path
    path = cached(wanted)
    if _is_program(path):
        return path
    on_path = shutil.which(wanted.name) if wanted.any_version else None
    return Path(on_path) if on_path else None


def _in_folder(folder: Path, wanted: Tool) -> Path | None:
    # The parts of one control plane must be of one version: a folder that holds only some of them
    # (envtest's holds no scheduler) is no source for any of them.
    needed = _CONTROL_PLANE_SET if wanted.name in _CONTROL_PLANE_SET else {wanted.name}
    if all(_is_program(folder / name) for name in needed):
        return folder.resolve() / wanted.name
    return None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def ensure(tools: Iterable[Tool], *, source: Source = Source.AUTO, progress: Progress | None = None) -> dict[str, Path]:
    """Paths of the programs by name; whatever is not at hand is fetched or built first.

    With DOWNLOAD or BUILD the program comes from there also if it is at hand.
    """
    tools = list(tools)
    at_hand = {each.name: path for each in tools if (path := find(each))}
    if source in {Source.AUTO, Source.CACHE} and len(at_hand) == len(tools):
        return at_hand
    missing = [each for each in tools if each.name not in at_hand]
    if source is Source.CACHE:
        raise LabError(
            "BinariesMissing",
            f"not at hand: {', '.join(each.name for each in missing)}",
            next_step="Run: tradewind lab binaries",
        )
    progress = progress or Progress()
    with _lock(progress):
        if source is not Source.AUTO:
            _obtain(tools, source=source, progress=progress)
            return {each.name: cached(each) for each in tools}
        # Another process may have built them while this one waited for the lock.
        _obtain([each for each in missing if not find(each)], source=source, progress=progress)
    return at_hand | {each.name: cached(each) for each in missing}


def _obtain(tools: list[Tool], *, source: Source, progress: Progress) -> None:
    left = tools
    if source is not Source.BUILD:
        left = download.fetch_what_can_be(tools, cached, progress=progress)
        if left and source is Source.DOWNLOAD:
            raise LabError(
                "DownloadFailed",
                f"no release could be had of: {', '.join(each.name for each in left)}\n{progress.last_problem}",
                next_step="Check the network, or build them: tradewind lab binaries --from build",
            )
    for number, each in enumerate(left, start=1):
        build.build(each, cached(each), progress=progress, step=f"{number}/{len(left)}")


@contextlib.contextmanager
def _lock(progress: Progress) -> Iterator[None]:
    """One process at a time fills the cache; the others wait, and then find what they need."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.task("waiting for another process that fills the cache"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
