"""What work reads and leaves: inputs, outputs, checkpoints."""

from __future__ import annotations

from typing import Annotated

from tradewind.api.base import Model, Rule, list_set
from tradewind.api.scalars import DNSLabel, Duration, Location, ObjectName, Quantity
from tradewind.model.workload import Access

Locations = Annotated[tuple[Location, ...], list_set(at_most=16, at_least=1)]


class DatasetReference(Model):
    """A Dataset of the hub."""

    namespace: DNSLabel | None = None
    """Its namespace; absent: the workload's own. Any other must be one that it is shared with."""
    name: ObjectName
    """Its name."""


class Data(Model):
    """Data that the work reads: described by a Dataset, or inline where the policy allows it."""

    name: DNSLabel
    """A name for it."""
    dataset_ref: DatasetReference | None = None
    """The Dataset that says how much it is, where it is, and what law binds it."""
    size: Quantity | None = None
    """Inline: how much is read, in bytes."""
    locations: Locations | None = None
    """Inline: where it is; any of them can serve it."""
    access: Access = Access.STAGE
    """Stage: copied once, before the start. Stream: read over the run."""

    RULES = (
        Rule(
            "data: give either datasetRef, or size and locations",
            "has(self.datasetRef) ? !has(self.size) && !has(self.locations) : has(self.size) && has(self.locations)",
            lambda data: (
                (data.size is None and data.locations is None)
                if data.dataset_ref is not None
                else (data.size is not None and data.locations is not None)
            ),
        ),
    )


class OutputSpec(Model):
    """What the work leaves, and where it is brought at the end."""

    name: DNSLabel
    """A name for it."""
    size: Quantity
    """How much it is, in bytes."""
    location: Location
    """Where it is brought."""


class CheckpointSpec(Model):
    """From where the work goes on after a move or an interruption; absent: it starts again."""

    interval: Duration | None = None
    """Time between two checkpoints; absent: priced as if it were the one that loses least, and shown."""
    size: Quantity
    """How much one is, in bytes."""
    locations: Locations
    """Where it is written, each time to all of them; read from the best."""

    RULES = (
        Rule(
            "checkpoint: interval must be at least 1s",
            "!has(self.interval) || duration(self.interval) >= duration('1s')",
            lambda checkpoint: checkpoint.interval is None or checkpoint.interval >= 1,
        ),
    )
