"""The chart with Helm 3: linted, rendered, refused where its values are wrong, and installed on a real API server."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tradewind.cli.operator_process import OperatorProcess
from tradewind.lab import binaries
from tradewind.lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Helm = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "tradewind"
NAMESPACE = "tradewind-system"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:tradewind"


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Runs Helm, with folders of its own, and gives back what came of it."""
    program = binaries.ensure([binaries.tool("helm")])["helm"]
    home = tmp_path_factory.mktemp("helm")
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "HELM_CACHE_HOME": str(home / "cache"),
        "HELM_CONFIG_HOME": str(home / "config"),
        "HELM_DATA_HOME": str(home / "data"),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the program is the lab's own
            [program, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    return run


def rendered(helm: Helm, *arguments: str) -> list[dict[str, Any]]:
    done = helm("template", "tradewind", str(CHART), "--namespace", NAMESPACE, *arguments)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] in kinds]


def test_lint_finds_nothing(helm: Helm) -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("value", "named"),
    [
        pytest.param("hubName=", "hubName", id="a hub without a name"),
        pytest.param("hubName=My_Hub", "hubName", id="a hub name that no label value may be"),
        pytest.param("replica=2", "replica", id="a value that the chart does not know"),
        pytest.param("replicas=0", "replicas", id="no operator at all"),
        pytest.param("image.tagg=x", "tagg", id="a misspelt value inside another"),
        pytest.param("image.digest=latest", "digest", id="a digest that is none"),
        pytest.param("image.pullPolicy=Sometimes", "pullPolicy", id="a pull policy that Kubernetes does not know"),
        pytest.param("rbac.create=maybe", "create", id="a switch that is neither true nor false"),
        pytest.param("resources.request.cpu=1", "request", id="resources that are no resources"),
    ],
)
def test_wrong_values_are_refused_by_name(helm: Helm, value: str, named: str) -> None:
    done = helm("template", "tradewind", str(CHART), "--set", value)
    assert done.returncode != 0
    assert named in done.stderr


def test_no_role_has_a_wildcard_or_lists_secrets_outside_the_operators_namespace(helm: Helm) -> None:
    roles = of_kind(rendered(helm), "ClusterRole", "Role")
    assert {role["kind"] for role in roles} == {"ClusterRole", "Role"}
    for role in roles:
        for rule in role["rules"]:
            assert not any("*" in item for field in ("apiGroups", "resources", "verbs") for item in rule[field])
            if role["kind"] == "ClusterRole" and {"secrets", "configmaps"} & set(rule["resources"]):
                assert rule["verbs"] == ["get"]


def test_the_crds_are_those_of_the_repository_and_outlive_the_release(helm: Helm) -> None:
    expected = {
        crd["metadata"]["name"]: crd["spec"]
        for path in (ROOT / "crds").glob("*.yaml")
        for crd in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    }
    crds = of_kind(rendered(helm), "CustomResourceDefinition")
    assert expected
    assert {crd["metadata"]["name"]: crd["spec"] for crd in crds} == expected
    assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in crds)


def test_the_crds_are_left_out_where_something_else_applies_them(helm: Helm) -> None:
    assert not of_kind(rendered(helm, "--set", "crds.enabled=false"), "CustomResourceDefinition")


def test_two_replicas_roll_one_by_one_apart_from_each_other_and_under_a_budget(helm: Helm) -> None:
    objects = rendered(helm)
    [deployment] = of_kind(objects, "Deployment")
    [budget] = of_kind(objects, "PodDisruptionBudget")
    spec = deployment["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == spec["selector"]
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    assert all(each["labelSelector"] == spec["selector"] for each in spread)
    [container] = spec["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz", "which a standby answers too"


def test_a_single_replica_can_be_drained(helm: Helm) -> None:
    assert not of_kind(rendered(helm, "--set", "replicas=1"), "PodDisruptionBudget")


def test_replicas_need_not_be_spread(helm: Helm) -> None:
    [deployment] = of_kind(rendered(helm, "--set", "spread=false"), "Deployment")
    assert "topologySpreadConstraints" not in deployment["spec"]["template"]["spec"]


def test_leases_are_touched_in_the_operators_own_namespace_only(helm: Helm) -> None:
    roles = of_kind(rendered(helm), "ClusterRole", "Role")
    [own] = [role for role in roles if any("leases" in rule["resources"] for rule in role["rules"])]
    assert own["kind"] == "Role"
    rules = [rule for rule in own["rules"] if "leases" in rule["resources"]]
    assert sorted(verb for rule in rules for verb in rule["verbs"]) == ["create", "get", "update"]


def install(helm: Helm, lab: Lab) -> None:
    arguments = ("upgrade", "--install", "tradewind", str(CHART), "--namespace", NAMESPACE)
    done = helm(*arguments, "--kubeconfig", str(lab.kubeconfig("hub")))
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def hub(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A hub of its own, where only the chart brings CRDs, and where the namespace admits restricted pods only."""
    lab = Lab.up("chart", members=("aws",), root=tmp_path_factory.mktemp("labs"))
    try:
        lab.kubectl("hub", "create", "namespace", NAMESPACE)
        lab.kubectl("hub", "label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
        install(helm, lab)
        yield lab
    finally:
        lab.down()


def test_a_restricted_namespace_admits_what_the_chart_installs(hub: Lab) -> None:
    crds = hub.kubectl("hub", "wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    assert len(crds.splitlines()) == len(list((ROOT / "crds").glob("*.yaml")))
    assert not hub.kubectl(
        "hub", "get", "crd", "-o", "jsonpath={.items[*].status.conditions[?(@.type=='NonStructuralSchema')]}"
    )
    label = "app.kubernetes.io/instance=tradewind"
    hub.kubectl("hub", "-n", NAMESPACE, "wait", "pod", "--for=create", "-l", label, "--timeout=30s")
    found = hub.kubectl(
        "hub",
        "-n",
        NAMESPACE,
        "get",
        "deployment,service,serviceaccount,role,rolebinding,pdb",
        "-l",
        label,
        "-o",
        "name",
    )
    assert len(found.splitlines()) == 6


@pytest.mark.parametrize(
    ("allowed", "question"),
    [
        pytest.param(True, "watch aiworkloads.tradewind.dev -A", id="it may watch work"),
        pytest.param(True, "patch aiworkloads.tradewind.dev/status -A", id="it may write the status of work"),
        pytest.param(False, "create aiworkloads.tradewind.dev -A", id="it may not make work"),
        pytest.param(False, "delete aiworkloads.tradewind.dev -A", id="it may not delete work"),
        pytest.param(
            False, "patch federatedclusters.tradewind.dev -A", id="it may not change what people say of a cluster"
        ),
        pytest.param(True, "get secrets -n default", id="it may read a Secret that a workload names"),
        pytest.param(False, "list secrets -n default", id="it may not list a tenant's Secrets"),
        pytest.param(False, "watch configmaps -n default", id="it may not watch a tenant's ConfigMaps"),
        pytest.param(True, f"watch secrets -n {NAMESPACE}", id="it may watch the kubeconfigs of members"),
        pytest.param(False, f"update secrets -n {NAMESPACE}", id="it may not write kubeconfigs"),
        pytest.param(True, f"update leases/tradewind-operator -n {NAMESPACE}", id="it may renew its Lease"),
        pytest.param(False, f"update leases/other -n {NAMESPACE}", id="it may not touch another Lease"),
        pytest.param(False, "create pods -n default", id="it may not run anything on the hub"),
    ],
)
def test_the_account_may_do_what_the_operator_does_and_no_more(hub: Lab, *, allowed: bool, question: str) -> None:
    # kubectl's exit status is 1 for "no"; the answer itself is on stdout either way.
    kubectl = [str(hub.kubectl_path), "--kubeconfig", str(hub.kubeconfig("hub"))]
    command = [*kubectl, "auth", "can-i", *question.split(), "--as", ACCOUNT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - the lab's kubectl
    assert done.stdout.strip() == ("yes" if allowed else "no"), done.stderr


def test_the_crds_stay_when_the_release_goes_and_are_taken_up_again(helm: Helm, hub: Lab) -> None:
    before = hub.kubectl("hub", "get", "crd", "-o", "jsonpath={.items[*].metadata.uid}")
    done = helm(
        "uninstall", "tradewind", "--namespace", NAMESPACE, "--wait", "--kubeconfig", str(hub.kubeconfig("hub"))
    )
    assert done.returncode == 0, done.stderr
    assert not hub.kubectl("hub", "-n", NAMESPACE, "get", "deployment,service,role", "-o", "name")
    assert hub.kubectl("hub", "get", "crd", "-o", "jsonpath={.items[*].metadata.uid}") == before
    install(helm, hub)


def manifests(hub: Lab) -> str:
    """A member, a policy, and work that takes a ConfigMap and a Secret along."""
    kubeconfig = hub.kubeconfig("aws").read_text(encoding="utf-8")
    connection = {"kubeconfigSecretRef": {"name": "aws", "key": "kubeconfig"}}
    offer = {"name": "h100", "accelerator": "H100-80GB", "perNode": 8, "market": "OnDemand"}
    run = {
        "image": "example.com/trainer:1",
        "resources": {"limits": {"nvidia.com/gpu": "8"}},
        "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "bucket"}}],
    }
    template = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "trainer", **run}]}}},
    }
    objects: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "aws", "namespace": NAMESPACE},
            "stringData": {"kubeconfig": kubeconfig},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"epochs": "3"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bucket"}, "stringData": {"key": "s3cr3t"}},
        {
            "apiVersion": "tradewind.dev/v1alpha1",
            "kind": "FederatedCluster",
            "metadata": {"name": "aws"},
            "spec": {
                "provider": "aws",
                "region": "eu-south-2",
                "connection": connection,
                "offers": [offer | {"usdPerAcceleratorHour": "6.88"}],
            },
        },
        {
            "apiVersion": "tradewind.dev/v1alpha1",
            "kind": "ClusterPlacementPolicy",
            "metadata": {"name": "default"},
            "spec": {"mode": "Enforce"},
        },
        {
            "apiVersion": "tradewind.dev/v1alpha1",
            "kind": "AIWorkload",
            "metadata": {"name": "train"},
            "spec": {
                "type": "Training",
                "template": template,
                "accelerators": {"anyOf": ["H100-80GB"]},
                "expectedRuntime": {"duration": "1h", "accelerator": "H100-80GB"},
            },
        },
    ]
    return yaml.safe_dump_all(objects)


def test_the_operator_works_with_nothing_but_the_token_of_the_charts_account(hub: Lab, tmp_path: Path) -> None:
    token = hub.kubectl("hub", "-n", NAMESPACE, "create", "token", "tradewind", "--duration=1h").strip()
    kubeconfig = yaml.safe_load(hub.kubeconfig("hub").read_text(encoding="utf-8"))
    kubeconfig["users"] = [{"name": user["name"], "user": {"token": token}} for user in kubeconfig["users"]]
    path = tmp_path / "operator.kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig), encoding="utf-8")
    hub.kubectl("hub", "apply", "-f", "-", stdin=manifests(hub))

    with OperatorProcess(path, log=tmp_path / "operator.log", namespace=NAMESPACE) as operator:
        hub.kubectl("hub", "wait", "aiworkload/train", "--for=condition=Placed", "--timeout=50s")
        hub.kubectl("aws", "wait", "job/train", "--for=create", "--timeout=50s")
        assert hub.kubectl("aws", "get", "configmap/settings", "secret/bucket", "-o", "name").split() == [
            "configmap/settings",
            "secret/bucket",
        ]
        for each in ("federatedcluster/aws", "clusterplacementpolicy/default"):
            hub.kubectl("hub", "wait", each, "--for=jsonpath={.status.observedGeneration}=1", "--timeout=50s")
        hub.kubectl(
            "hub", "wait", "event", "--for=create", "--field-selector=involvedObject.name=train", "--timeout=50s"
        )
        hub.kubectl("hub", "delete", "aiworkload/train", "--timeout=50s")
        hub.kubectl("aws", "wait", "job/train", "--for=delete", "--timeout=50s")
        refused = [line for line in operator.metrics().splitlines() if 'cluster="hub"' in line and '"403"' in line]
    assert refused == []
    assert "Forbidden" not in (tmp_path / "operator.log").read_text(encoding="utf-8")
