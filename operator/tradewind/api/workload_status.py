"""AIWorkload.status: what was decided, why, and what became of it. The operator writes it as plain dicts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from annotated_types import MaxLen
from pydantic import Field

from tradewind.api.base import Model, list_atomic, list_map
from tradewind.api.parts import Status
from tradewind.api.scalars import Amount, Flag, Line, Short, Time, Whole
from tradewind.model.policy import Failback, Guarantee, Mode
from tradewind.model.workload import Market


class PlacementState(StrEnum):
    """Where a copy is in its life."""

    DELIVERING = "Delivering"
    PENDING = "Pending"
    RUNNING = "Running"
    RELEASING = "Releasing"
    RESERVED = "Reserved"
    LEAVING = "Leaving"
    FINISHED = "Finished"


class Result(StrEnum):
    """How finite work ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class ClusterDecision(Model):
    """A chosen cluster, in the shape that Argo CD's clusterDecisionResource generator reads."""

    cluster_name: Short
    """The FederatedCluster's name."""
    reason: Short
    """Why it was chosen."""


class Placement(Model):
    """A copy on a cluster."""

    cluster: Short
    """The FederatedCluster's name."""
    offer: Short
    """The offer that was chosen on it."""
    market: Market
    """How its machines are bought."""
    replicas: Whole
    """Pods."""
    epoch: Whole
    """Grows with each new placement of the workload; on the copy as a label."""
    generation: Whole
    """The generation of the spec that was delivered."""
    state: PlacementState
    """Where the copy is in its life."""
    since: Time
    """When `state` began."""
    total_usd: Amount
    """The total cost that it was chosen for."""
    usd_per_hour: Amount | None = None
    """What its pods cost for an hour."""
    running_since: Time | None = None
    """When it first ran."""
    sources: Annotated[dict[str, Short], MaxLen(32)] | None = None
    """Where its pods read each of its data: names of spec.data to locations."""


class CostTerms(Model):
    """The terms of the total cost, in USD."""

    compute: Amount
    """Machines, while the work runs and while they wait for data."""
    egress: Amount
    """Data leaving other locations."""
    loss: Amount
    """Work expected to be lost to interruptions."""
    carbon: Amount
    """Emissions, at the policy's price."""
    delay: Amount
    """Waiting, moving data and running, at the policy's price."""
    latency: Amount
    """Distance to the clients, at the policy's price."""


class CandidateStatus(Model):
    """An offer that was priced."""

    cluster: Short
    """The FederatedCluster's name."""
    offer: Short
    """The offer's name."""
    market: Market
    """How its machines are bought."""
    total_usd: Amount
    """The sum of the terms."""
    usd: CostTerms
    """The terms."""
    run_hours: Amount
    """How long it would run."""
    transfer_hours: Amount
    """How long data would be moved."""
    loss_hours: Amount
    """What interruptions are expected to take, in hours of running again."""
    grams_co2: Amount
    """Emissions of its machines and of moving its data."""
    assumed: Annotated[tuple[Line, ...], list_atomic(at_most=16)] = ()
    """Figures that defaults stood in for."""
    chosen: Flag
    """Whether the work went there."""


class RefusedGroup(Model):
    """Offers that were refused for the same reason."""

    reason: Short
    """A stable CamelCase word."""
    count: Whole
    """How many offers."""
    names: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], list_atomic(at_most=3)] = ()
    """Up to three of them, as cluster/offer."""
    message: Line
    """What is lacking at the first of them, and what would change it."""


class Move(Model):
    """A move from one cluster to another."""

    from_cluster: Short
    """Where it was."""
    to_cluster: Short | None = None
    """Where it went; absent while it waits for a place, having had to leave without one."""
    reason: Short
    """A stable CamelCase word."""
    epoch: Whole
    """The new copy's epoch; 0 while there is none."""
    detected_at: Time | None = None
    """When the outage was declared, or what else makes it leave was seen."""
    decided_at: Time | None = None
    """When the new place was recorded."""
    delivered_at: Time | None = None
    """When the new copy was accepted."""
    running_at: Time | None = None
    """When it ran."""
    saving_usd: Amount | None = None
    """What it saves of what staying would still have cost, where that is why it moved."""
    lost_work: Short | None = None
    """What its copy had done since its last checkpoint, as time of the run; absent for nothing, and where that is not
    known, since nobody says how often it writes checkpoints."""
    lost_usd: Amount | None = None
    """What that had cost, at the price of the copy's machines."""


class Effective(Model):
    """What counted, after workload, namespace policy, cluster policy and built-in values were combined."""

    mode: Mode
    """Whether decisions are carried out."""
    guarantee: Guarantee
    """How many copies may run while a cluster can't be seen."""
    usd_per_delay_hour: Amount
    """Price of an hour."""
    pricing_horizon: Short
    """For how long work without a known end is priced."""
    cooldown: Short
    """How long it stays after a move."""
    max_moves_per_hour: Whole
    """Moves in an hour."""
    failback: Failback
    """Whether it goes back to where an outage drove it from."""
    failback_after: Short
    """For how long that cluster must have been healthy."""
    usd_per_tonne_co2: Amount
    """Price of a tonne of CO2 equivalent."""
    usd_per_round_trip_millisecond_hour: Amount
    """Price of a millisecond of round trip to the clients, for an hour."""
    min_saving_usd: Amount
    """What a move for money must save, in USD."""
    min_saving_percent: Whole
    """What a move for money must save, in percent of what staying would cost."""
    max_usd_per_hour: Amount | None = None
    """The budget for an hour; absent: none."""
    max_total_usd: Amount | None = None
    """The budget for all; absent: none."""
    datasets_required: Flag
    """Whether data without a Dataset is refused."""


class Finished(Model):
    """How finite work ended; it is never run again."""

    cluster: Short
    """Where it ended."""
    epoch: Whole
    """The copy that ended."""
    result: Result
    """How it ended."""
    at: Time
    """When it ended."""
    message: Line | None = None
    """What the copy said."""


class WorkloadStatus(Status):
    """What was decided, why, and what became of it."""

    phase: Short | None = None
    """One word for people; programs read the conditions."""
    epoch: Whole | None = None
    """The newest epoch that was given out; it only grows."""
    decisions: Annotated[
        tuple[ClusterDecision, ...],
        list_map("clusterName", at_most=16),
        # Argo CD's generator ends with a panic on a status without this list.
        Field(json_schema_extra={"default": []}),
    ]
    """The chosen clusters, for Argo CD; always present."""
    placements: Annotated[tuple[Placement, ...], list_map("cluster", at_most=16)] = ()
    """The copies."""
    candidates: Annotated[tuple[CandidateStatus, ...], list_atomic(at_most=5)] = ()
    """The cheapest offers, at the last decision."""
    refused: Annotated[tuple[RefusedGroup, ...], list_atomic(at_most=32)] = ()
    """The other offers by the reason for their refusal."""
    moves: Annotated[tuple[Move, ...], list_atomic(at_most=5)] = ()
    """The last moves, the newest first."""
    effective: Effective | None = None
    """What counted."""
    finished: Finished | None = None
    """How finite work ended."""
    spent_usd: Amount | None = None
    """What its copies had cost by `spentUntil`: their prices for an hour, for the time that they ran."""
    spent_until: Time | None = None
    """Until when `spentUSD` counts."""
    done: Amount | None = None
    """The share of its run that the last checkpoint of the copies that have left holds."""
    adopted_uid: Annotated[str, MaxLen(64)] | None = None
    """The workload's uid on the copy that was found running and adopted."""
