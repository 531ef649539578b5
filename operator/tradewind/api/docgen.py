"""The reference of the resources in Markdown, made from the CRDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from tradewind.api import scalars
from tradewind.api.base import API_VERSION
from tradewind.api.crdgen import crd
from tradewind.api.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.api.kinds import Kind

_INTRODUCTION = f"""# The resources

The reference of `{API_VERSION}`, made from the models by `tradewind crds`: change those, not this file.

- A **price** or **number** is a string of digits with at most six decimals, such as `"3.5399"`; all prices are in USD.
- A **quantity** is one of Kubernetes (`20Ti`, `500m`, `4710M`), not negative; bandwidths are in bits per second.
- A **duration** is one of the Gateway API (`80h`, `1h30m`, `500ms`).
- A **day** is `2027-06-30`, all of it in UTC; a **time** is one of RFC 3339 with its zone, `2027-01-15T18:00:00Z`.
- A **location** is `provider/region`, or the name of a FederatedCluster.
- A field in **bold** is required where its parent is there. Fields that a policy may set have no default, so that the
  next layer can speak: the workload, then the PlacementPolicy, then the ClusterPlacementPolicy, then the built-in
  value. Of limits the strictest counts.
- What CRDs can't say about a `template` is checked by `tradewind plan` and by the operator, which then sets the
  condition `Stalled`.
- Use `kubectl apply --server-side`: large objects don't fit into the annotation that the other way needs.
"""


def _forms() -> dict[str, str]:
    named = {
        "DNS label": scalars.DNSLabel,
        "name": scalars.ObjectName,
        "location": scalars.Location,
        "key": scalars.ConfigKey,
        "accelerator type": scalars.AcceleratorName,
        "country": scalars.Country,
        "country or group": scalars.Jurisdiction,
        "label key": scalars.LabelKey,
        "label value": scalars.LabelValue,
        "address": scalars.URL,
        "address of a bucket": scalars.BucketURL,
        "certification": scalars.CertificationName,
        "day": scalars.LastDay,
        "price": scalars.DecimalUSD,
        "duration": scalars.Duration,
    }
    return {get_args(form)[1].pattern: name for name, form in named.items()}


_FORMS = _forms()


def reference() -> str:
    """Write the reference."""
    return "\n".join([_INTRODUCTION, *(line for kind in KINDS for line in _kind(kind))]).rstrip() + "\n"


def _kind(kind: Kind) -> Iterator[str]:
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    yield f"## {kind.name}"
    yield ""
    yield schema["description"]
    yield ""
    scope = "in a namespace" if kind.namespaced else "for the whole hub"
    printed = ", ".join(column.name for column in kind.columns if not column.priority)
    yield f"`{kind.plural}`, short `{kind.short}`, {scope}. `kubectl get {kind.short}` prints {printed}."
    yield ""
    for part in ("spec", "status"):
        yield f"### {kind.name}.{part}"
        yield ""
        yield "| field | type | meaning |"
        yield "|---|---|---|"
        yield from _rows(schema["properties"][part], "")
        yield ""
    yield f"### Rules of {kind.name}"
    yield ""
    yield from (f"- {message}" for message in dict.fromkeys(_rules(schema)))
    yield ""


def _rows(node: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, child in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        shown = f"**`{path}`**" if name in node.get("required", ()) else f"`{path}`"
        yield f"| {shown} | {_type(child)} | {child['description'].replace('|', '/')} |"
        inner = child.get("items", child)
        yield from _rows(inner, f"{path}[]." if "items" in child else f"{path}.")


def _type(node: dict[str, Any]) -> str:
    words = _word(node)
    if "default" in node:
        default = node["default"]
        words += f", default {str(default).lower() if isinstance(default, bool) else default}"
    return words


def _word(node: dict[str, Any]) -> str:
    if node.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "enum" in node:
        return ", ".join(node["enum"])
    match node["type"]:
        case "array":
            kind = {"map": f" by {', '.join(node.get('x-kubernetes-list-map-keys', ()))}", "set": ", all different"}
            least = f"{node['minItems']} to " if node.get("minItems") else "up to "
            how = kind.get(node.get("x-kubernetes-list-type", ""), "")
            return f"list of {_word(node['items'])}, {least}{node['maxItems']}{how}"
        case "object" if node.get("x-kubernetes-embedded-resource"):
            return "manifest"
        case "object" if "additionalProperties" in node:
            return f"map to {_word(node['additionalProperties'])}"
        case "string":
            return "time" if node.get("format") == "date-time" else _FORMS.get(node.get("pattern", ""), "text")
        case "integer":
            return _integer(node)
        case "boolean":
            return "true or false"
        case other:
            return str(other)


def _integer(node: dict[str, Any]) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    return f"{low} to {high}" if low is not None and high is not None else f"whole number, at least {low}"


def _rules(node: dict[str, Any]) -> Iterator[str]:
    yield from (rule["message"] for rule in node.get("x-kubernetes-validations", ()))
    for child in (*node.get("properties", {}).values(), node.get("items"), node.get("additionalProperties")):
        if child:
            yield from _rules(child)
