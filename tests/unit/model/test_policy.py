"""Which layer counts: the first that speaks, and for limits the strictest."""

from __future__ import annotations

import pytest

from tradewind.model.kind import WorkloadType
from tradewind.model.policy import BUILT_IN, Guarantee, Mode, PolicyLayer, resolve

NOTHING = PolicyLayer()


@pytest.mark.parametrize(
    ("workload", "namespace", "cluster", "expected"),
    [
        pytest.param(NOTHING, NOTHING, NOTHING, 0.0, id="the built-in value where nobody speaks"),
        pytest.param(NOTHING, NOTHING, PolicyLayer(usd_per_delay_hour=5), 5.0, id="the cluster's policy"),
        pytest.param(
            NOTHING,
            PolicyLayer(usd_per_delay_hour=25),
            PolicyLayer(usd_per_delay_hour=5),
            25.0,
            id="the namespace speaks before the cluster",
        ),
        pytest.param(
            NOTHING, PolicyLayer(usd_per_delay_hour=0), PolicyLayer(usd_per_delay_hour=5), 0.0, id="zero is a word"
        ),
    ],
)
def test_the_first_layer_that_speaks_counts(
    workload: PolicyLayer, namespace: PolicyLayer, cluster: PolicyLayer, expected: float
) -> None:
    policy = resolve(WorkloadType.BATCH, workload=workload, namespace=namespace, cluster=cluster)
    assert policy.usd_per_delay_hour == expected


def test_limits_can_only_be_tightened() -> None:
    policy = resolve(
        WorkloadType.TRAINING,
        workload=PolicyLayer(cooldown_s=60, max_moves_per_hour=10),
        namespace=PolicyLayer(cooldown_s=600, max_moves_per_hour=4),
        cluster=PolicyLayer(cooldown_s=120, max_moves_per_hour=5),
    )
    assert (policy.cooldown_s, policy.max_moves_per_hour) == (600, 4)


def test_the_built_in_limit_binds_only_where_nobody_speaks() -> None:
    loose = resolve(
        WorkloadType.BATCH,
        workload=NOTHING,
        namespace=NOTHING,
        cluster=PolicyLayer(cooldown_s=1, max_moves_per_hour=99),
    )
    silent = resolve(WorkloadType.BATCH, workload=NOTHING, namespace=NOTHING, cluster=NOTHING)
    assert (loose.cooldown_s, loose.max_moves_per_hour) == (1, 99)
    assert (silent.cooldown_s, silent.max_moves_per_hour) == (BUILT_IN.cooldown_s, BUILT_IN.max_moves_per_hour)


@pytest.mark.parametrize("layer", ["workload", "namespace", "cluster"])
def test_recommend_counts_wherever_it_is_said(layer: str) -> None:
    said = {name: PolicyLayer(mode=Mode.ENFORCE) for name in ("workload", "namespace", "cluster")}
    said[layer] = PolicyLayer(mode=Mode.RECOMMEND)
    assert resolve(WorkloadType.BATCH, **said).mode is Mode.RECOMMEND


@pytest.mark.parametrize(
    ("kind", "guarantee"),
    [
        pytest.param(WorkloadType.TRAINING, Guarantee.AT_MOST_ONCE, id="two writers can ruin a checkpoint"),
        pytest.param(WorkloadType.BATCH, Guarantee.AT_MOST_ONCE, id="a batch job waits"),
        pytest.param(WorkloadType.INFERENCE, Guarantee.AT_LEAST_ONCE, id="silence does harm"),
    ],
)
def test_the_guarantee_follows_the_type_of_work_unless_someone_says_it(
    kind: WorkloadType, guarantee: Guarantee
) -> None:
    assert resolve(kind, workload=NOTHING, namespace=NOTHING, cluster=NOTHING).guarantee is guarantee
    said = PolicyLayer(guarantee=Guarantee.AT_LEAST_ONCE)
    assert resolve(kind, workload=said, namespace=NOTHING, cluster=NOTHING).guarantee is Guarantee.AT_LEAST_ONCE


def test_config_is_copied_unless_any_layer_forbids_it() -> None:
    yes, no = PolicyLayer(copy_config=True), PolicyLayer(copy_config=False)
    assert resolve(WorkloadType.BATCH, workload=NOTHING, namespace=NOTHING, cluster=NOTHING).copy_config
    assert not resolve(WorkloadType.BATCH, workload=yes, namespace=NOTHING, cluster=no).copy_config
