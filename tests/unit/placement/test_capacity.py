"""What fits: on nodes that exist, on nodes that a pool may add, beside what is promised."""

from __future__ import annotations

import pytest
from tests.builders import GIB, NVIDIA, a_cluster, a_cpu_offer, a_demand, a_node, an_offer

from tradewind.model.fleet import Cluster, Demand, Node, Offer, Taint, Toleration
from tradewind.model.workload import PodSet
from tradewind.placement.capacity import Capacity
from tradewind.placement.table import tabulate

GPU_TAINT = Taint("nvidia.com/gpu", "present", "NoSchedule")
SPOT = {"capacity-type": "spot"}


def gpu_pods(count: int, each: int = 8, *, cpu: float = 0.0, memory: float = 0.0) -> PodSet:
    return PodSet(count, cpu, memory, each, NVIDIA)


def cpu_pods(count: int, cpu: float = 1.0, memory: float = 0.0) -> PodSet:
    return PodSet(count, cpu, memory)


def fits(cluster: Cluster, pods: PodSet, offer: int = 0) -> int:
    return int(Capacity(tabulate([cluster])).rooms(pods).fits[offer])


@pytest.mark.parametrize(
    ("offer", "nodes", "pods", "expected"),
    [
        pytest.param(an_offer(), (a_node(),), gpu_pods(1), 1, id="one free node takes one whole-node pod"),
        pytest.param(an_offer(), (a_node(free=7),), gpu_pods(1), 0, id="seven of eight are not enough"),
        pytest.param(an_offer(), (a_node("a", free=4), a_node("b", free=4)), gpu_pods(1), 0, id="pods do not span"),
        pytest.param(an_offer(), (a_node(),), gpu_pods(4, 2), 4, id="small pods share a node"),
        pytest.param(an_offer(), (a_node(ready=False),), gpu_pods(1), 0, id="a node that is not ready takes none"),
        pytest.param(an_offer(), (a_node(schedulable=False),), gpu_pods(1), 0, id="a cordoned node takes none"),
        pytest.param(an_offer(), (a_node(accelerator="L4"),), gpu_pods(1), 0, id="another type does not count"),
        pytest.param(an_offer(), (a_node(resource="amd.com/gpu"),), gpu_pods(1), 0, id="nor another resource"),
        pytest.param(an_offer(), (a_node(taints=(GPU_TAINT,)),), gpu_pods(1), 0, id="a taint keeps pods out"),
        pytest.param(
            an_offer(tolerations=(Toleration("nvidia.com/gpu", "Exists"),)),
            (a_node(taints=(GPU_TAINT,)),),
            gpu_pods(1),
            1,
            id="the offer's toleration lets them in",
        ),
        pytest.param(
            an_offer(),
            (a_node(taints=(Taint("busy", "", "PreferNoSchedule"),)),),
            gpu_pods(1),
            1,
            id="a preference keeps nobody out",
        ),
        pytest.param(an_offer(node_selector=SPOT), (a_node(),), gpu_pods(1), 0, id="the selector must match"),
        pytest.param(an_offer(node_selector=SPOT), (a_node(labels=SPOT),), gpu_pods(1), 1, id="and here it does"),
        pytest.param(an_offer(), (a_node(cpu_cores=15),), gpu_pods(2, 1, cpu=8), 1, id="cores can be the limit"),
        pytest.param(
            an_offer(), (a_node(memory_bytes=64 * GIB),), gpu_pods(2, 1, memory=33 * GIB), 1, id="so can memory"
        ),
        pytest.param(an_offer(), (a_node(pods=3),), gpu_pods(8, 1), 3, id="so can pod slots"),
        pytest.param(an_offer(), (a_node(pods=-1),), gpu_pods(8, 1), 0, id="an overfull node takes none"),
        pytest.param(
            a_cpu_offer(), (a_node(accelerator="", cpu_cores=1.0),), cpu_pods(10, 0.1), 10, id="ten tenths are one"
        ),
        pytest.param(a_cpu_offer(), (a_node(cpu_cores=64),), cpu_pods(1), 0, id="accelerator nodes are left alone"),
        pytest.param(
            a_cpu_offer(node_selector=SPOT),
            (a_node(cpu_cores=64, labels=SPOT),),
            cpu_pods(1),
            64,
            id="unless the offer's selector picks them",
        ),
        pytest.param(an_offer(max_nodes=2), (), gpu_pods(1), 2, id="a pool scales from zero"),
        pytest.param(an_offer(max_nodes=2), (a_node(ready=False),), gpu_pods(1), 1, id="a broken node counts"),
        pytest.param(an_offer(max_nodes=1), (a_node(free=0),), gpu_pods(1), 0, id="a full pool at its limit"),
        pytest.param(an_offer(max_nodes=2, per_node=4), (), gpu_pods(1), 0, id="a pod larger than a new node"),
        pytest.param(
            an_offer(max_nodes=2, node_cpu_cores=16), (), gpu_pods(8, 1, cpu=8), 4, id="a new node's cores count"
        ),
        pytest.param(
            an_offer(max_nodes=9),
            (a_node(free=0, resource="amd.com/gpu"),),
            gpu_pods(1),
            0,
            id="a pool whose nodes have another resource will not bring ours",
        ),
        pytest.param(a_cpu_offer(max_nodes=2, node_cpu_cores=8), (), cpu_pods(1, 3), 4, id="a CPU pool from zero"),
    ],
)
def test_how_many_pods_fit(offer: Offer, nodes: tuple[Node, ...], pods: PodSet, expected: int) -> None:
    assert fits(a_cluster(offers=(offer,), nodes=nodes), pods) == expected


def test_nothing_fits_where_the_nodes_have_not_been_read() -> None:
    assert fits(a_cluster(offers=(an_offer(max_nodes=5),), known=False), gpu_pods(1)) == 0


@pytest.mark.parametrize(
    ("promised", "expected"),
    [
        pytest.param((), 2, id="nothing promised"),
        pytest.param((a_demand(),), 1, id="a promise takes its room"),
        pytest.param((a_demand(count=5),), 0, id="more than there is takes all there is"),
        pytest.param((a_demand(offer="gone"),), 1, id="a promise on an offer that is gone still lands somewhere"),
        pytest.param((a_demand(accelerators=2),), 1, id="a small promise breaks one whole node, not two"),
    ],
)
def test_promises_come_first(promised: tuple[Demand, ...], expected: int) -> None:
    cluster = a_cluster(nodes=(a_node("a"), a_node("b")), promised=promised)
    assert fits(cluster, gpu_pods(1)) == expected


def test_a_promise_can_take_the_pools_last_node() -> None:
    cluster = a_cluster(offers=(an_offer(max_nodes=1),), nodes=(), promised=(a_demand(accelerators=4),))
    assert fits(cluster, gpu_pods(1)) == 0
    assert fits(cluster, gpu_pods(1, 4)) == 1


def test_a_promise_on_an_offer_that_is_gone_lands_on_nodes_that_exist_also_after_a_pool_has_grown() -> None:
    offers = an_offer("any"), an_offer("spot", node_selector=SPOT, max_nodes=1)
    promised = a_demand(offer="spot"), a_demand(offer="that is gone")
    assert fits(a_cluster(offers=offers, nodes=(a_node(),), promised=promised), gpu_pods(1)) == 0


def test_two_offers_share_their_nodes() -> None:
    capacity = Capacity(tabulate([a_cluster(offers=(an_offer("a"), an_offer("b")))]))
    capacity.reserve(0, gpu_pods(1))
    assert capacity.rooms(gpu_pods(1)).fits.tolist() == [0, 0]


def test_two_offers_share_one_pools_limit() -> None:
    capacity = Capacity(
        tabulate([a_cluster(offers=(an_offer("a", max_nodes=3), an_offer("b", max_nodes=3)), nodes=())])
    )
    capacity.reserve(0, gpu_pods(2, 4))
    capacity.reserve(1, gpu_pods(1))
    assert capacity.rooms(gpu_pods(1)).fits.tolist() == [1, 1]


def test_pools_apart_do_not_share() -> None:
    offers = (an_offer("a", max_nodes=1), an_offer("b", max_nodes=1, node_selector=SPOT))
    capacity = Capacity(tabulate([a_cluster(offers=offers, nodes=())]))
    capacity.reserve(0, gpu_pods(1))
    assert capacity.rooms(gpu_pods(1)).fits.tolist() == [0, 1]


def test_small_pods_fill_the_fullest_node_first() -> None:
    capacity = Capacity(tabulate([a_cluster(nodes=(a_node("a"), a_node("b", free=3), a_node("c", free=5)))]))
    capacity.reserve(0, gpu_pods(2, 1))
    assert capacity.rooms(gpu_pods(1)).fits.tolist() == [1]
    assert capacity.rooms(gpu_pods(1, 5)).fits.tolist() == [2]


def test_cpu_work_leaves_accelerator_nodes_for_last() -> None:
    nodes = (a_node("a", cpu_cores=4, labels=SPOT), a_node("b", accelerator="", cpu_cores=8, labels=SPOT))
    offers = (a_cpu_offer(node_selector=SPOT), an_offer())
    capacity = Capacity(tabulate([a_cluster(offers=offers, nodes=nodes)]))
    capacity.reserve(0, cpu_pods(1, 4))
    assert capacity.rooms(gpu_pods(1, cpu=4)).fits.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("count", "queue_s"),
    [
        pytest.param(1, 0.0, id="existing nodes are used first and cost no wait"),
        pytest.param(2, 300.0, id="a node that must be added is waited for"),
    ],
)
def test_new_nodes_are_waited_for(count: int, queue_s: float) -> None:
    cluster = a_cluster(offers=(an_offer(max_nodes=3, provisioning_s=300),))
    assert Capacity(tabulate([cluster])).rooms(gpu_pods(count)).queue_s.tolist() == [queue_s]


def test_a_half_filled_new_node_is_still_waited_for() -> None:
    capacity = Capacity(tabulate([a_cluster(offers=(an_offer(max_nodes=1, provisioning_s=300),), nodes=())]))
    capacity.reserve(0, gpu_pods(1, 4))
    rooms = capacity.rooms(gpu_pods(1, 4))
    assert (rooms.fits.tolist(), rooms.queue_s.tolist()) == ([1], [300.0])


def test_a_shortage_is_told_in_figures() -> None:
    nodes = (a_node("a"), a_node("b", free=2), a_node("c", ready=False))
    cluster = a_cluster(offers=(an_offer(max_nodes=4),), nodes=nodes)
    shortage = Capacity(tabulate([cluster])).shortage(0, gpu_pods(3))
    assert (shortage.fits, shortage.nodes, shortage.usable, shortage.free_nodes) == (2, 3, 2, 1)
    assert (shortage.growth, shortage.max_nodes, shortage.short_of) == (1, 4, ("accelerators",))
