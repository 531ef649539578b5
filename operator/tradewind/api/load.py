"""Manifests from files and folders, read as kubectl does, and checked before anything is done with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.api.base import API_VERSION, GROUP
from tradewind.api.convert import workload_from
from tradewind.api.kinds import BY_NAME
from tradewind.api.reading import did_you_mean, read, source_of
from tradewind.api.yamltext import parse_json, parse_yaml
from tradewind.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENDINGS = (".yaml", ".yml", ".json")
MAX_FILE_BYTES = 64 * 1024 * 1024
# https://etcd.io/docs/v3.6/dev-guide/limit/ : what an API server can store of one object.
MAX_OBJECT_BYTES = 1_572_864


@dataclass(frozen=True, slots=True)
class Manifests:
    """What was found.

    Attributes:
        ours: objects of tradewind.dev that are valid, in the order of the files.
        others: all other objects, such as Nodes, PriorityClasses and ConfigMaps; unchecked.
    """

    ours: tuple[dict[str, Any], ...]
    others: tuple[dict[str, Any], ...]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Give the objects of one kind."""
        return [obj for obj in (*self.ours, *self.others) if obj.get("kind") == kind]


def load(paths: Iterable[str | Path]) -> Manifests:
    """Read manifests.

    Args:
        paths: files, or folders whose *.yaml, *.yml and *.json are read, without going deeper.

    Raises:
        InputError: with the file, the object and the field, for the first that can't be used.
    """
    ours: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    origin: dict[tuple[str, str, str], str] = {}
    for file in _files(paths):
        for obj in _objects(file):
            if _is_ours(obj, str(file)):
                _check(obj, str(file), origin)
                ours.append(obj)
            else:
                others.append(obj)
    return Manifests(tuple(ours), tuple(others))


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        found = sorted(file for file in path.iterdir() if file.suffix in ENDINGS and file.is_file())
        if not found:
            raise InputError(str(path), "", f"holds no file that ends in {', '.join(ENDINGS)}")
        yield from found


def _objects(file: Path) -> Iterator[dict[str, Any]]:
    source = str(file)
    text = _text(file)
    documents = iter((parse_json(text, source),)) if file.suffix == ".json" else parse_yaml(text, source)
    for document in documents:
        for obj in _unlist(document):
            if not isinstance(obj, dict):
                raise InputError(source, "", f"holds {_what(obj)} where an object with apiVersion and kind belongs")
            size = len(json.dumps(obj, default=str))
            if size > MAX_OBJECT_BYTES:
                raise InputError(
                    f"{source}: {source_of(obj)}",
                    "",
                    f"is {size / 1e6:.1f} MB, and an API server takes at most {MAX_OBJECT_BYTES / 1e6:.1f} MB",
                )
            yield obj


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(str(file), "", f"is {size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB are read")
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(str(file), "", "is no UTF-8 text") from None
    except OSError as error:
        raise InputError(str(file), "", f"can't be read: {error.strerror}") from None


def _unlist(document: Any) -> list[Any]:
    """Take a List apart, as `kubectl get -o yaml` writes it."""
    if isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
        items = document.get("items")
        if isinstance(items, list):
            return items
    return [document]


def _what(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a single value"


def _is_ours(obj: dict[str, Any], file: str) -> bool:
    """Tell our kinds from others; a kind that was meant to be ours is an error, not something to skip."""
    version, kind = obj.get("apiVersion"), obj.get("kind")
    for name, value in (("apiVersion", version), ("kind", kind)):
        if not isinstance(value, str) or not value:
            raise InputError(f"{file}: {source_of(obj)}", name, "is required")
    if version == API_VERSION:
        if kind not in BY_NAME:
            suggestion = did_you_mean(str(kind), BY_NAME) or f" (known: {', '.join(BY_NAME)})"
            raise InputError(f"{file}: {source_of(obj)}", "kind", f'there is no kind "{kind}"{suggestion}')
        return True
    if kind in BY_NAME or str(version).startswith(f"{GROUP}/"):
        raise InputError(f"{file}: {source_of(obj)}", "apiVersion", f'"{version}" must be {API_VERSION}')
    return False


def _check(obj: dict[str, Any], file: str, origin: dict[tuple[str, str, str], str]) -> None:
    kind = BY_NAME[obj["kind"]]
    resource = read(kind.model, obj, source=f"{file}: {source_of(obj)}", strict=True)
    try:
        if kind.name == "AIWorkload":
            workload_from(obj)
    except InputError as error:
        raise InputError(f"{file}: {error.source}", error.field, error.detail) from None
    namespace = resource.metadata.namespace or "default" if kind.namespaced else ""
    identity = (kind.name, namespace, resource.metadata.name)
    if identity in origin:
        raise InputError(f"{file}: {source_of(obj)}", "", f"is already in {origin[identity]}")
    origin[identity] = file
