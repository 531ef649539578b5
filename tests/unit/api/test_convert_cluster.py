"""From FederatedClusters to the core's data, figure by figure."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewind.api.convert import cluster_from, kubeconfig_ref
from tradewind.model.fleet import Carbon, Certification, Metric, MetricField, Offer, Scheduling, Toleration
from tradewind.model.workload import Encryption, Interconnect, Market, Tier

CLUSTER = list(yaml.safe_load_all(Path(__file__).with_name("complete.yaml").read_text(encoding="utf-8")))[2]
GIB = 2.0**30


def test_a_cluster_has_its_offers() -> None:
    cluster = cluster_from(CLUSTER)
    assert (cluster.name, cluster.location) == ("aws-eu-north-1", "aws/eu-north-1")
    assert (cluster.tier, cluster.jurisdiction, cluster.scheduling) == (Tier.CLOUD, "SE", Scheduling.ENABLED)
    assert cluster.labels == {"env": "prod"}
    assert cluster.nodes == ()
    assert cluster.offers == (
        Offer(
            name="h100x8-spot",
            market=Market.SPOT,
            accelerator="H100-80GB",
            per_node=8,
            usd_per_accelerator_hour=3.5399,
            max_nodes=16,
            provisioning_s=360.0,
            interconnect=Interconnect.EFA,
            node_gbps=3200.0,
            interruptions_per_hour=0.02,
            node_selector={"karpenter.sh/capacity-type": "spot", "node.kubernetes.io/instance-type": "p5.48xlarge"},
            tolerations=(
                Toleration("nvidia.com/gpu", "Exists"),
                Toleration("spot", "Equal", "true", "NoExecute"),
            ),
            node_cpu_cores=inf,
            node_memory_bytes=inf,
        ),
        Offer(
            name="cpu",
            market=Market.ON_DEMAND,
            usd_per_cpu_hour=0.0425,
            max_nodes=10,
            provisioning_s=90.0,
            node_cpu_cores=16.0,
            node_memory_bytes=64 * GIB,
        ),
    )


def test_a_cluster_has_its_law_its_certificates_and_its_carbon() -> None:
    cluster = cluster_from(CLUSTER)
    assert cluster.operator_jurisdictions == {"US"}
    assert cluster.encryption == {Encryption.AT_REST, Encryption.IN_TRANSIT}
    assert cluster.carbon == Carbon(18.0, 1.1)
    # The certificate holds until its last day is over: 2027-07-01T00:00:00Z.
    assert cluster.certifications == (Certification("ISO27001", 1_814_400_000.0), Certification("SOC2", inf))


def test_what_a_cluster_does_not_say_is_unknown_and_not_nothing() -> None:
    spec = {key: CLUSTER["spec"][key] for key in ("provider", "region", "connection")}
    cluster = cluster_from(
        {**CLUSTER, "spec": {**spec, "offers": [{"name": "cpu", "market": "Spot", "usdPerCPUHour": "1"}]}}
    )
    assert cluster.carbon == Carbon(None, None)
    assert (cluster.offers[0].interruptions_per_hour, cluster.offers[0].interconnect) == (None, None)
    assert (cluster.operator_jurisdictions, cluster.certifications, cluster.metrics) == (frozenset(), (), ())


def test_a_cluster_has_the_figures_that_prometheus_measures() -> None:
    assert cluster_from(CLUSTER).metrics == (
        Metric(
            name="spot-price",
            field=MetricField.USD_PER_ACCELERATOR_HOUR,
            query='min(aws_spot_usd{type="p5.48xlarge"}) / 8',
            offer="h100x8-spot",
            url="http://prometheus.monitoring:9090",
            max_age_s=600.0,
        ),
        Metric("grid", MetricField.GRAMS_CO2_PER_KWH, "grid_grams", max_age_s=600.0),
    )


def test_a_cluster_that_drains_says_so() -> None:
    spec = {**CLUSTER["spec"], "scheduling": "Draining"}
    assert cluster_from({**CLUSTER, "spec": spec}).scheduling is Scheduling.DRAINING


@pytest.mark.parametrize(
    ("offer", "expected_s"),
    [
        pytest.param({"maxNodes": 4}, 600.0, id="a pool that does not say how long a node takes counts as slow"),
        pytest.param({"maxNodes": 4, "provisioning": "0s"}, 0.0, id="a pool that says at once is believed"),
        pytest.param({}, 0.0, id="nodes that exist are there at once"),
    ],
)
def test_a_node_takes_as_long_as_the_offer_says(offer: dict[str, Any], expected_s: float) -> None:
    gpu = {"name": "a", "market": "Spot", "accelerator": "L4", "perNode": 1, "usdPerAcceleratorHour": "1"}
    spec = {**CLUSTER["spec"], "offers": [gpu | offer], "metrics": []}
    assert cluster_from({**CLUSTER, "spec": spec}).offers[0].provisioning_s == expected_s


def test_the_kubeconfig_is_under_the_key_kubeconfig_unless_said_otherwise() -> None:
    assert kubeconfig_ref(CLUSTER) == ("aws-eu-north-1", "kubeconfig")
    spec = {**CLUSTER["spec"], "connection": {"kubeconfigSecretRef": {"name": "a"}}}
    assert kubeconfig_ref({**CLUSTER, "spec": spec}) == ("a", "kubeconfig")
