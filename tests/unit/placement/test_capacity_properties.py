"""No node is ever promised beyond what is free on it: kept as a ledger of its own, apart from the code's columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import NVIDIA, a_cluster, a_cpu_offer, a_demand, a_node, an_offer

from tradewind.model.workload import PodSet
from tradewind.placement.capacity import Capacity
from tradewind.placement.nodes import PODS_PER_NODE
from tradewind.placement.table import tabulate

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster, Node, Offer
    from tradewind.placement.capacity import Taken

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


STEPS = st.lists(st.tuples(st.integers(0, 3), PODS, st.booleans()), max_size=12)


@given(nodes=NODES, steps=STEPS)
def test_no_node_and_no_pool_is_given_more_than_it_has(
    nodes: list[Node], steps: list[tuple[int, PodSet, bool]]
) -> None:
    cluster = a_cluster(offers=OFFERS, nodes=named(nodes))
    capacity, ledger = Capacity(tabulate([cluster])), Ledger(cluster)
    for index, pods, gives_back in steps:
        if bool(pods.accelerators) != bool(OFFERS[index].accelerator):
            continue
        if capacity.wait_s(index, capacity.shape(pods), pods.count) is not None:
            ledger.take(capacity.reserve(index, pods), OFFERS[index])
        elif gives_back and ledger.taken:
            capacity.release(ledger.give_back())
    for name, pool in (("cpu", ("cpu",)), ("od", ("od", "same-pool")), ("spot", ("spot",))):
        limit = next(offer for offer in OFFERS if offer.name == name).max_nodes or 0
        assert sum(ledger.grown[one] for one in pool) <= limit


@given(nodes=NODES, steps=STEPS, shapes=st.lists(PODS, min_size=1, max_size=4))
def test_what_is_left_is_what_a_fresh_look_at_the_nodes_would_say(
    nodes: list[Node], steps: list[tuple[int, PodSet, bool]], shapes: list[PodSet]
) -> None:
    cluster = a_cluster(offers=OFFERS, nodes=named(nodes))
    capacity, ledger = Capacity(tabulate([cluster])), Ledger(cluster)
    for index, pods, gives_back in steps:
        for shape in shapes:  # so that there is old knowledge to be corrected
            capacity.rooms(shape)
        if bool(pods.accelerators) != bool(OFFERS[index].accelerator):
            continue
        if capacity.wait_s(index, capacity.shape(pods), pods.count) is not None:
            ledger.take(capacity.reserve(index, pods), OFFERS[index])
        elif gives_back and ledger.taken:
            capacity.release(ledger.give_back())
        fresh = Capacity(tabulate([ledger.cluster()]))
        for shape in shapes:
            assert capacity.rooms(shape).fits.tolist() == fresh.rooms(shape).fits.tolist()


def named(nodes: list[Node]) -> tuple[Node, ...]:
    return tuple(replace(node, name=f"n{number}") for number, node in enumerate(nodes))


class Ledger:
    """Its own count of what is free on every node."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self.nodes = cluster, list(cluster.nodes)
        self.grown = dict.fromkeys((offer.name for offer in OFFERS), 0)
        self.taken: list[Taken] = []
        self.added: dict[int, str] = {}

    def take(self, taken: Taken, offer: Offer) -> None:
        assert sum(count for _, count in taken.nodes) == taken.pods.count
        for number, count in taken.nodes:
            if number == len(self.nodes):
                self.grown[offer.name] += 1
                self.added[number] = offer.name
                assert taken.queue_s >= offer.provisioning_s
                self.nodes.append(
                    a_node(
                        f"x{number}",
                        accelerator=offer.accelerator,
                        resource=taken.pods.accelerator_resource,
                        free=offer.per_node,
                        cpu_cores=offer.node_cpu_cores,
                        labels=offer.node_selector,
                    )
                )
            self._spend(number, taken.pods, count)
        self.taken.append(taken)

    def give_back(self) -> Taken:
        last = self.taken.pop()
        for number, count in last.nodes:
            self._spend(number, last.pods, -count)
            if number in self.added and self.nodes[number].free_pods == PODS_PER_NODE:
                self.grown[self.added.pop(number)] -= 1
        return last

    def cluster(self) -> Cluster:
        gone = [number in self.unused() for number in range(len(self.nodes))]
        return replace(
            self._cluster, nodes=tuple(node for node, each in zip(self.nodes, gone, strict=True) if not each)
        )

    def unused(self) -> set[int]:
        """Number the nodes that were added, and given back whole."""
        return set(range(len(self._cluster.nodes), len(self.nodes))) - self.added.keys()

    def _spend(self, number: int, pods: PodSet, count: int) -> None:
        node = self.nodes[number]
        left = replace(
            node,
            free_accelerators=node.free_accelerators - count * pods.accelerators,
            free_cpu_cores=node.free_cpu_cores - count * pods.cpu_cores,
            free_memory_bytes=node.free_memory_bytes - count * pods.memory_bytes,
            free_pods=node.free_pods - count,
        )
        if count > 0:
            assert node.ready
            assert min(left.free_accelerators, left.free_cpu_cores, left.free_memory_bytes, left.free_pods) > -1e-6
        self.nodes[number] = left


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
