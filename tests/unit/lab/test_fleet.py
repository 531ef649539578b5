"""FederatedCluster manifests become members with nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tradewind.api.accelerators import BUILT_IN_ACCELERATORS
from tradewind.lab import fleet, nodes
from tradewind.lab.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path


def an_offer(**changes: Any) -> dict[str, Any]:
    return {"name": "h100", "accelerator": "H100-80GB", "perNode": 8, "market": "OnDemand"} | changes


def a_cluster(*offers: dict[str, Any], name: str = "aws-eu", annotation: str = "", **changes: Any) -> dict[str, Any]:
    spec = {
        "provider": "aws",
        "region": "eu-south-2",
        "connection": {"kubeconfigSecretRef": {"name": "aws"}},
        "offers": list(offers),
    }
    annotations = {fleet.NODES_ANNOTATION: annotation} if annotation else {}
    return {
        "apiVersion": "tradewind.dev/v1alpha1",
        "kind": "FederatedCluster",
        "metadata": {"name": name, "annotations": annotations},
        "spec": spec | changes,
    }


def the_pool(*offers: dict[str, Any], **changes: Any) -> nodes.Pool:
    [pool] = fleet.pools_of(a_cluster(*offers, **changes), default_nodes=2)
    return pool


def write(folder: Path, *documents: object, file: str = "fleet.yaml") -> Path:
    path = folder / file
    path.write_text(yaml.safe_dump_all(documents))
    return path


def test_a_member_is_called_as_the_secret_of_its_kubeconfig(tmp_path: Path) -> None:
    assert list(fleet.read(write(tmp_path, a_cluster(an_offer())))) == ["aws"]


def test_other_kinds_and_empty_documents_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}, None, a_cluster(an_offer()))
    (tmp_path / "notes.txt").write_text("kind: FederatedCluster")
    assert list(fleet.read(tmp_path)) == ["aws"]


@pytest.mark.parametrize(
    ("offer", "annotation", "count", "limit"),
    [
        pytest.param(an_offer(), "", 2, 0, id="what cannot grow has the default number"),
        pytest.param(an_offer(maxNodes=5), "", 0, 5, id="what grows starts with none"),
        pytest.param(an_offer(maxNodes=5), "h100=1", 1, 5, id="unless the annotation says how many"),
        pytest.param(an_offer(), "h100=0", 0, 0, id="the annotation may say none"),
    ],
)
def test_nodes_at_the_start(offer: dict[str, Any], annotation: str, count: int, limit: int) -> None:
    pool = the_pool(offer, annotation=annotation)
    assert (pool.nodes, pool.max_nodes) == (count, limit)


def test_nodes_carry_what_the_offer_selects_and_what_the_provider_writes() -> None:
    pool = the_pool(
        an_offer(podPatch={"nodeSelector": {"karpenter.sh/capacity-type": "spot"}}, provisioning="1h6m500ms")
    )
    assert pool.labels == {
        "karpenter.sh/capacity-type": "spot",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
        "topology.kubernetes.io/region": "eu-south-2",
        "topology.kubernetes.io/zone": "eu-south-2a",
    }
    assert pool.selector == {"karpenter.sh/capacity-type": "spot"}
    assert pool.provisioning_s == 3960.5


def test_tolerations_with_a_key_and_an_effect_are_taints_of_the_nodes() -> None:
    tolerations = [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "team", "value": "ai", "effect": "NoExecute"},
        {"key": "nvidia.com/gpu", "operator": "Exists"},
        {"operator": "Exists"},
    ]
    assert the_pool(an_offer(podPatch={"tolerations": tolerations})).taints == [
        {"key": "nvidia.com/gpu", "value": "", "effect": "NoSchedule"},
        {"key": "team", "value": "ai", "effect": "NoExecute"},
    ]


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        pytest.param(an_offer(), ("nvidia.com/gpu", 8, "192", "2Ti"), id="accelerators"),
        pytest.param({"name": "cpu", "market": "OnDemand"}, ("", 0, "64", "256Gi"), id="no accelerators"),
        pytest.param(
            an_offer(nodeResources={"cpu": 48, "memory": "192Gi"}, perNode=4),
            ("nvidia.com/gpu", 4, "48", "192Gi"),
            id="as the offer says",
        ),
        pytest.param(an_offer(accelerator="MI300X"), ("amd.com/gpu", 8, "192", "2Ti"), id="AMD's"),
        pytest.param(an_offer(accelerator="TPU-v5e"), ("google.com/tpu", 8, "192", "2Ti"), id="Google's"),
        pytest.param(an_offer(accelerator="Trainium2"), ("aws.amazon.com/neuron", 8, "192", "2Ti"), id="Amazon's"),
        pytest.param(an_offer(accelerator="X1"), ("nvidia.com/gpu", 8, "192", "2Ti"), id="one that nobody knows"),
    ],
)
def test_amounts_of_a_node(offer: dict[str, Any], expected: tuple[str, int, str, str]) -> None:
    pool = the_pool(offer)
    assert (pool.resource, pool.per_node, pool.cpu, pool.memory) == expected


@pytest.mark.parametrize("provider", ["aws", "gcp", "onprem"])
@pytest.mark.parametrize("accelerator", nodes.TYPES)
def test_the_operator_recognises_what_the_labs_nodes_have(accelerator: str, provider: str) -> None:
    _, labels = nodes.type_labels(accelerator, provider)
    recognised = {
        row.name for row in BUILT_IN_ACCELERATORS if row.node_labels and row.node_labels.items() <= labels.items()
    }
    assert recognised == {accelerator}


def test_a_node_says_its_capacity_labels_and_taints() -> None:
    taints = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    pool = the_pool(an_offer(podPatch={"tolerations": taints}))
    node = nodes.manifest(pool, member="aws", number=3)
    assert node["metadata"]["name"] == node["metadata"]["labels"]["kubernetes.io/hostname"] == "aws-h100-3"
    assert node["metadata"]["labels"][nodes.POOL_LABEL] == "h100"
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    assert node["spec"]["taints"] == pool.taints


@pytest.mark.parametrize(
    ("member", "region"),
    [
        pytest.param("aws", "eu-south-2", id="AWS"),
        pytest.param("gcp-2", "europe-west4", id="Google"),
        pytest.param("elsewhere", "madrid", id="any other name"),
    ],
)
def test_a_member_without_a_fleet_has_nodes_by_its_name(member: str, region: str) -> None:
    [pool] = nodes.default_pools(member, nodes=3)
    assert pool.labels["topology.kubernetes.io/region"] == region
    assert (pool.nodes, pool.per_node) == (3, 8)


@pytest.mark.parametrize(
    ("documents", "problem"),
    [
        pytest.param([], "no FederatedCluster", id="nothing in it"),
        pytest.param([a_cluster(an_offer(), connection={})], "'aws-eu'.*kubeconfigSecretRef", id="no Secret"),
        pytest.param([a_cluster(an_offer(), annotation="h100=two")], "OFFER=COUNT", id="an annotation without a count"),
        pytest.param([a_cluster(an_offer(), annotation="l4=2")], "no offer l4", id="an annotation for no offer"),
        pytest.param([a_cluster(an_offer(provisioning="soon"))], "'soon' is no duration", id="no duration"),
        pytest.param(
            [a_cluster(an_offer(), name="a"), a_cluster(name="b")], "uses the Secret 'aws'", id="two of one name"
        ),
        pytest.param([{"kind": "FederatedCluster"}], "without metadata", id="an empty one"),
    ],
)
def test_a_bad_fleet_is_refused_with_file_and_reason(tmp_path: Path, documents: list[Any], problem: str) -> None:
    path = write(tmp_path, *documents)
    with pytest.raises(BadInputError, match=rf"BadFleet: {path}.*{problem}"):
        fleet.read(path)


def test_what_is_no_yaml_is_refused_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: [")
    with pytest.raises(BadInputError, match=r"broken\.yaml"):
        fleet.read(tmp_path)
