"""The CRDs, made from the models: structural OpenAPI v3, CEL rules, defaults, printed columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.api.base import GROUP, VERSION
from tradewind.api.kinds import KINDS, Column, Kind

if TYPE_CHECKING:
    from tradewind.api.base import Model

# Written in this order, so that the files read from what is general to what is particular.
_ORDER = (
    "description",
    "type",
    "anyOf",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "default",
    "required",
    "properties",
    "additionalProperties",
    "items",
)


def crds() -> dict[str, dict[str, Any]]:
    """Make every CRD, by the file's name without its ending."""
    return {f"{GROUP}_{kind.plural}": crd(kind) for kind in KINDS}


def crd(kind: Kind) -> dict[str, Any]:
    """Make one CRD."""
    spec = structural(kind.model)
    root: dict[str, Any] = {
        "description": spec["description"],
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec["properties"]["spec"],
            "status": structural(kind.status),
        },
    }
    if "x-kubernetes-validations" in spec:
        root["x-kubernetes-validations"] = spec["x-kubernetes-validations"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["ai", "tradewind"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": root},
                }
            ],
        },
    }


def structural(model: type[Model]) -> dict[str, Any]:
    """Turn pydantic's JSON schema into the structural form that Kubernetes takes."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    definitions = schema.pop("$defs", {})
    return _node(schema, definitions)


def _node(raw: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    node = dict(raw)
    reference = node.pop("$ref", None)
    if reference is not None:
        # What stands beside the reference (its description there) is nearer than what the definition says.
        node = definitions[reference.rpartition("/")[2]] | node
    if "anyOf" in node and not node.get("x-kubernetes-int-or-string"):
        # `X | None`: absence is the only way to say nothing, so null is not in the schema.
        (some,) = (option for option in node.pop("anyOf") if option != {"type": "null"})
        return _node({**some, **node}, definitions)
    node.pop("title", None)
    if node.get("additionalProperties") in (False, True):
        del node["additionalProperties"]
    if "properties" in node:
        required = node.get("required", ())
        node["properties"] = {
            name: _node(child if name in required else _without_empty_default(child), definitions)
            for name, child in node["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if key in node:
            node[key] = _node(node[key], definitions)
    return {key: node[key] for key in (*_ORDER, *sorted(node.keys() - set(_ORDER))) if key in node}


def _without_empty_default(raw: dict[str, Any]) -> dict[str, Any]:
    """Leave out a default that says what absence says; the API server would write it into every object."""
    default = raw.get("default")
    empty = default is None or isinstance(default, dict | list)
    return {key: value for key, value in raw.items() if key != "default" or not empty}


def _column(column: Column) -> dict[str, Any]:
    written = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return {**written, "priority": column.priority} if column.priority else written
