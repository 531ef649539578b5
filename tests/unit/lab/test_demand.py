"""Which nodes waiting pods call for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.lab import demand
from tradewind.lab.demand import PoolState
from tradewind.lab.nodes import Pool

SPOT = {"karpenter.sh/capacity-type": "spot"}
TAINT = {"key": "nvidia.com/gpu", "value": "", "effect": "NoSchedule"}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists"}


def a_pool(**changes: Any) -> Pool:
    fields: dict[str, Any] = {
        "name": "spot",
        "labels": SPOT | {"topology.kubernetes.io/region": "eu-south-2"},
        "selector": SPOT,
        "resource": "nvidia.com/gpu",
        "per_node": 8,
        "cpu": "192",
        "memory": "2Ti",
        "taints": [TAINT],
        "max_nodes": 4,
    }
    return Pool(**(fields | changes))


def a_pod(
    accelerators: int = 1,
    *,
    selector: dict[str, str] = SPOT,
    tolerations: list[dict[str, str]] | None = None,
    **requests: str,
) -> dict[str, Any]:
    limits = {"nvidia.com/gpu": str(accelerators)} if accelerators else {}
    return {
        "metadata": {"name": "pod"},
        "spec": {
            "nodeSelector": selector,
            "tolerations": [TOLERATION] if tolerations is None else tolerations,
            "containers": [{"name": "a", "resources": {"limits": limits, "requests": requests}}],
        },
        "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
    }


def test_a_pod_waits_only_if_the_scheduler_found_no_node_for_it() -> None:
    assert demand.is_waiting(a_pod())
    assert not demand.is_waiting(a_pod() | {"status": {}})
    bound, leaving = a_pod(), a_pod()
    bound["spec"]["nodeName"] = "one"
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not demand.is_waiting(bound)
    assert not demand.is_waiting(leaving)


@pytest.mark.parametrize(
    ("pod", "pool", "expected"),
    [
        pytest.param(a_pod(), a_pool(), True, id="it names the pool's selector"),
        pytest.param(a_pod(selector={}), a_pool(), False, id="it names no selector but the pool has one"),
        pytest.param(
            a_pod(selector=SPOT | {"topology.kubernetes.io/region": "eu-south-2"}),
            a_pool(),
            True,
            id="it also names the region",
        ),
        pytest.param(
            a_pod(selector=SPOT | {"topology.kubernetes.io/region": "us-east-1"}), a_pool(), False, id="another region"
        ),
        pytest.param(a_pod(tolerations=[]), a_pool(), False, id="it does not tolerate the taint"),
        pytest.param(a_pod(tolerations=[{"operator": "Exists"}]), a_pool(), True, id="it tolerates everything"),
        pytest.param(
            a_pod(tolerations=[TOLERATION | {"effect": "NoExecute"}]), a_pool(), False, id="it tolerates another effect"
        ),
        pytest.param(a_pod(8), a_pool(), True, id="it fills a node"),
        pytest.param(a_pod(9), a_pool(), False, id="it needs more than a node has"),
        pytest.param(a_pod(1, memory="3Ti"), a_pool(), False, id="it needs more memory than a node has"),
        pytest.param(a_pod(1, cpu="192001m"), a_pool(), False, id="it needs more CPU than a node has"),
        pytest.param(
            a_pod(1, selector={}, tolerations=[]),
            a_pool(selector={}, taints=[]),
            True,
            id="the pool has no selector and it asks for accelerators",
        ),
        pytest.param(
            a_pod(0, selector={}, tolerations=[]),
            a_pool(selector={}, taints=[]),
            False,
            id="the pool has no selector and it asks for none",
        ),
    ],
)
def test_a_pod_selects_a_pool(*, pod: dict[str, Any], pool: Pool, expected: bool) -> None:
    assert demand.selects(pod, pool) is expected


@pytest.mark.parametrize(
    ("amounts", "nodes"),
    [
        pytest.param([], 0, id="nobody waits"),
        pytest.param([4, 4], 1, id="two halves share a node"),
        pytest.param([4, 4, 4], 2, id="a third half needs another"),
        pytest.param([2, 8, 2, 4], 2, id="small ones fill up beside a large one"),
        pytest.param([5, 5, 5], 3, id="what does not fit together gets a node each"),
    ],
)
def test_pods_are_packed_onto_nodes(amounts: list[int], nodes: int) -> None:
    assert demand.nodes_for(a_pool(), [a_pod(amount) for amount in amounts]) == nodes


def test_memory_is_packed_as_well_as_accelerators() -> None:
    assert demand.nodes_for(a_pool(), [a_pod(1, memory="1.5Ti"), a_pod(1, memory="1Ti")]) == 2


@given(st.lists(st.integers(min_value=1, max_value=8), max_size=30))
def test_packing_is_never_too_small_and_never_twice_too_large(amounts: list[int]) -> None:
    nodes = demand.nodes_for(a_pool(), [a_pod(amount) for amount in amounts])
    assert nodes * 8 >= sum(amounts)
    assert nodes <= 2 * -(-sum(amounts) // 8)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("8", 8, id="a plain number"),
        pytest.param("500m", 0.5, id="milli"),
        pytest.param("1.5", 1.5, id="a decimal"),
        pytest.param("2Ti", 2 * 1024**4, id="binary"),
        pytest.param("64G", 64e9, id="decimal"),
        pytest.param("1k", 1000, id="kilo"),
        pytest.param("1e3", 1000, id="an exponent"),
        pytest.param("250u", 0.00025, id="micro"),
    ],
)
def test_a_quantity_is_a_number(text: str, value: float) -> None:
    assert demand.quantity(text) == pytest.approx(value)


def test_what_is_no_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="quantity"):
        demand.quantity("lots")


def test_nodes_on_their_way_are_not_ordered_again() -> None:
    state = PoolState(a_pool())
    assert state.order(needed=2, existing=0, now=0.0, delay_s=6.0) == 2
    assert state.order(needed=2, existing=0, now=1.0, delay_s=6.0) == 0
    assert state.order(needed=3, existing=0, now=2.0, delay_s=6.0) == 1


def test_nodes_appear_when_their_time_has_come_and_settle() -> None:
    state = PoolState(a_pool())
    state.order(needed=1, existing=0, now=0.0, delay_s=6.0)
    assert state.arriving(5.9) == 0
    assert state.arriving(6.0) == 1
    state.arrived(6.0)
    assert state.arriving(6.0) == 0
    assert state.order(needed=1, existing=1, now=7.0, delay_s=6.0) == 0, "its pods are about to be bound to it"
    assert state.order(needed=1, existing=1, now=30.0, delay_s=6.0) == 1, "they were not: another is needed"


def test_a_pool_never_grows_beyond_its_limit() -> None:
    state = PoolState(a_pool(max_nodes=3))
    assert state.order(needed=9, existing=1, now=0.0, delay_s=1.0) == 2
    assert state.order(needed=9, existing=1, now=0.5, delay_s=1.0) == 0
