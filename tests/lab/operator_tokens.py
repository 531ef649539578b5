"""Logging in to a member by the token of a service account, as operators do that are not its administrator."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import yaml

from tradewind.lab.kubeapi import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.operator_fleet import Fleet

NAME = "tradewind"
SYSTEM = "kube-system"
ACCOUNTS = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


@contextlib.contextmanager
def by_token(fleet: Fleet, cluster: str) -> Iterator[None]:
    """Have the operator log in to a cluster by a token; afterwards as it did before."""
    renew(fleet, cluster)
    try:
        yield
    finally:
        fleet.put_kubeconfig(cluster, fleet.kubeconfig(cluster))
        for path in (f"{BINDINGS}/{NAME}", f"{ACCOUNTS}/{NAME}"):
            with contextlib.suppress(ApiError):  # a test may have deleted it itself
                fleet.members[cluster].server.delete(path)


def renew(fleet: Fleet, cluster: str) -> None:
    """Give the operator a new token, of a service account that is made where it is missing."""
    server = fleet.members[cluster].server
    server.create(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}})
    rbac = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": SYSTEM}],
    }
    server.create(BINDINGS, binding)
    document = yaml.safe_load(fleet.kubeconfig(cluster))
    document["users"][0]["user"] = {"token": fleet.lab.kubectl(cluster, "-n", SYSTEM, "create", "token", NAME).strip()}
    fleet.put_kubeconfig(cluster, yaml.safe_dump(document))


def revoke(fleet: Fleet, cluster: str) -> None:
    """Have all tokens count no more."""
    fleet.members[cluster].server.delete(f"{ACCOUNTS}/{NAME}")
