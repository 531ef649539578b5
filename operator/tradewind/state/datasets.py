"""The hub's Datasets, who reads them, and what they make of a workload's inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewind.api.convert import dataset_from
from tradewind.model.plan import Refusal, Wake
from tradewind.model.workload import DataInput, Key

if TYPE_CHECKING:
    from tradewind.model.workload import Dataset, DatasetRef, Workload

Manifest = dict[str, Any]


class Datasets:
    """All Datasets, and which workloads name which of them, whether it exists or not."""

    def __init__(self) -> None:
        self._known: dict[Key, Dataset] = {}
        self._readers: dict[Key, set[Key]] = {}
        self._named_by: dict[Key, frozenset[Key]] = {}

    def see(self, obj: Manifest, *, deleted: bool) -> bool:
        """Take a Dataset, or its end; returns whether that changes anything, which a mere status does not.

        Raises:
            InputError: it can't be read; what was known of it stays.
        """
        if deleted:
            return self._known.pop(Key(obj["metadata"]["namespace"], obj["metadata"]["name"]), None) is not None
        dataset = dataset_from(obj)
        before = self._known.get(dataset.key)
        self._known[dataset.key] = dataset
        return dataset != before

    def note_reader(self, workload: Key, refs: tuple[DatasetRef, ...] = ()) -> None:
        """Note which Datasets a workload names now."""
        named = frozenset(ref.dataset for ref in refs)
        for dropped in self._named_by.pop(workload, frozenset()) - named:
            self._readers[dropped].discard(workload)
            if not self._readers[dropped]:
                del self._readers[dropped]
        for dataset in named:
            self._readers.setdefault(dataset, set()).add(workload)
        if named:
            self._named_by[workload] = named

    def readers(self, dataset: Key) -> frozenset[Key]:
        """Find the workloads that name a Dataset."""
        return frozenset(self._readers.get(dataset, ()))

    def resolve(self, workload: Workload) -> Workload | Refusal:
        """Join what the Datasets say to a workload's inputs, or say which of them it can't read."""
        inputs = []
        for ref in workload.datasets:
            dataset = self._known.get(ref.dataset)
            if dataset is None or not _may_read(workload.key.namespace, dataset):
                return _unreadable(workload.key.namespace, ref)
            inputs.append(
                DataInput(ref.name, dataset.size_bytes, dataset.locations, ref.access, dataset.residency, dataset.urls)
            )
        return replace(workload, data=(*workload.data, *inputs)) if inputs else workload


def _may_read(namespace: str, dataset: Dataset) -> bool:
    return namespace == dataset.key.namespace or namespace in dataset.shared_with


def _unreadable(namespace: str, ref: DatasetRef) -> Refusal:
    """Say why; of another namespace's Dataset nothing is told, not even whether it exists."""
    field, (owner, name) = f"spec.data[{ref.name}].datasetRef", ref.dataset
    if owner == namespace:
        message = f"{field} names Dataset {name}, which is not in namespace {namespace}. Create it."
        return Refusal("DatasetNotFound", message, Wake.DATA)
    message = (
        f"{field} names Dataset {owner}/{name}, which is not shared with namespace {namespace}. Ask its owner to add "
        f"{namespace} to its spec.sharedWith.namespaces."
    )
    return Refusal("DatasetNotShared", message, Wake.DATA)
