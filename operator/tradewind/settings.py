"""Settings of one operator process: read once at start, never changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Where it runs and what it is called. What concerns decisions is in the resources, not here."""

    namespace: str = "tradewind-system"
    """The operator's own namespace: its Lease, the members' kubeconfig Secrets, ConfigMaps with links."""
    hub_name: str = "default"
    """Written on each copy. It must outlive the hub: a rebuilt hub of this name takes over the copies it finds."""
    kubeconfig: str = ""
    """Of the hub; "" for KUBECONFIG, ~/.kube/config, or the pod's service account."""
    context: str = ""
    listen_host: str = "0.0.0.0"  # noqa: S104 - probes and Prometheus come from other hosts
    """For /healthz, /readyz and /metrics."""
    listen_port: int = 8080
    config_period_s: float = 60.0
    """How often ConfigMaps and Secrets that came along with copies are read again; they are never watched."""
