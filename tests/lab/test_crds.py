"""The CRDs on a real API server: structural, printed as meant, without drift, and with every rule enforced."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.unit.api.refusal_table import TABLE, manifest

from tradewind.api.kinds import BY_NAME, KINDS, Kind
from tradewind.api.load import load
from tradewind.lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Kubectl = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "unit" / "api"
OBJECTS = list(yaml.safe_load_all((DATA / "complete.yaml").read_text(encoding="utf-8")))
BY_ID = {f"{obj['kind']} {obj['metadata']['name']}": obj for obj in OBJECTS}


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Runs kubectl against a hub of its own that has the CRDs, and gives back what came of it."""
    lab = Lab.up("crds", members=("aws",), root=tmp_path_factory.mktemp("labs"))

    def run(*arguments: str, stdin: Any = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the lab's own kubectl
            [str(lab.kubectl_path), "--kubeconfig", str(lab.kubeconfig("hub")), *arguments],
            input=json.dumps(stdin) if stdin is not None else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    try:
        done = run("apply", "--server-side", "-f", str(ROOT / "crds"))
        assert done.returncode == 0, done.stderr
        done = run("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
        assert done.returncode == 0, done.stderr
        yield run
    finally:
        lab.down()


@pytest.fixture(scope="module")
def applied(kubectl: Kubectl) -> Kubectl:
    """The complete objects, with the status that an operator would give them; no test changes them."""
    done = kubectl("apply", "--server-side", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": _specs()})
    assert done.returncode == 0, done.stderr
    for obj in OBJECTS:
        if "status" in obj:
            patch = json.dumps({"status": obj["status"]})
            done = kubectl("patch", *_reference(obj), "--subresource=status", "--type=merge", "-p", patch)
            assert done.returncode == 0, done.stderr
    return kubectl


def _specs() -> list[dict[str, Any]]:
    return [{key: value for key, value in obj.items() if key != "status"} for obj in OBJECTS]


def _reference(obj: dict[str, Any]) -> tuple[str, ...]:
    return (BY_NAME[obj["kind"]].plural, obj["metadata"]["name"])


def _read(kubectl: Kubectl, obj: dict[str, Any]) -> dict[str, Any]:
    done = kubectl("get", *_reference(obj), "-o", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_no_schema_is_reported_as_not_structural(kubectl: Kubectl) -> None:
    conditions = {
        crd["metadata"]["name"]: {each["type"]: each["status"] for each in crd["status"]["conditions"]}
        for crd in json.loads(kubectl("get", "crd", "-o", "json").stdout)["items"]
        if crd["spec"]["group"] == "tradewind.dev"
    }
    expected = {"NamesAccepted": "True", "Established": "True"}
    assert conditions == {f"{kind.plural}.tradewind.dev": expected for kind in KINDS}


def test_short_names_and_categories_are_served(kubectl: Kubectl) -> None:
    done = kubectl("api-resources", "--categories=tradewind", "--api-group=tradewind.dev", "--no-headers")
    assert {line.split()[1] for line in done.stdout.splitlines()} == {kind.short for kind in KINDS}
    assert (
        kubectl("api-resources", "--categories=ai", "-o", "name").stdout
        == kubectl("api-resources", "--categories=tradewind", "-o", "name").stdout
    )


@pytest.mark.parametrize("name", BY_ID)
def test_what_is_written_is_stored_and_nothing_more_but_defaults(applied: Kubectl, name: str) -> None:
    written = BY_ID[name]
    stored = _read(applied, written)
    assert _lost(written["spec"], stored["spec"]) == []
    assert _lost(stored["spec"], written["spec"]) == ([".suspend"] if name == "AIWorkload triage-chat" else [])
    assert _lost(written.get("status", {}), stored.get("status", {})) == []


@pytest.mark.parametrize("name", BY_ID)
def test_applying_again_changes_nothing(applied: Kubectl, name: str) -> None:
    obj = {key: value for key, value in BY_ID[name].items() if key != "status"}
    before = _read(applied, obj)
    for way in (["--server-side"], []):
        assert applied("diff", *way, "-f", "-", stdin=obj).returncode == 0
    assert applied("apply", "--server-side", "-f", "-", stdin=obj).returncode == 0
    after = _read(applied, obj)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


PRINTED = {
    "aiw": [
        ["NAME", "PHASE", "CLUSTER", "OFFER", "USD", "AGE"],
        ["scan-pretrain", "Running", "aws-eu-north-1", "h100x8-spot", "5012.33"],
        ["triage-chat"],
    ],
    "dset": [["NAME", "READY", "SIZE", "LAW", "READ", "BY", "AGE"], ["scans", "True", "20Ti", '["EU"]', "12"]],
    "fc": [
        ["NAME", "PROVIDER", "REGION", "VERDICT", "WORK", "USD/H", "AGE"],
        ["aws-eu-north-1", "aws", "eu-north-1", "Healthy", "3", "141.6"],
    ],
    "nmap": [["NAME", "READY", "LINKS", "AGE"], ["measured", "True", "5060"]],
    "cpp": [["NAME", "READY", "MODE", "AGE"], ["default", "True", "Recommend"]],
    "pp": [["NAME", "READY", "MODE", "USD/DELAY", "HOUR", "AGE"], ["default", "True", "Enforce", "25"]],
}


@pytest.mark.parametrize("short", [kind.short for kind in KINDS])
def test_kubectl_prints_the_columns(applied: Kubectl, short: str) -> None:
    lines = [line.split() for line in applied("get", short).stdout.splitlines()]
    assert [line[: len(expected)] for line, expected in zip(lines, PRINTED[short], strict=True)] == PRINTED[short]


def test_wide_output_tells_why_work_is_ready_and_its_epoch(applied: Kubectl) -> None:
    lines = [line.split() for line in applied("get", "aiw", "scan-pretrain", "-o", "wide").stdout.splitlines()]
    assert lines[0] == ["NAME", "TYPE", "PHASE", "CLUSTER", "OFFER", "USD", "REASON", "EPOCH", "AGE"]
    assert lines[1][1] == "Training"
    assert lines[1][6:8] == ["Running", "2"]


def test_defaults_appear_and_what_a_policy_may_set_stays_absent(kubectl: Kubectl) -> None:
    def stored(base: str) -> dict[str, Any]:
        done = kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=TABLE["bases"][base])
        assert done.returncode == 0, done.stderr
        spec: dict[str, Any] = json.loads(done.stdout)["spec"]
        return spec

    work = stored("AIWorkload")
    assert work["suspend"] is False
    assert work["run"]["replicas"] == 1
    assert work.keys() == {"type", "run", "accelerators", "suspend"}
    cluster = stored("FederatedCluster")
    assert cluster["connection"] == {"kubeconfigSecretRef": {"name": "aws-1", "key": "kubeconfig"}}
    assert (cluster["tier"], cluster["scheduling"]) == ("Cloud", "Enabled")
    assert cluster["offers"] == TABLE["bases"]["FederatedCluster"]["spec"]["offers"]
    assert cluster.keys() == {"provider", "region", "connection", "offers", "tier", "scheduling"}


def test_a_status_always_has_its_list_of_decisions(kubectl: Kubectl) -> None:
    work = TABLE["bases"]["AIWorkload"]
    assert kubectl("create", "-f", "-", stdin=work).returncode == 0
    try:
        done = kubectl(
            "patch", *_reference(work), "--subresource=status", "--type=merge", "-p", '{"status":{"epoch":1}}'
        )
        assert done.returncode == 0, done.stderr
        assert _read(kubectl, work)["status"] == {"epoch": 1, "decisions": []}
    finally:
        kubectl("delete", *_reference(work))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in TABLE["cases"]])
def test_a_bad_manifest_is_refused_unless_only_the_operator_can_tell(kubectl: Kubectl, case: dict[str, Any]) -> None:
    done = kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest(case))
    if "server" in case:
        assert done.returncode != 0
        assert case["server"] in done.stderr
    else:
        assert done.returncode == 0, done.stderr


def test_the_examples_are_accepted(kubectl: Kubectl) -> None:
    ours = [{**obj, "metadata": {**obj["metadata"], "namespace": "default"}} for obj in load([ROOT / "examples"]).ours]
    items = {"apiVersion": "v1", "kind": "List", "items": ours}
    done = kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-", stdin=items)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(ours)


def test_a_map_of_more_links_than_fit_is_refused(kubectl: Kubectl) -> None:
    links = [{"from": "a", "to": f"b{index}", "bandwidth": "1G"} for index in range(5058)]
    large = {**TABLE["bases"]["NetworkMap"], "metadata": {"name": "large"}, "spec": {"links": links}}
    done = kubectl("create", "--dry-run=server", "-f", "-", stdin=large)
    assert done.returncode != 0
    assert "must have at most 256 items" in done.stderr


TEMPLATE_CHANGE = {"template": {"spec": {"backoffLimit": 9}}}
RUN_CHANGE = {"run": {"image": "trainer:2"}}
POD = {"restartPolicy": "Never", "containers": [{"name": "train", "image": "trainer:2"}]}
JOB_CHANGE = {
    "run": None,
    "spread": None,
    "template": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": POD}}},
}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        pytest.param("AIWorkload scan-pretrain", {"type": "Batch"}, "type can't be changed", id="type"),
        pytest.param("AIWorkload scan-pretrain", TEMPLATE_CHANGE, "only be changed while suspend is true", id="a Job"),
        pytest.param("AIWorkload scan-pretrain", TEMPLATE_CHANGE | {"suspend": True}, "", id="a Job while suspended"),
        pytest.param(
            "AIWorkload scan-pretrain",
            {"template": None, "run": {"image": "a:1"}},
            "only be changed while suspend is true",
            id="a Job that becomes a run",
        ),
        pytest.param("AIWorkload scan-pretrain", {"failover": {"guarantee": "AtLeastOnce"}}, "", id="the guarantee"),
        pytest.param("AIWorkload triage-chat", RUN_CHANGE, "", id="a Deployment may change at any time"),
        pytest.param(
            "AIWorkload triage-chat",
            JOB_CHANGE | {"suspend": True},
            "nor the other way round",
            id="the kind, at any time",
        ),
        pytest.param(
            "FederatedCluster aws-eu-north-1", {"provider": "gcp"}, "provider can't be changed", id="provider"
        ),
        pytest.param("FederatedCluster aws-eu-north-1", {"region": "x"}, "region can't be changed", id="region"),
        pytest.param("FederatedCluster aws-eu-north-1", {"scheduling": "Cordoned"}, "", id="scheduling"),
    ],
)
def test_a_change_is_refused_where_it_would_start_work_again(
    applied: Kubectl, name: str, change: dict[str, Any], message: str
) -> None:
    patch = json.dumps({"spec": change})
    done = applied("patch", *_reference(BY_ID[name]), "--dry-run=server", "--type=merge", "-p", patch)
    assert (done.returncode == 0) == (not message), done.stderr
    assert message in done.stderr


def test_a_training_run_can_only_change_while_it_is_suspended(kubectl: Kubectl) -> None:
    work = TABLE["bases"]["AIWorkload"]
    assert kubectl("create", "-f", "-", stdin=work).returncode == 0
    try:
        for change, allowed in ((RUN_CHANGE, False), (RUN_CHANGE | {"suspend": True}, True)):
            patch = json.dumps({"spec": change})
            done = kubectl("patch", *_reference(work), "--dry-run=server", "--type=merge", "-p", patch)
            assert (done.returncode == 0) == allowed, done.stderr
    finally:
        kubectl("delete", *_reference(work))


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in KINDS])
def test_every_field_is_explained(kubectl: Kubectl, kind: Kind) -> None:
    done = kubectl("explain", f"{kind.plural}.spec", "--recursive")
    assert done.returncode == 0, done.stderr
    assert "<no description>" not in kubectl("explain", f"{kind.plural}.spec").stdout


def _lost(written: Any, stored: Any, path: str = "") -> list[str]:
    """Name what the API server pruned or changed."""
    if isinstance(written, dict) and isinstance(stored, dict):
        return [
            lost
            for key, value in written.items()
            for lost in (_lost(value, stored[key], f"{path}.{key}") if key in stored else [f"{path}.{key}"])
        ]
    if isinstance(written, list) and isinstance(stored, list) and len(written) == len(stored):
        return [
            lost
            for index, (one, other) in enumerate(zip(written, stored, strict=True))
            for lost in _lost(one, other, f"{path}[{index}]")
        ]
    return [] if written == stored else [f"{path}: {written!r} became {stored!r}"]
