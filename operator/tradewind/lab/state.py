"""What is recorded about a lab: ``lab.json`` in its folder, readable by its owner only."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tradewind.lab.errors import BadInputError, LabError
from tradewind.lab.ports import ClusterPorts

HUB = "hub"
DEFAULT_NAME = "tradewind"
DEFAULT_MEMBERS = ("aws", "gcp", "onprem")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
_FILE = "lab.json"


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """One control plane of a lab."""

    name: str
    ports: ClusterPorts

    @property
    def role(self) -> str:
        """Hub or Member."""
        return "Hub" if self.name == HUB else "Member"


@dataclass(slots=True)
class LabRecord:
    """One lab. ``token`` lets its owner talk to its supervisor; ``binaries`` are paths by program name."""

    name: str
    folder: Path
    runtime: str
    control_port: int
    token: str
    time_scale: float
    binaries: dict[str, str]
    clusters: dict[str, ClusterRecord]
    pools: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def cluster(self, name: str) -> ClusterRecord:
        """The cluster of this name."""
        try:
            return self.clusters[name]
        except KeyError:
            raise BadInputError(
                "UnknownCluster",
                f"the lab {self.name!r} has no cluster {name!r}",
                next_step=f"It has: {', '.join(self.clusters)}.",
            ) from None

    def save(self) -> None:
        """Write the record, whole or not at all."""
        partial = self.folder / f".{_FILE}"
        text = json.dumps(asdict(self) | {"folder": str(self.folder)}, indent=1)
        partial.touch(mode=0o600)
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / _FILE)

    @classmethod
    def load(cls, folder: Path) -> LabRecord:
        """The record in this folder."""
        try:
            data = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            clusters = {
                name: ClusterRecord(name, ClusterPorts(**entry["ports"])) for name, entry in data["clusters"].items()
            }
            return cls(**(data | {"folder": folder, "clusters": clusters}))
        except FileNotFoundError:
            raise LabError(
                "NoSuchLab",
                f"there is no lab {folder.name!r} in {folder.parent}",
                next_step=_next_step(folder),
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(
                "BrokenLab",
                f"{folder / _FILE} cannot be read: {error}",
                next_step=f"End what is left of it: tradewind lab down --name {folder.name}",
            ) from error


def _next_step(folder: Path) -> str:
    others = sorted(file.parent.name for file in folder.parent.glob(f"*/{_FILE}"))
    there_are = f" There are: {', '.join(others)} (--name)." if others else ""
    return f"Start it: tradewind lab up --name {folder.name}.{there_are}"


def root_folder(given: Path | None = None) -> Path:
    """The folder of all labs: given, else TRADEWIND_LAB_DIR, else the user's state folder."""
    if given is None:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        given = Path(os.environ.get("TRADEWIND_LAB_DIR") or Path(base) / "tradewind" / "lab")
    return given.expanduser().resolve()


def lab_folder(name: str, root: Path | None = None) -> Path:
    """The folder of one lab."""
    check_name(name, what="lab")
    return root_folder(root) / name


def check_name(name: str, *, what: str) -> None:
    """Names become folders and parts of labels."""
    if not _NAME.fullmatch(name):
        raise BadInputError(
            "BadName",
            f"{name!r} is no name for a {what}",
            next_step="Use up to 40 lower-case letters, digits and dashes.",
        )
