"""Dataset: data that several workloads read, where it is, and what law binds it."""

from __future__ import annotations

from typing import Annotated

from tradewind.api.base import Model, list_map, list_set
from tradewind.api.parts import Resource, Status
from tradewind.api.scalars import BucketURL, DNSLabel, Jurisdiction, Location, Quantity, Whole


class ReplicaSpec(Model):
    """A complete copy of the data."""

    location: Location
    """Where it is; any replica can serve a reader, and the best one is priced."""
    url: BucketURL | None = None
    """Its address there, such as s3://scans-eu-north-1. Pods that read it from there get it in their environment."""


class ResidencySpec(Model):
    """The law that binds the data wherever it goes: to work that reads it, and to the checkpoints of that work."""

    jurisdictions: Annotated[tuple[Jurisdiction, ...], list_set(at_most=64)] = ()
    """Countries, and groups of them, that it may be in; absent: any."""
    operator_jurisdictions: Annotated[tuple[Jurisdiction, ...], list_set(at_most=64)] = ()
    """Those whose courts may be able to compel who runs a place that it is in; absent: any."""


class SharedWith(Model):
    """Who may read it beside its own namespace."""

    namespaces: Annotated[tuple[DNSLabel, ...], list_set(at_most=256)] = ()
    """Namespaces whose workloads may name it."""


class DatasetSpec(Model):
    """How much it is, where it is, what law binds it, and who may read it."""

    size: Quantity
    """How much a reader reads, in bytes."""
    replicas: Annotated[tuple[ReplicaSpec, ...], list_map("location", at_most=64, at_least=1)]
    """Its complete copies."""
    residency: ResidencySpec = ResidencySpec()
    """The law that binds it."""
    shared_with: SharedWith = SharedWith()
    """Who may read it beside its own namespace."""


class Dataset(Resource):
    """Data that several workloads read. A workload names it in spec.data[].datasetRef."""

    spec: DatasetSpec
    """How much it is, where it is, what law binds it, and who may read it."""


class DatasetStatus(Status):
    """What became of it."""

    read_by: Whole | None = None
    """AIWorkloads that name it."""
