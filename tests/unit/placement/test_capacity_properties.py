"""No node is ever promised beyond what is free on it: kept as a ledger of its own, apart from the code's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import NVIDIA, a_cluster, a_cpu_offer, a_demand, a_node, an_offer

from tradewind.model.workload import PodSet
from tradewind.placement.capacity import Capacity, ClusterCapacity
from tradewind.placement.table import tabulate

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster, Node, Offer

POOL = {"pool": "spot"}
OFFERS = (
    a_cpu_offer("cpu", max_nodes=2, node_cpu_cores=16),
    an_offer("od", max_nodes=4, node_cpu_cores=64),
    an_offer("same-pool", max_nodes=4, node_cpu_cores=64),
    an_offer("spot", max_nodes=2, node_selector=POOL, node_cpu_cores=64),
)
PODS = st.one_of(
    st.builds(PodSet, st.integers(1, 5), st.sampled_from((0.0, 0.3, 8.0)), st.sampled_from((0.0, 4e9))),
    st.builds(
        lambda count, cpu, each: PodSet(count, cpu, 0.0, each, NVIDIA),
        st.integers(1, 5),
        st.sampled_from((0.0, 0.1, 20.0)),
        st.integers(1, 8),
    ),
)
NODES = st.lists(
    st.builds(
        lambda kind, free, cpu, memory, pods, labels, ready: a_node(
            accelerator=kind, free=free, cpu_cores=cpu, memory_bytes=memory, pods=pods, labels=labels, ready=ready
        ),
        st.sampled_from(("", "H100-80GB", "L4")),
        st.integers(0, 8),
        st.sampled_from((0.9, 8.0, 64.0)),
        st.sampled_from((8e9, 256e9)),
        st.integers(0, 6),
        st.sampled_from(({}, POOL)),
        st.booleans(),
    ),
    max_size=5,
)


@given(nodes=NODES, wishes=st.lists(st.tuples(st.integers(0, 3), PODS), max_size=12))
def test_no_node_and_no_pool_is_given_more_than_it_has(nodes: list[Node], wishes: list[tuple[int, PodSet]]) -> None:
    capacity = ClusterCapacity(a_cluster(offers=OFFERS, nodes=tuple(nodes)))
    ledger = [[one.free_accelerators, one.free_cpu_cores, one.free_memory_bytes, one.free_pods] for one in nodes]
    grown = dict.fromkeys((offer.name for offer in OFFERS), 0)
    for index, pods in wishes:
        offer = OFFERS[index]
        fill = capacity.fill(index, pods)
        if bool(pods.accelerators) != bool(offer.accelerator) or fill.fits < pods.count:
            continue
        capacity.reserve(index, pods)
        per_new = 0 if not fill.new_nodes else -(-(pods.count - int(fill.take.sum())) // fill.new_nodes)
        assert fill.take.sum() <= pods.count
        assert fill.take.sum() + fill.new_nodes * max(per_new, 1) >= pods.count
        for number, taken in enumerate(fill.take.tolist()):
            if taken and number < len(nodes):
                assert nodes[number].ready
                _spend(ledger[number], pods, taken)
        grown[offer.name] += fill.new_nodes
    for name, pool in (("cpu", ("cpu",)), ("od", ("od", "same-pool")), ("spot", ("spot",))):
        limit = next(offer for offer in OFFERS if offer.name == name).max_nodes or 0
        assert sum(grown[one] for one in pool) <= limit


def _spend(free: list[float], pods: PodSet, taken: int) -> None:
    for column, need in enumerate((pods.accelerators, pods.cpu_cores, pods.memory_bytes, 1)):
        if need:
            free[column] -= taken * need
            assert free[column] > -1e-6


@given(nodes=NODES, promised=st.integers(0, 40))
def test_a_promise_takes_exactly_its_room_or_all_there_is(nodes: list[Node], promised: int) -> None:
    single = PodSet(1, 0.0, 0.0, 1, NVIDIA)

    def room(cluster: Cluster) -> int:
        return int(Capacity(tabulate([cluster])).rooms(single).fits[0])

    offers: tuple[Offer, ...] = (an_offer(max_nodes=2),)
    without = room(a_cluster(offers=offers, nodes=tuple(nodes)))
    demand = a_demand(count=promised, accelerators=1)
    left = room(a_cluster(offers=offers, nodes=tuple(nodes), promised=(demand,) if promised else ()))
    assert left == max(0, without - promised)
