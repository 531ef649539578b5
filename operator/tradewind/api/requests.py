"""What pods ask for: Kubernetes' own arithmetic over containers, init containers, sidecars and overhead."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from tradewind.model.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCELERATOR_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "google.com/tpu", "aws.amazon.com/neuron")
"""Extended resources that count whole accelerators."""

Amounts = dict[str, float]


class UnreadableError(ValueError):
    """A part of a pod that is not what Kubernetes would accept.

    Attributes:
        field: its path inside the pod.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Requests:
    """What one pod takes from its node.

    Attributes:
        accelerators: whole accelerators by their extended resource.
        others: what else it asks for, such as `vpc.amazonaws.com/efa`.
    """

    cpu_cores: float = 0.0
    memory_bytes: float = 0.0
    accelerators: dict[str, int] = field(default_factory=dict)
    others: dict[str, float] = field(default_factory=dict)


def pod_spec_requests(spec: Mapping[str, Any]) -> Requests:
    """Add up a pod's requests as the scheduler does.

    The larger of: all containers with all sidecars; and each init container with the sidecars started before it. Then
    the overhead. Pod-level requests replace the sum where they are given.
    Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers

    Raises:
        UnreadableError: where a part is malformed.
    """
    sidecars: Amounts = {}
    peak: Amounts = {}
    for index, container in enumerate(_list(spec, "initContainers")):
        wants = _container_requests(container, f"spec.initContainers[{index}]")
        if container.get("restartPolicy") == "Always":
            _add(sidecars, wants)
            _raise_to(peak, sidecars)
        else:
            _raise_to(peak, _sum(sidecars, wants))
    total = dict(sidecars)
    for index, container in enumerate(_list(spec, "containers")):
        _add(total, _container_requests(container, f"spec.containers[{index}]"))
    _raise_to(total, peak)
    total |= _effective(spec, "spec")
    _add(total, _amounts(spec.get("overhead"), "spec.overhead"))
    return _requests(total)


def pod_requests(pod: Mapping[str, Any]) -> Requests:
    """Say what a v1 Pod takes from its node; nothing once it has ended.

    A pod that an API server accepted is well-formed; what can't be read here counts as nothing.
    """
    status = pod.get("status")
    if isinstance(status, dict) and status.get("phase") in {"Succeeded", "Failed"}:
        return Requests()
    try:
        return pod_spec_requests(pod.get("spec") or {})
    except UnreadableError:
        return Requests()


def _requests(total: Amounts) -> Requests:
    left = {name: amount for name, amount in total.items() if amount}
    cpu_cores, memory_bytes = left.pop("cpu", 0.0), left.pop("memory", 0.0)
    accelerators = {name: round(left.pop(name)) for name in ACCELERATOR_RESOURCES if name in left}
    return Requests(cpu_cores, memory_bytes, accelerators, left)


def _container_requests(container: Mapping[str, Any], where: str) -> Amounts:
    return _effective(container, where)


def _effective(owner: Mapping[str, Any], where: str) -> Amounts:
    """Read `resources`: a limit stands in for a request that is absent, as the API server's defaults have it."""
    resources = owner.get("resources")
    if resources is None:
        return {}
    if not isinstance(resources, dict):
        raise UnreadableError(f"{where}.resources", "must be a mapping")
    limits = _amounts(resources.get("limits"), f"{where}.resources.limits")
    return limits | _amounts(resources.get("requests"), f"{where}.resources.requests")


def _amounts(raw: Any, where: str) -> Amounts:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise UnreadableError(where, "must be a mapping")
    return {str(name): _amount(value, f"{where}[{name}]") for name, value in raw.items()}


def _amount(value: Any, where: str) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"{value!r} is no quantity, such as 500m, 8 or 20Ti")  # noqa: TRY004, TRY301 - one way out
        amount = parse_quantity(value)
        if not isfinite(amount) or amount < 0:
            raise ValueError(f"{value} must be zero or more")  # noqa: TRY301 - one way out
    except (ValueError, OverflowError) as error:
        raise UnreadableError(where, str(error)) from None
    return amount


def _list(spec: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    raw = spec.get(name)
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        raise UnreadableError(f"spec.{name}", "must be a list of containers")
    return raw


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0.0) + amount


def _sum(one: Amounts, other: Amounts) -> Amounts:
    total = dict(one)
    _add(total, other)
    return total


def _raise_to(total: Amounts, floor: Amounts) -> None:
    for name, amount in floor.items():
        total[name] = max(total.get(name, 0.0), amount)
