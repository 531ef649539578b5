"""Datasets as the core's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.api.dataset import Dataset as DatasetResource
from tradewind.api.reading import read
from tradewind.model.workload import Dataset, Key, Residency

if TYPE_CHECKING:
    from collections.abc import Mapping


def dataset_from(obj: Mapping[str, Any]) -> Dataset:
    """Read a Dataset."""
    resource = read(DatasetResource, obj)
    metadata, spec = resource.metadata, resource.spec
    return Dataset(
        key=Key(metadata.namespace or "default", metadata.name),
        size_bytes=spec.size,
        locations=tuple(replica.location for replica in spec.replicas),
        residency=Residency(frozenset(spec.residency.jurisdictions), frozenset(spec.residency.operator_jurisdictions)),
        shared_with=frozenset(spec.shared_with.namespaces),
        urls=tuple((replica.location, replica.url) for replica in spec.replicas if replica.url),
    )
