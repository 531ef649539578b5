"""The models against a set of objects that uses every field, and the CRDs against the models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tradewind.api.crdgen import crds
from tradewind.api.kinds import BY_NAME, KINDS
from tradewind.api.load import load
from tradewind.api.parts import Metadata
from tradewind.api.reading import model_in, read
from tradewind.cli.crds import stale
from tradewind.errors import InputError

if TYPE_CHECKING:
    from tradewind.api.base import Model

ROOT = Path(__file__).resolve().parents[3]
COMPLETE = Path(__file__).with_name("complete.yaml")
OBJECTS = list(yaml.safe_load_all(COMPLETE.read_text(encoding="utf-8")))


def test_the_complete_objects_are_valid() -> None:
    assert len(load([COMPLETE]).ours) == len(OBJECTS) == 7


def test_every_field_of_a_status_is_known() -> None:
    for obj in OBJECTS:
        if "status" in obj:
            read(BY_NAME[obj["kind"]].status, obj["status"], strict=True)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in KINDS])
def test_the_complete_objects_leave_no_field_out(kind: Any) -> None:
    used = set()
    for obj in OBJECTS:
        if obj["kind"] == kind.name:
            used |= {f"spec.{path}" for path in _paths_in(obj["spec"])}
            used |= {f"status.{path}" for path in _paths_in(obj.get("status", {}))}
    spec = model_in(kind.model.model_fields["spec"].annotation)
    known = {f"spec.{path}" for path in _paths_of(spec)} | {f"status.{path}" for path in _paths_of(kind.status)}
    assert sorted(known - used) == []


def test_what_an_api_server_may_add_is_ignored_there_and_refused_in_files() -> None:
    network = next(obj for obj in OBJECTS if obj["kind"] == "NetworkMap")
    newer = {**network, "spec": {**network["spec"], "fromTheFuture": 1}}
    assert read(BY_NAME["NetworkMap"].model, newer).metadata.name == "measured"
    with pytest.raises(InputError, match="fromTheFuture"):
        read(BY_NAME["NetworkMap"].model, newer, strict=True)


def test_the_generated_files_are_up_to_date() -> None:
    assert stale(ROOT) == [], "run: tradewind crds"


@pytest.mark.parametrize("name", crds())
def test_every_node_of_a_schema_is_structural_and_bounded(name: str) -> None:
    schema = crds()[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert list(_faults(schema, name)) == []


@pytest.mark.parametrize("name", crds())
def test_every_field_is_described(name: str) -> None:
    schema = crds()[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in ("spec", "status"):
        assert list(_undescribed(schema["properties"][part], part)) == []


def _paths_in(value: Any, prefix: str = "") -> set[str]:
    if isinstance(value, list):
        return {path for each in value for path in _paths_in(each, prefix)}
    if not isinstance(value, dict):
        return set()
    return {path for key, child in value.items() for path in {f"{prefix}{key}", *_paths_in(child, f"{prefix}{key}.")}}


def _paths_of(model: type[Model], prefix: str = "") -> set[str]:
    paths = set()
    for field in model.model_fields.values():
        paths.add(f"{prefix}{field.alias}")
        inner = model_in(field.annotation)
        if inner is not None and inner is not Metadata:
            paths |= _paths_of(inner, f"{prefix}{field.alias}.")
    return paths


def _faults(node: dict[str, Any], path: str) -> list[str]:
    """Find what an API server would only show as a condition, and what CEL's cost budget needs."""
    either = node.get("x-kubernetes-int-or-string", False)
    wrong = {
        "no type": "type" not in node and not either,
        "not structural": bool({"$ref", "title", "allOf", "oneOf", "const", "nullable"} & node.keys())
        or ("anyOf" in node and not either),
        "a float": node.get("type") == "number",
        "a list without maxItems": node.get("type") == "array" and "maxItems" not in node,
        "a list that does not say how it merges": node.get("type") == "array" and "x-kubernetes-list-type" not in node,
        "a map without maxProperties": "additionalProperties" in node and "maxProperties" not in node,
        "a string without maxLength": node.get("type") == "string"
        and not {"maxLength", "enum", "format"} & node.keys()
        and path.rpartition(".")[2] not in {"apiVersion", "kind"},
    }
    found = [f"{path}: {fault}" for fault, there in wrong.items() if there]
    children = {**node.get("properties", {}), "[]": node.get("items"), "{}": node.get("additionalProperties")}
    return found + [fault for name, child in children.items() if child for fault in _faults(child, f"{path}.{name}")]


def _undescribed(node: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}.{name}" for name, child in node.get("properties", {}).items() if not child.get("description")]
    for name, child in node.get("properties", {}).items():
        found += _undescribed(child, f"{path}.{name}")
    return found + (_undescribed(node["items"], f"{path}[]") if "items" in node else [])
