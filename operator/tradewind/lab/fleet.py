"""Reads FederatedCluster manifests and says which nodes the lab's members must have to be that fleet.

A member is called as the Secret that its FederatedCluster names for its kubeconfig. This reads plain YAML, not the
operator's models: what the lab builds must not depend on the code that is tested on it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tradewind.lab import nodes
from tradewind.lab.errors import BadInputError, LabError
from tradewind.lab.nodes import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIND = "FederatedCluster"
NODES_ANNOTATION = "lab.tradewind.dev/nodes"
"""On a FederatedCluster: nodes at the start by offer, as ``h100-spot=2,cpu=1``."""
_SUFFIXES = {".yaml", ".yml", ".json"}
_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")


def read(path: Path, *, default_nodes: int = nodes.DEFAULT_NODES) -> dict[str, list[Pool]]:
    """The pools of every member of the fleet in a file, or in the files of a folder (not of folders in it).

    An offer that cannot grow (no ``maxNodes``) has ``default_nodes`` nodes unless the annotation says otherwise.
    """
    fleet: dict[str, list[Pool]] = {}
    for file, document in _documents(path):
        if not isinstance(document, dict) or document.get("kind") != KIND:
            continue
        try:
            member = str(document["spec"]["connection"]["kubeconfigSecretRef"]["name"])
            pools = pools_of(document, default_nodes=default_nodes)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _bad(file, f"{_name(document)}: {type(error).__name__}: {error}") from error
        if member in fleet:
            raise _bad(file, f"{_name(document)}: another {KIND} uses the Secret {member!r} too")
        fleet[member] = pools
    if not fleet:
        raise _bad(path, f"no {KIND} in it")
    return fleet


def pools_of(document: dict[str, Any], *, default_nodes: int) -> list[Pool]:
    """The pools of one FederatedCluster, one for each of its offers."""
    spec = document["spec"]
    wanted = _counts((document["metadata"].get("annotations") or {}).get(NODES_ANNOTATION, ""))
    offers = spec.get("offers") or []
    if unknown := wanted.keys() - {offer["name"] for offer in offers}:
        raise ValueError(f"annotation {NODES_ANNOTATION}: no offer {', '.join(sorted(unknown))}")
    place = nodes.place_labels(spec["provider"], spec["region"])
    return [
        _pool(
            offer,
            provider=spec["provider"],
            place=place,
            count=wanted.get(offer["name"], 0 if "maxNodes" in offer else default_nodes),
        )
        for offer in offers
    ]


def _pool(offer: dict[str, Any], *, provider: str, place: dict[str, str], count: int) -> Pool:
    patch = offer.get("podPatch") or {}
    selector = {key: str(value) for key, value in (patch.get("nodeSelector") or {}).items()}
    resource, labels = nodes.type_labels(offer["accelerator"], provider) if offer.get("accelerator") else ("", {})
    cpu, memory = nodes.ACCELERATOR_NODE if resource else nodes.CPU_NODE
    amounts = offer.get("nodeResources") or {}
    return Pool(
        name=offer["name"],
        labels=place | labels | selector,
        selector=selector,
        resource=resource,
        per_node=int(offer.get("perNode", 1)) if resource else 0,
        cpu=str(amounts.get("cpu", cpu)),
        memory=str(amounts.get("memory", memory)),
        taints=[
            {"key": each["key"], "value": str(each.get("value", "")), "effect": each["effect"]}
            for each in patch.get("tolerations") or []
            if each.get("key") and each.get("effect")
        ],
        nodes=count,
        max_nodes=int(offer.get("maxNodes", 0)),
        provisioning_s=duration_s(offer.get("provisioning", "0s")),
    )


def duration_s(text: str) -> float:
    """Seconds of a duration as the Gateway API writes it: ``6m``, ``1h30m``, ``500ms``."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration such as 6m or 1h30m")
    return sum(float(number) * _UNITS_S[unit] for number, unit in re.findall(r"([0-9]+)(ms|h|m|s)", text))


def _counts(text: str) -> dict[str, int]:
    counts = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        offer, separator, count = part.partition("=")
        if not separator or not count.isdecimal():
            raise ValueError(f"annotation {NODES_ANNOTATION}: {part!r} is not OFFER=COUNT")
        counts[offer] = int(count)
    return counts


def _documents(path: Path) -> Iterator[tuple[Path, Any]]:
    files = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES) if path.is_dir() else [path]
    for file in files:
        try:
            with file.open(encoding="utf-8") as stream:
                for document in yaml.safe_load_all(stream):
                    yield file, document
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise _bad(file, str(error)) from error


def _name(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    return f"{KIND} {metadata.get('name')!r}" if isinstance(metadata, dict) else f"a {KIND} without metadata"


def _bad(file: Path, problem: str) -> LabError:
    return BadInputError(
        "BadFleet", f"{file}: {problem}", next_step=f"--fleet takes {KIND} manifests: a file or a folder."
    )
