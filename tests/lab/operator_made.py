"""Which Jobs were ever made on a member, those that are gone again included: watched for as long as a test lasts.

Looking back at the end would not do: an API server keeps what happened for little more than a minute, and forgets it
when it is restarted.
"""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from tests.lab.operator_manifests import a_job_at_rest
from tests.lab.operator_waiting import until

from tradewind.lab.kubeapi import ApiError

if TYPE_CHECKING:
    from tests.lab.operator_manifests import Manifest

    from tradewind.lab.kubeapi import KubeApi

RETRY_S = 0.2
END_S = 20.0
CAUGHT_UP_S = 60.0
LAST = "last-"
"""Begins the names of Jobs that mark an end: what a watch shows until then is all that was made before."""


class MadeJobs:
    """Watches one namespace of one member, past every cut, on a connection of its own."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._before: set[str] = set()
        self._version = ""
        self._names: dict[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Self:
        """Begin; what is there already was made before, and does not count."""
        found = self._api.get(self._path)
        self._before = {item["metadata"]["uid"] for item in found["items"]}
        self._version = found["metadata"]["resourceVersion"]
        self._thread.start()
        return self

    def names(self, caught_up: KubeApi) -> list[str]:
        """The Jobs' names, once for each that was made; `caught_up` is another connection to the same member."""
        last = f"{LAST}{uuid4().hex[:8]}"
        try:
            caught_up.create(self._path, a_job_at_rest(last))
        except ApiError as error:
            if error.status != http.client.NOT_FOUND:
                raise
            return []  # nothing was ever delivered: there is no such namespace
        until(f"all Jobs made in {self._namespace} have been seen", lambda: last in self._seen(), within_s=CAUGHT_UP_S)
        caught_up.delete(f"{self._path}/{last}")
        return [name for name in self._seen() if not name.startswith(LAST)]

    def end(self) -> None:
        """Watch no more."""
        self._over.set()
        self._thread.join(END_S)
        self._api.close()

    def _seen(self) -> list[str]:
        return list(self._names.values())

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._watch()
            except (ApiError, OSError, http.client.HTTPException, ValueError):
                self._version = ""
                self._over.wait(RETRY_S)

    def _watch(self) -> None:
        """Follow for a second; where the server has forgotten what was last, it shows what there is."""
        if not self._version:
            found = self._api.get(self._path)
            for item in found["items"]:
                self._see(item)
            self._version = found["metadata"]["resourceVersion"]
        text = self._api.get_text(f"{self._path}?watch=true&timeoutSeconds=1&resourceVersion={self._version}")
        for event in map(json.loads, text.splitlines()):
            if event["type"] == "ERROR":
                self._version = ""
                return
            self._version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] == "ADDED":
                self._see(event["object"])

    def _see(self, item: Manifest) -> None:
        metadata = item["metadata"]
        if metadata["uid"] not in self._before:
            self._names[metadata["uid"]] = metadata["name"]
