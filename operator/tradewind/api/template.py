"""What an AIWorkload stands for: the full Job or Deployment, and what its pods ask for.

The content of a template is not in the CRD's schema, so it is checked here. Nothing is delivered that was not read.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tradewind.api.base import GROUP
from tradewind.api.requests import ACCELERATOR_RESOURCES, Requests, UnreadableError, pod_spec_requests
from tradewind.api.workload import COMPANION_KINDS, TEMPLATE_KINDS
from tradewind.errors import InputError
from tradewind.model.workload import PodSet

if TYPE_CHECKING:
    from collections.abc import Mapping

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
# No pod is nested deeper than 20 levels; what copies or writes a manifest later recurses.
_MAX_DEPTH = 100


def expand(spec: Mapping[str, Any], *, name: str, source: str = "") -> dict[str, Any]:
    """Give the Job or Deployment that `template` or `run` stands for, without a name, namespace or labels of its own.

    Args:
        spec: an AIWorkload's `spec`, as a dict.
        name: the AIWorkload's name, which a Deployment's selector carries.
        source: named in errors.

    Raises:
        InputError: for a kind that can't be delivered, a name or namespace inside, or no pod.
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
    companions_of(spec, source=source)
    return manifest


def companions_of(spec: Mapping[str, Any], *, source: str) -> list[dict[str, Any]]:
    """Give the companions, checked.

    Raises:
        InputError: for a kind off the list, a namespace inside, or two of one kind and name.
    """
    companions = spec.get("companions") or []
    seen: set[tuple[str, str]] = set()
    for index, companion in enumerate(companions):
        where = f"spec.companions[{index}]"
        _check_kind(companion, COMPANION_KINDS, where, source)
        metadata = companion.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
            raise InputError(source, f"{where}.metadata.name", "is required")
        _refuse_namespace(metadata, where, source)
        identity = (companion["kind"], metadata["name"])
        if identity in seen:
            raise InputError(source, where, f'there are two companions {identity[0]} "{identity[1]}"')
        seen.add(identity)
    return list(companions)


def podset(manifest: Mapping[str, Any], *, source: str = "", at: str = "spec.template") -> PodSet:
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
    pod = _pod_spec(manifest, source)
    try:
        wants = pod_spec_requests(pod)
    except UnreadableError as error:
        raise InputError(source, f"{inside}.{error.field}" if inside else at, error.message) from None
    _refuse_uncounted(pod, wants, f"{inside}.spec" if inside else at, source)
    resource, accelerators = next(iter(wants.accelerators.items()), ("", 0))
    return PodSet(_pod_count(manifest, source), wants.cpu_cores, wants.memory_bytes, accelerators, resource)


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
    metadata = template.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise InputError(source, f"{_TEMPLATE}.metadata", "must be a mapping")
    for field in ("name", "generateName"):
        if (metadata or {}).get(field):
            raise InputError(
                source, f"{_TEMPLATE}.metadata.{field}", "leave it out; the copy gets the name of the AIWorkload"
            )
    _refuse_namespace(metadata or {}, _TEMPLATE, source)
    _pod_spec(template, source)
    if template["kind"] == "Deployment":
        _check_selector(template["spec"], source)
    return template


def _check_kind(manifest: Any, kinds: dict[str, str], where: str, source: str) -> None:
    if not isinstance(manifest, dict):
        raise InputError(source, where, "must be a mapping")
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if not isinstance(kind, str) or kinds.get(kind) != version:
        known = ", ".join(f"{version} {kind}" for kind, version in kinds.items())
        raise InputError(source, where, f"{version} {kind} can't be delivered here; it must be one of {known}")


def _refuse_namespace(metadata: Mapping[str, Any], where: str, source: str) -> None:
    if metadata.get("namespace"):
        raise InputError(
            source, f"{where}.metadata.namespace", "leave it out; the copy goes to the AIWorkload's namespace"
        )


def _check_selector(spec: Mapping[str, Any], source: str) -> None:
    selector = spec.get("selector")
    match = selector.get("matchLabels") if isinstance(selector, dict) else None
    if not selector:
        raise InputError(source, f"{_TEMPLATE}.spec.selector", "is required for a Deployment")
    metadata = spec["template"].get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if isinstance(match, dict) and not match.items() <= (labels if isinstance(labels, dict) else {}).items():
        raise InputError(
            source, f"{_TEMPLATE}.spec.selector", "matchLabels must be among spec.template.metadata.labels"
        )


def _pod_spec(manifest: Mapping[str, Any], source: str) -> dict[str, Any]:
    where = _TEMPLATE
    node: Any = manifest
    for field in ("spec", "template", "spec"):
        where = f"{where}.{field}"
        node = node.get(field)
        if not isinstance(node, dict):
            raise InputError(source, where, "is required" if node is None else "must be a mapping")
    containers = node.get("containers")
    if not isinstance(containers, list) or not containers:
        raise InputError(source, f"{where}.containers", "needs at least one container")
    pod: dict[str, Any] = node
    return pod


def _refuse_uncounted(pod: Mapping[str, Any], wants: Requests, where: str, source: str) -> None:
    if len(wants.accelerators) > 1:
        raise InputError(source, where, f"one pod can't ask for both {' and '.join(wants.accelerators)}")
    for name in wants.others:
        if name.startswith(_UNCOUNTED):
            raise InputError(
                source, where, f"{name} can't be counted yet; ask for one of {', '.join(ACCELERATOR_RESOURCES)}"
            )
    if pod.get("resourceClaims"):
        raise InputError(
            source,
            f"{where}.resourceClaims",
            f"claims can't be counted yet; ask for one of {', '.join(ACCELERATOR_RESOURCES)}",
        )


def _pod_count(manifest: Mapping[str, Any], source: str) -> int:
    spec = manifest["spec"]
    if manifest.get("kind") == "Deployment":
        return _count(spec, "replicas", source) or 1
    parallelism, completions = _count(spec, "parallelism", source), _count(spec, "completions", source)
    return min(parallelism or 1, completions or parallelism or 1)


def _count(spec: Mapping[str, Any], field: str, source: str) -> int | None:
    value = spec.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(
            source,
            f"{_TEMPLATE}.spec.{field}",
            f"{value!r} must be a whole number above 0; suspend: true stops the work",
        )
    return value
