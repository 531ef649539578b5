"""The table of refusals, and the objects that its cases mean."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

TABLE = yaml.safe_load(Path(__file__).with_name("refusals.yaml").read_text(encoding="utf-8"))


def manifest(case: dict[str, Any]) -> dict[str, Any]:
    """Make the case's object: its base with the changes."""
    obj: dict[str, Any] = copy.deepcopy(TABLE["bases"][case["base"]])
    for path in case.get("drop", ()):
        parent, last = _parent(obj, path)
        del parent[last]
    for path, value in case.get("set", {}).items():
        parent, last = _parent(obj, path)
        parent[last] = copy.deepcopy(value)
    return obj


def _parent(obj: Any, path: str) -> tuple[Any, Any]:
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in parents:
        obj = obj.setdefault(step, {}) if isinstance(obj, dict) else obj[step]
    return obj, last
