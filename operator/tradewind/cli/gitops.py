"""Who else writes a field: tools that keep objects as Git has them would set back what a command changes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Manifest = dict[str, Any]

ARGO_TRACKING = "argocd.argoproj.io/tracking-id"
ARGO_INSTANCE = "argocd.argoproj.io/instance"
FLUX_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io/name"
FLUX_RELEASE = "helm.toolkit.fluxcd.io/name"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MANAGERS = {"argocd": "Argo CD", "kustomize-controller": "Flux", "helm-controller": "Flux"}
"""By the beginning of the name under which they write."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """What keeps an object as Git has it. `sets`: whether Git holds the field that was asked about."""

    name: str
    application: str
    sets: bool

    def __str__(self) -> str:
        """Name it with its application."""
        return f"{self.name} ({self.application})" if self.application else self.name


def keeper_of(obj: Manifest, *, field: str) -> Keeper | None:
    """Find what keeps an object, and whether it sets a field of the spec; None where nothing does."""
    metadata = obj["metadata"]
    found = _tracked(metadata.get("annotations") or {}, metadata.get("labels") or {}) or _written(metadata)
    if found is None:
        return None
    name, application = found
    return Keeper(name, application, _applied(metadata, field) or _owned(metadata, name, field))


def _tracked(annotations: Mapping[str, str], labels: Mapping[str, str]) -> tuple[str, str] | None:
    if ARGO_TRACKING in annotations:
        return "Argo CD", annotations[ARGO_TRACKING].partition(":")[0]
    for label, name in ((ARGO_INSTANCE, "Argo CD"), (FLUX_KUSTOMIZATION, "Flux"), (FLUX_RELEASE, "Flux")):
        if label in labels:
            return name, labels[label]
    return None


def _written(metadata: Manifest) -> tuple[str, str] | None:
    names = (_manager(entry) for entry in metadata.get("managedFields") or ())
    return next(((name, "") for name in names if name), None)


def _manager(entry: Manifest) -> str:
    written_by = str(entry.get("manager") or "")
    return next((name for start, name in MANAGERS.items() if written_by.startswith(start)), "")


def _owned(metadata: Manifest, name: str, field: str) -> bool:
    return any(
        f"f:{field}" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in metadata.get("managedFields") or ()
        if _manager(entry) == name
    )


def _applied(metadata: Manifest, field: str) -> bool:
    """Whether what was applied last by the client's side holds the field: Argo CD's own default way."""
    text = (metadata.get("annotations") or {}).get(LAST_APPLIED, "")
    with suppress(ValueError, AttributeError):
        return field in (json.loads(text).get("spec") or {})
    return False
