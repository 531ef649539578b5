"""YAML and JSON text as plain JSON values, as kubectl reads them: keys and times are strings, a key twice an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from tradewind.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # libyaml is not part of every build of PyYAML; the result is the same, ten times slower
    from yaml import SafeLoader as _Base  # type: ignore[assignment]  # the two loaders share no typed base

_MAX_DEPTH = 100
_TOO_DEEP = f"is nested deeper than {_MAX_DEPTH} levels"
# Aliases may repeat parts of a document, but not blow it up ("billion laughs").
_MAX_GROWTH = 10
_FREE_NODES = 10_000


class _Loader(_Base):
    """Keeps what YAML would turn into dates or non-string keys as it is written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class attribute, replaced as its authors do
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a plain word", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key.value}" is there twice', key.start_mark
                )
            seen.add(key.value)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


def parse_yaml(text: str, source: str) -> Iterator[Any]:
    """Read the documents of a YAML text; empty ones are left out.

    Raises:
        InputError: with the line, for anything that is no YAML, has a key twice, or is blown up by aliases.
    """
    loader = _Loader(text)
    try:
        _check_depth(text, source)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                continue
            _check_size(node, source)
            document = loader.construct_document(node)
            if document is not None:
                yield document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputError(source, _line(mark), _problem(error)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(source, "", f"is no YAML: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()


def parse_json(text: str, source: str) -> Any:
    """Read a JSON text.

    Raises:
        InputError: with the line, for anything that is no JSON or has a key twice.
    """

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(found)
        if len(mapping) < len(found):
            names = [name for name, _ in found]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(source, "", f'the key "{twice}" is there twice')
        return mapping

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise InputError(source, f"line {error.lineno}", f"is no JSON: {error.msg}") from None
    except RecursionError:
        raise InputError(source, "", _TOO_DEEP) from None


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}" if mark else ""


def _problem(error: yaml.MarkedYAMLError) -> str:
    return ", ".join(part for part in (error.context, error.problem) if part) or "is no YAML"


def _check_depth(text: str, source: str) -> None:
    """Refuse deep nesting before nodes are composed: libyaml's composer recurses in C, and a crash can't be caught."""
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise InputError(source, _line(event.start_mark), _TOO_DEEP)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_size(root: yaml.Node, source: str) -> None:
    """Refuse a document whose aliases make it much larger than it is written, or endless."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            if sizes[id(node)] == 0:
                raise InputError(source, _line(node.start_mark), "an alias contains itself")
            return sizes[id(node)]
        sizes[id(node)] = 0
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        sizes[id(node)] = 1 + sum(size(child) for child in children)
        return sizes[id(node)]

    total = size(root)
    if total > _FREE_NODES + _MAX_GROWTH * len(sizes):
        raise InputError(source, "", f"its aliases blow it up from {len(sizes)} to {total} values")
