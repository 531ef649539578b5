"""The work of the speed benchmark: see `bench_world`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.cli.bench_world import KINDS, NOW_S, Dice
from tradewind.model.kind import WorkloadType
from tradewind.model.plan import Ask
from tradewind.model.policy import PolicyLayer, resolve
from tradewind.model.workload import (
    ONE_CLUSTER,
    Access,
    AllowDeny,
    Checkpoint,
    Client,
    Constraints,
    DataInput,
    Deadline,
    DeadlineMode,
    Encryption,
    Interconnect,
    Key,
    Market,
    Output,
    PodSet,
    Residency,
    Spread,
    Workload,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.cli.bench_tables import Tables

HOUR_S = 3600.0
GB = 1e9
LARGE = ("H100-80GB", "H200-141GB", "A100-80GB", "A100-40GB")
SMALL = ("L4", "T4", "A100-40GB", "A100-80GB")
EU = ("EU", "EEA")
NVIDIA = "nvidia.com/gpu"


def asks_of(tables: Tables, *, workloads: int, seed: int, per_template: int) -> list[Ask]:
    """Make so many asks: sweeps, arrays and tenants that use one chart. With 1 per template every ask is different.

    Nothing is shared between asks of one template: each is made anew, as if its manifest had been read for itself.
    """
    dice, homes = Dice(seed + 1), tables.homes
    templates = max(1, workloads // per_template)
    numbers = range(workloads) if per_template == 1 else [dice.randrange(templates) for _ in range(workloads)]
    return [
        _ask(number, homes, Dice(f"{seed}/{template}"), created_s=NOW_S - dice.randrange(86_400))
        for number, template in enumerate(numbers)
    ]


def _ask(number: int, homes: Sequence[str], dice: Dice, *, created_s: float) -> Ask:
    (make,) = dice.choices((_training, _batch, _inference, _plain), weights=(50, 20, 20, 10))
    work = replace(make(number, homes, dice), created_s=created_s)
    layer = PolicyLayer(
        usd_per_delay_hour=dice.choice((0.0, 0.0, 5.0, 25.0)),
        usd_per_tonne_co2=dice.choice((0.0, 90.0)),
        usd_per_round_trip_ms_hour=0.002,
        max_usd_per_hour=dice.choice((200.0, 800.0)) if dice.chance(0.15) else None,
        max_total_usd=dice.choice((2e3, 2e5)) if dice.chance(0.15) else None,
    )
    policy = resolve(work.type, workload=work.overrides, namespace=layer, cluster=PolicyLayer())
    return Ask(work, policy, resumes=work.checkpoint is not None and dice.chance(0.1))


def _plain(number: int, _homes: Sequence[str], dice: Dice) -> Workload:
    pods = PodSet(dice.choice((1, 4, 16)), float(dice.choice((1, 4))), 4e9)
    return _workload(number, WorkloadType.BATCH, pods, dice, expected_runtime_s=dice.uniform(0.2, 8) * HOUR_S)


def _training(number: int, homes: Sequence[str], dice: Dice) -> Workload:
    pods = PodSet(dice.choice((1, 1, 1, 2, 2, 4)), dice.choice((8.0, 64.0)), 0.0, 8, NVIDIA)
    home = dice.choice(homes)
    size = 10 ** dice.uniform(1, 4.3) * GB
    checkpoint = Checkpoint(dice.uniform(10, 400) * GB, (home,), dice.choice((None, 1800.0)))
    output = Output("model", dice.uniform(1, 300) * GB, home)
    deadline = None
    if dice.chance(0.2):
        mode = dice.choice(tuple(DeadlineMode))
        deadline = Deadline(NOW_S + dice.uniform(20, 400) * HOUR_S, mode, 50.0 if mode is DeadlineMode.PREFER else 0.0)
    return _workload(
        number,
        WorkloadType.TRAINING,
        pods,
        dice,
        accelerator_types=tuple(dice.sample(LARGE, dice.choice((1, 2, 3)))),
        expected_runtime_s=10 ** dice.uniform(0, 2) * HOUR_S,
        runtime_accelerator="A100-80GB",
        data=_data(home, size, homes, dice),
        checkpoint=checkpoint if dice.chance(0.6) else None,
        outputs=(output,) if dice.chance(0.3) else (),
        deadline=deadline,
        interconnect=Interconnect.RDMA if pods.count > 1 and dice.chance(0.3) else None,
        min_node_gbps=400.0 if pods.count > 1 and dice.chance(0.2) else 0.0,
    )


def _batch(number: int, homes: Sequence[str], dice: Dice) -> Workload:
    return _workload(
        number,
        WorkloadType.BATCH,
        PodSet(dice.choice((1, 2, 4)), 4.0, 0.0, dice.choice((1, 2)), NVIDIA),
        dice,
        accelerator_types=tuple(dice.sample(SMALL, 2)),
        expected_runtime_s=dice.uniform(0.2, 12) * HOUR_S,
        runtime_accelerator="L4",
        data=_data(dice.choice(homes), 10 ** dice.uniform(0, 3) * GB, homes, dice),
    )


def _inference(number: int, homes: Sequence[str], dice: Dice) -> Workload:
    clients = tuple(Client(place, float(dice.randint(1, 100))) for place in dice.sample(homes, dice.choice((1, 2, 3))))
    several = dice.chance(0.1)
    return _workload(
        number,
        WorkloadType.INFERENCE,
        PodSet(dice.choice((2, 4, 6)), 4.0, 0.0, 1, NVIDIA),
        dice,
        accelerator_types=tuple(dice.sample(SMALL, 3)),
        clients=clients,
        max_round_trip_ms=dice.choice((None, None, 120.0, 250.0)),
        spread=Spread(2, dice.choice((1, 2))) if several else ONE_CLUSTER,
    )


def _data(home: str, size_bytes: float, homes: Sequence[str], dice: Dice) -> tuple[DataInput, ...]:
    if dice.chance(0.25):
        return ()
    replicas = tuple(dict.fromkeys((home, *dice.sample(homes, dice.choice((0, 0, 1, 2))))))
    access = Access.STREAM if dice.chance(0.3) else Access.STAGE
    law = Residency(frozenset({"EU"})) if dice.chance(0.1) else Residency()
    return (DataInput("data", size_bytes, replicas, access, law),)


def _workload(number: int, type_: WorkloadType, pods: PodSet, dice: Dice, **wishes: object) -> Workload:
    (constraints,) = dice.choices(
        (
            Constraints(),
            Constraints(jurisdictions=AllowDeny(frozenset({dice.choice(EU)}))),
            Constraints(providers=AllowDeny(deny=frozenset({dice.choice(("azure", "gcp"))}))),
            Constraints(markets=frozenset({Market.ON_DEMAND})),
            Constraints(certifications=frozenset({dice.choice(("ISO27001", "SOC2", "HIPAA"))})),
            Constraints(encryption=frozenset({Encryption.AT_REST})),
        ),
        weights=(35, 15, 10, 15, 15, 10),
    )
    return Workload(
        key=Key(f"team-{dice.randrange(40)}", f"w-{number:06d}"),
        uid=f"uid-{number}",
        generation=1,
        created_s=NOW_S,
        type=type_,
        pods=pods,
        overrides=PolicyLayer(),
        constraints=constraints,
        priority=dice.choice((0, 0, 0, 10, 100)),
        kinds=frozenset({sorted(KINDS)[type_ is not WorkloadType.INFERENCE]}),
        **wishes,  # type: ignore[arg-type] # the dataclass's own fields, by name
    )
