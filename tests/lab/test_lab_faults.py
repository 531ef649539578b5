"""Faults do to a cluster what they say, and mending brings back the same cluster."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

import pytest

from tradewind.lab import health, processes, status
from tradewind.lab.errors import LabError
from tradewind.lab.kubeapi import ApiError, KubeApi
from tradewind.lab.processes import Component

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tradewind.lab.lab import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def connection(lab: Lab) -> Iterator[KubeApi]:
    """A kept connection to aws through its proxy, that has been used."""
    cluster = lab.cluster("aws")
    with KubeApi(port=cluster.ports.proxy, pki=cluster.folder / "pki", timeout_s=2.0) as api:
        assert api.get_text("/readyz") == "ok"
        yield api


def readyz(lab: Lab) -> str:
    """What a new connection to aws through its proxy answers."""
    cluster = lab.cluster("aws")
    with KubeApi(port=cluster.ports.proxy, pki=cluster.folder / "pki", timeout_s=2.0) as api:
        return api.get_text("/readyz")


def of_aws(lab: Lab) -> dict[str, Any]:
    return next(each for each in status.describe(lab)["clusters"] if each["name"] == "aws")


def test_a_killed_cluster_comes_back_with_the_same_data(lab: Lab) -> None:
    uid = lab.cluster("aws").uid()
    lab.kubectl("aws", "create", "namespace", "kept")

    assert lab.kill("aws") == len(Component)
    assert set(of_aws(lab)["components"].values()) == {"Dead"}
    # The proxy accepts, finds no API server, and resets: in the midst of the TLS handshake.
    with pytest.raises((ConnectionError, ssl.SSLEOFError)):
        readyz(lab)

    assert set(lab.resume("aws")) == set(Component)
    assert of_aws(lab)["ready"]
    assert lab.cluster("aws").uid() == uid
    assert "kept" in lab.kubectl("aws", "get", "namespaces")
    lab.kubectl("aws", "delete", "namespace", "kept")


def test_pods_start_at_once_after_the_node_simulator_was_killed_and_started(lab: Lab) -> None:
    lab.kill("aws", component="nodes")
    lab.resume("aws", component="nodes")
    lab.kubectl("aws", "run", "soon", "--image=x", "--restart=Never")
    lab.kubectl("aws", "wait", "pod/soon", "--for=condition=Ready", "--timeout=10s")
    lab.kubectl("aws", "delete", "pod", "soon", "--now")


def test_a_killed_component_leaves_the_others_alone(lab: Lab) -> None:
    assert lab.kill("aws", component="scheduler") == 1
    components = of_aws(lab)["components"]
    assert [name for name, state in components.items() if state == "Dead"] == ["scheduler"]
    assert lab.resume("aws", component="scheduler") == [Component.SCHEDULER]
    assert of_aws(lab)["ready"]


def test_a_paused_cluster_answers_nothing_and_goes_on_where_it_stood(lab: Lab, connection: KubeApi) -> None:
    before = {each.process.pid for each in processes.of_cluster(lab.folder, "aws", Component)}
    lab.pause("aws")
    assert set(of_aws(lab)["components"].values()) == {"Paused"}
    with pytest.raises(TimeoutError):
        connection.get_text("/readyz")
    assert lab.resume("aws") == []
    assert {each.process.pid for each in processes.of_cluster(lab.folder, "aws", Component)} == before
    assert readyz(lab) == "ok"


def test_resume_continues_what_is_paused_and_starts_what_is_dead(lab: Lab) -> None:
    lab.pause("aws", component="etcd")
    lab.kill("aws", component="apiserver")
    assert lab.resume("aws") == [Component.APISERVER]
    assert of_aws(lab)["ready"]


def test_nodes_turn_not_ready_about_40_s_after_their_simulator_died(lab: Lab) -> None:
    lab.kill("aws", component="nodes")
    killed = time.monotonic()
    while health.count_nodes(lab.cluster("aws"))[1]:
        assert time.monotonic() - killed < 60
        time.sleep(0.5)
    # The last heartbeat was up to 10 s before the kill, the controller looks every 5 s.
    assert 28 < time.monotonic() - killed < 56


def test_nodes_can_be_lost_at_once(lab: Lab) -> None:
    lab.kill("aws", component="nodes", now=True)
    assert health.count_nodes(lab.cluster("aws")) == (2, 0)
    lab.resume("aws")
    assert health.count_nodes(lab.cluster("aws")) == (2, 2)


def test_a_blackhole_swallows_old_and_new_connections_until_it_is_healed(lab: Lab, connection: KubeApi) -> None:
    lab.cut("aws", mode="blackhole")
    with pytest.raises(TimeoutError):
        connection.get_text("/readyz")
    with pytest.raises(TimeoutError):
        readyz(lab)
    assert lab.cluster("aws").uid(), "the cluster itself is well"
    lab.heal("aws")
    assert readyz(lab) == "ok"


def test_a_refusal_resets_old_connections_and_refuses_new_ones(lab: Lab, connection: KubeApi) -> None:
    lab.cut("aws", mode="refuse")
    with pytest.raises((ConnectionError, ssl.SSLEOFError)):
        connection.get_text("/readyz")
    with pytest.raises(ConnectionRefusedError):
        readyz(lab)
    lab.heal("aws")
    assert readyz(lab) == "ok"


def test_a_delay_is_added_to_each_round_trip(lab: Lab, connection: KubeApi) -> None:
    lab.cut("aws", mode="delay", delay_s=0.5)
    started = time.monotonic()
    assert connection.get_text("/readyz") == "ok"
    assert 0.5 <= time.monotonic() - started < 1.0
    lab.heal("aws")
    started = time.monotonic()
    assert connection.get_text("/readyz") == "ok"
    assert time.monotonic() - started < 0.4


def test_a_one_way_cut_lets_a_request_arrive_whose_answer_never_comes(lab: Lab, connection: KubeApi) -> None:
    lab.cut("aws", mode="one-way")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "one-way"}}
    with pytest.raises(TimeoutError):
        connection.create("/api/v1/namespaces", namespace)
    with lab.cluster("aws").api() as api:
        assert api.get("/api/v1/namespaces/one-way")["metadata"]["uid"]
        api.delete("/api/v1/namespaces/one-way")
    lab.heal("aws")
    assert readyz(lab) == "ok"


def test_an_error_is_answered_in_the_api_servers_place(lab: Lab, connection: KubeApi) -> None:
    lab.cut("aws", mode="answer", status=503)
    with pytest.raises(ApiError, match="503"):
        connection.get_text("/readyz")
    lab.heal("aws")
    assert readyz(lab) == "ok"


def test_a_certificate_that_has_expired_is_what_clients_see(lab: Lab) -> None:
    lab.cut("aws", mode="expired")
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        readyz(lab)
    lab.heal("aws")
    assert readyz(lab) == "ok"


def test_a_cluster_made_anew_is_another_one_with_the_same_nodes(lab: Lab) -> None:
    before = lab.cluster("aws").uid()
    lab.kubectl("aws", "create", "namespace", "lost")
    assert lab.rebuild("aws") not in ("", before)
    assert of_aws(lab)["ready"]
    assert health.count_nodes(lab.cluster("aws")) == (2, 2)
    assert "lost" not in lab.kubectl("aws", "get", "namespaces")
    lab.kubectl("aws", "create", "deployment", "web", "--image=x")
    lab.kubectl("aws", "wait", "deployment/web", "--for=condition=Available", "--timeout=20s")
    lab.kubectl("aws", "delete", "deployment", "web")


def test_a_cut_concerns_one_cluster_only(lab: Lab) -> None:
    lab.cut("aws")
    assert "gcp-default-0" in lab.kubectl("gcp", "get", "nodes")


def test_what_does_not_exist_is_refused_with_what_does(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"UnknownCluster.*\n.*hub, aws, gcp, onprem"):
        lab.kill("azure")
    with pytest.raises(LabError, match=r"UnknownComponent.*\n.*apiserver"):
        lab.kill("aws", component="kubelet")


def test_a_cut_from_one_cluster_leaves_the_ways_of_others_whole(lab: Lab) -> None:
    lab.kubectl("aws", "get", "namespaces")
    by_gcp = ["--kubeconfig", str(lab.kubeconfig("aws", observer="gcp"))]
    assert "kube-system" in lab.kubectl("aws", *by_gcp, "get", "namespaces")
    lab.cut("aws", observer="gcp", mode="refuse")
    assert of_aws(lab)["proxy"]["from"]["gcp"]["mode"] == "refuse"
    assert readyz(lab) == "ok"
    with pytest.raises(LabError, match="refused"):
        lab.kubectl("aws", *by_gcp, "get", "namespaces")

    lab.cut("aws", observer="hub", mode="refuse")
    lab.cut("aws", observer="gcp", mode="answer", status=500)
    with pytest.raises(ConnectionRefusedError):
        readyz(lab)
    with pytest.raises(LabError, match="answers every request with 500"):
        lab.kubectl("aws", *by_gcp, "get", "namespaces")
    lab.heal("aws")
    assert readyz(lab) == "ok"
    assert "kube-system" in lab.kubectl("aws", *by_gcp, "get", "namespaces")
    with pytest.raises(LabError, match="UnknownCluster"):
        lab.kubeconfig("aws", observer="azure")


def test_a_way_that_is_opened_during_a_cut_is_cut_too(lab: Lab) -> None:
    lab.cut("onprem", mode="refuse")
    by_aws = ["--kubeconfig", str(lab.kubeconfig("onprem", observer="aws"))]
    with pytest.raises(LabError, match="refused"):
        lab.kubectl("onprem", *by_aws, "get", "namespaces")
