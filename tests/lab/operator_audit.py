"""Counts what really runs, from the members themselves, for as long as a test lasts: how many copies at one time."""

from __future__ import annotations

import http.client
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Self

from tests.lab.operator_waiting import until

from tradewind.lab.kubeapi import ApiError

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet

LOOK_S = 0.2
ANSWER_S = 2.0
END_S = 20.0


class Audit:
    """Looks at all members several times a second, past every cut.

    A copy is a cluster and an epoch with a running pod. A member whose API server does not answer keeps what it had:
    its kubelets would go on.

    Attributes:
        most: by workload, the most copies that ran at the same time.
        now: by workload, those that run now.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.most: dict[str, int] = defaultdict(int)
        self.now: dict[str, set[tuple[str, str]]] = {}
        self._namespace = fleet.namespace
        # Connections of its own: one is not for several threads at once.
        self._apis = {name: fleet.lab.cluster(name).api(timeout_s=ANSWER_S) for name in fleet.lab.members}
        self._seen: dict[str, set[tuple[str, str, str]]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(END_S)
        for api in self._apis.values():
            api.close()

    def until_only(self, workload: str, cluster: str, *, epoch: int) -> None:
        """Wait until nothing but this copy of a workload runs."""
        what = f"of {workload} nothing runs but epoch {epoch} on {cluster}"
        until(what, lambda: self.now.get(workload) == {(cluster, str(epoch))})

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            for name, api in self._apis.items():
                try:
                    items = api.get(f"/api/v1/namespaces/{self._namespace}/pods")["items"]
                except (ApiError, OSError, http.client.HTTPException):
                    continue
                self._seen[name] = {
                    (labels["tradewind.dev/workload"], name, labels["tradewind.dev/epoch"])
                    for pod in items
                    if pod["status"].get("phase") == "Running"
                    and "tradewind.dev/workload" in (labels := pod["metadata"]["labels"])
                }
            self._count()

    def _count(self) -> None:
        now: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for workload, cluster, epoch in set().union(*self._seen.values()):
            now[workload].add((cluster, epoch))
        for workload, copies in now.items():
            self.most[workload] = max(self.most[workload], len(copies))
        self.now = now
