"""What an AIWorkload stands for: the full Job or Deployment, and what its pods ask for.

The content of a template is not in the CRD's schema, so it is checked here. Nothing is delivered that was not read.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

from tradewind.api.base import GROUP, Model
from tradewind.api.reading import read
from tradewind.api.requests import ACCELERATOR_RESOURCES, Requests, UnreadableError, pod_spec_requests
from tradewind.api.shapes import Companion, Labelled, Work
from tradewind.api.workload import COMPANION_KINDS, TEMPLATE_KINDS
from tradewind.errors import InputError
from tradewind.model.workload import PodSet

if TYPE_CHECKING:
    from collections.abc import Mapping

ModelT = TypeVar("ModelT", bound=Model)

WORKLOAD_LABEL = f"{GROUP}/workload"
CONTAINER_NAME = "main"

# Parts of accelerators, or whole ones by other names. Counted as nothing, they would be given away twice.
_UNCOUNTED = (
    "nvidia.com/mig-",
    "nvidia.com/gpu.",
    "aws.amazon.com/neuroncore",
    "aws.amazon.com/neurondevice",
    "gpu.intel.com/",
)
_TEMPLATE = "spec.template"
_COUNTABLE = f"ask for one of {', '.join(ACCELERATOR_RESOURCES)}"
# No pod is nested deeper than 20 levels; what copies or writes a manifest later recurses.
_MAX_DEPTH = 100


def expand(spec: Mapping[str, Any], *, name: str, source: str = "") -> dict[str, Any]:
    """Give the Job or Deployment that `template` or `run` stands for, without a name, namespace or labels of its own.

    Args:
        spec: an AIWorkload's `spec`, as a dict.
        name: the AIWorkload's name, which a Deployment's selector carries.
        source: named in errors.

    Raises:
        InputError: for a kind that can't be delivered, a name or namespace inside, or parts that are malformed.
    """
    source = source or f"AIWorkload/{name}"
    if _deeper_than(spec, _MAX_DEPTH):
        raise InputError(source, "spec", f"is nested deeper than {_MAX_DEPTH} levels")
    run, template = spec.get("run"), spec.get("template")
    if isinstance(template, dict):
        manifest = _checked(deepcopy(template), source)
    elif isinstance(run, dict):
        manifest = _deployment(run, name) if spec.get("type") == "Inference" else _job(run)
    else:
        raise InputError(source, "spec", "exactly one of template and run is needed")
    _check_companions(spec.get("companions") or [], source)
    return manifest


def podset(manifest: Mapping[str, Any], *, source: str = "", at: str = _TEMPLATE) -> PodSet:
    """Add up what a Job or Deployment asks for: how many pods at the same time, and what each of them takes.

    Args:
        manifest: what `expand` gave.
        source: named in errors.
        at: the field that it came from, `spec.template` or `spec.run`.

    Raises:
        InputError: where a figure can't be read, or where the pods ask for accelerators that can't be counted.
    """
    source = source or str(manifest.get("kind", "manifest"))
    # The pod that `run` stands for is nowhere in what its author wrote.
    inside = f"{at}.spec.template" if at == _TEMPLATE else ""
    pod = manifest["spec"]["template"]["spec"]
    try:
        wants = pod_spec_requests(pod)
    except UnreadableError as error:
        raise InputError(source, f"{inside}.{error.field}" if inside else at, error.message) from None
    _refuse_uncounted(pod, wants, f"{inside}.spec" if inside else at, source)
    resource, accelerators = next(iter(wants.accelerators.items()), ("", 0))
    return PodSet(_pod_count(manifest), wants.cpu_cores, wants.memory_bytes, accelerators, resource)


def _deeper_than(root: Any, limit: int) -> bool:
    level = [root]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _job(run: Mapping[str, Any]) -> dict[str, Any]:
    replicas = run.get("replicas", 1)
    spec: dict[str, Any] = {
        "parallelism": replicas,
        "completions": replicas,
        # A node that is drained or reclaimed is no fault of the program, and must not use up its retries.
        "podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]},
        "backoffLimit": 3 * replicas,
        "template": {"spec": {"restartPolicy": "Never", "containers": [_container(run)]}},
    }
    if replicas > 1:
        spec["completionMode"] = "Indexed"
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": spec}


def _deployment(run: Mapping[str, Any], name: str) -> dict[str, Any]:
    labels = {WORKLOAD_LABEL: name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {
            "replicas": run.get("replicas", 1),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": dict(labels)}, "spec": {"containers": [_container(run)]}},
        },
    }


def _container(run: Mapping[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = {"name": CONTAINER_NAME, "image": run.get("image")}
    for field in ("command", "args", "env", "envFrom", "resources"):
        if run.get(field):
            container[field] = deepcopy(run[field])
    if run.get("ports"):
        container["ports"] = [{"containerPort": port} for port in run["ports"]]
    return container


def _checked(template: dict[str, Any], source: str) -> dict[str, Any]:
    _check_kind(template, TEMPLATE_KINDS, _TEMPLATE, source)
    work = _shape(Work, template, _TEMPLATE, source)
    for field, value in (
        ("name", work.metadata and work.metadata.name),
        ("generateName", work.metadata and work.metadata.generate_name),
    ):
        if value:
            raise InputError(
                source, f"{_TEMPLATE}.metadata.{field}", "leave it out; the copy gets the name of the AIWorkload"
            )
    _refuse_namespace(work.metadata, _TEMPLATE, source)
    if template["kind"] == "Deployment":
        _check_selector(work, source)
    return template


def _check_companions(companions: list[Any], source: str) -> None:
    seen: set[tuple[str, str]] = set()
    for index, companion in enumerate(companions):
        where = f"spec.companions[{index}]"
        _check_kind(companion, COMPANION_KINDS, where, source)
        metadata = _shape(Companion, companion, where, source).metadata
        if not metadata.name:
            raise InputError(source, f"{where}.metadata.name", "is required")
        _refuse_namespace(metadata, where, source)
        identity = (companion["kind"], metadata.name)
        if identity in seen:
            raise InputError(source, where, f'there are two companions {identity[0]} "{identity[1]}"')
        seen.add(identity)


def _shape(model: type[ModelT], manifest: dict[str, Any], where: str, source: str) -> ModelT:
    try:
        return read(model, manifest, source=source)
    except InputError as error:
        raise InputError(source, f"{where}.{error.field}", error.detail) from None


def _check_kind(manifest: Any, kinds: dict[str, str], where: str, source: str) -> None:
    if not isinstance(manifest, dict):
        raise InputError(source, where, "must be a mapping")
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if not isinstance(kind, str) or kinds.get(kind) != version:
        known = ", ".join(f"{version} {kind}" for kind, version in kinds.items())
        raise InputError(source, where, f"{version} {kind} can't be delivered here; it must be one of {known}")


def _refuse_namespace(metadata: Labelled | None, where: str, source: str) -> None:
    if metadata is not None and metadata.namespace:
        raise InputError(
            source, f"{where}.metadata.namespace", "leave it out; the copy goes to the AIWorkload's namespace"
        )


def _check_selector(work: Work, source: str) -> None:
    if work.spec.selector is None:
        raise InputError(source, f"{_TEMPLATE}.spec.selector", "is required for a Deployment")
    pods = work.spec.template.metadata
    carried = (pods.labels if pods else None) or {}
    if not (work.spec.selector.match_labels or {}).items() <= carried.items():
        raise InputError(
            source, f"{_TEMPLATE}.spec.selector", "matchLabels must be among spec.template.metadata.labels"
        )


def _refuse_uncounted(pod: Mapping[str, Any], wants: Requests, where: str, source: str) -> None:
    if len(wants.accelerators) > 1:
        raise InputError(source, where, f"one pod can't ask for both {' and '.join(wants.accelerators)}")
    for name in wants.others:
        if name.startswith(_UNCOUNTED):
            raise InputError(source, where, f"{name} can't be counted yet; {_COUNTABLE}")
    if pod.get("resourceClaims"):
        raise InputError(source, f"{where}.resourceClaims", f"claims can't be counted yet; {_COUNTABLE}")


def _pod_count(manifest: Mapping[str, Any]) -> int:
    spec = manifest["spec"]
    if manifest.get("kind") == "Deployment":
        return int(spec.get("replicas") or 1)
    parallelism = spec.get("parallelism") or 1
    return int(min(parallelism, spec.get("completions") or parallelism))
