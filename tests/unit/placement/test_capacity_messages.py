"""What people read where the pods do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.builders import GIB, a_cluster, a_cpu_offer, a_node, a_workload, an_ask, an_offer

from tradewind.model.plan import Conditions, Wake
from tradewind.placement.engine import plan

if TYPE_CHECKING:
    from tradewind.model.fleet import Cluster
    from tradewind.model.workload import Workload


@pytest.mark.parametrize(
    ("cluster", "workload", "reason", "message"),
    [
        pytest.param(
            a_cluster(nodes=tuple(a_node(f"n{number}", free=2) for number in range(4))),
            a_workload(accelerators=8),
            "InsufficientCapacity",
            "needs 1 pod x 8 H100-80GB; fits 0 (0 free nodes of 4; short of accelerators; "
            "no maxNodes: the pool does not grow)",
            id="eight on one node are not two on each of four",
        ),
        pytest.param(
            a_cluster(offers=(an_offer(max_nodes=2),), nodes=(a_node("a"), a_node("b", free=0))),
            a_workload(pods=2),
            "InsufficientCapacity",
            "needs 2 pods x 8 H100-80GB; fits 1 (1 free node of 2; short of accelerators; "
            "pool at its limit of 2 nodes)",
            id="a full pool",
        ),
        pytest.param(
            a_cluster(offers=(an_offer(),), nodes=(a_node(free=0),)),
            a_workload(),
            "InsufficientCapacity",
            "needs 1 pod x 8 H100-80GB; fits 0 (0 free nodes of 1; short of accelerators; "
            "no maxNodes: the pool does not grow)",
            id="nodes that exist, and no pool",
        ),
        pytest.param(
            a_cluster(offers=(an_offer(max_nodes=3),), nodes=(a_node(free=0),)),
            a_workload(pods=4),
            "InsufficientCapacity",
            "needs 4 pods x 8 H100-80GB; fits 2 (0 free nodes of 1; short of accelerators; pool may grow by 2 to 3)",
            id="a pool that can't grow enough",
        ),
        pytest.param(
            a_cluster(offers=(an_offer(max_nodes=3, per_node=4),), nodes=()),
            a_workload(),
            "InsufficientCapacity",
            "needs 1 pod x 8 H100-80GB; fits 0 (0 free nodes of 0; one pod is larger than a node of the pool)",
            id="a pod that no node of the pool can hold",
        ),
        pytest.param(
            a_cluster(nodes=(a_node(resource="amd.com/gpu"),)),
            a_workload(),
            "InsufficientCapacity",
            "needs 1 pod x 8 H100-80GB; fits 0 (0 free nodes of 1; the pods ask for nvidia.com/gpu, "
            "the nodes have amd.com/gpu; no maxNodes: the pool does not grow)",
            id="another vendor's resource",
        ),
        pytest.param(
            a_cluster(nodes=(a_node(ready=False),)),
            a_workload(),
            "InsufficientCapacity",
            "needs 1 pod x 8 H100-80GB; fits 0 (0 free nodes of 1; 1 not ready, cordoned or tainted; "
            "no maxNodes: the pool does not grow)",
            id="a node that is not ready",
        ),
        pytest.param(
            a_cluster(offers=(a_cpu_offer(),), nodes=(a_node(accelerator="", cpu_cores=4, memory_bytes=16 * GIB),)),
            a_workload(pods=3, accelerators=0, cpu_cores=2, memory_bytes=8 * GIB),
            "InsufficientCapacity",
            "needs 3 pods x 2 CPU, 8Gi; fits 2 (1 free node of 1; short of CPU and memory; "
            "no maxNodes: the pool does not grow)",
            id="work without accelerators",
        ),
        pytest.param(
            a_cluster(nodes=()),
            a_workload(),
            "NoCapacity",
            "the offer has no capacity: no nodes and no maxNodes",
            id="an offer with nothing behind it",
        ),
        pytest.param(
            a_cluster(nodes=(a_node(accelerator="L4"),)),
            a_workload(),
            "NoCapacity",
            "the offer has no capacity: no nodes and no maxNodes; the nodes that its selector picks have L4",
            id="an offer whose nodes are of another type",
        ),
        pytest.param(
            a_cluster(nodes=(replace(a_node(), accelerator=""),)),
            a_workload(),
            "NoCapacity",
            "the offer has no capacity: no nodes and no maxNodes; the nodes that its selector picks have accelerators "
            "of unknown type; name their labels in the ClusterPlacementPolicy's accelerators",
            id="nodes whose labels no row of the table knows",
        ),
        pytest.param(
            a_cluster(known=False),
            a_workload(),
            "NodesNotRead",
            "the cluster's nodes have not been read yet",
            id="a cluster that has not been read",
        ),
    ],
)
def test_a_shortage_is_put_into_words(cluster: Cluster, workload: Workload, reason: str, message: str) -> None:
    (decision,) = plan([an_ask(workload)], fleet=[cluster], conditions=Conditions())
    (refusal,) = decision.candidates[0].refusals
    assert (refusal.reason, refusal.message, refusal.wakes_on) == (reason, message, Wake.CAPACITY)
