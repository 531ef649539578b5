"""Which kinds a member's API server knows, of those that work may be delivered as."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from tradewind.errors import RetryableError, TradewindError
from tradewind.kube.backoff import backoff_s
from tradewind.kube.errors import NotFoundError, NotServedError
from tradewind.kube.resources import COMPANIONS, COPIES
from tradewind.kube.waiting import set_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.kube.client import ApiServer

CORE = "v1"
GROUPS = sorted({resource.api_version for resource in (*COPIES, *COMPANIONS)})
REFRESH_S = 300.0
"""A CRD is installed once in months, and whoever waits for one looks after minutes."""
RETRY_S = 4.0
LEAST_SHARE, MOST_SHARE = 0.75, 1.25
"""Of a pause, whether after a failure or not: members that joined together are not all read together."""
log = logging.getLogger(__name__)


class Discovery:
    """Keeps a member's kinds up to date; run it as a task."""

    def __init__(self, server: ApiServer, take: Callable[[frozenset[str]], None]) -> None:
        self._server = server
        self._take = take
        self._again = asyncio.Event()

    def read_again(self) -> None:
        """Read at once: the member has been away."""
        self._again.set()

    async def run(self) -> None:
        """Read now, and then every few minutes; failures are retried with a growing, jittered pause."""
        failures = 0
        while True:
            self._again.clear()
            try:
                self._take(await kinds_of(self._server))
                failures, first_s = 0, REFRESH_S
            except TradewindError as error:
                log.debug("kinds can't be read cluster=%s error=%s", self._server.name, error)
                failures, first_s = failures + 1, RETRY_S
            pause_s = backoff_s(
                max(failures, 1), first_s=first_s, most_s=REFRESH_S, least_share=LEAST_SHARE, most_share=MOST_SHARE
            )
            await set_within(self._again, pause_s)


async def kinds_of(server: ApiServer) -> frozenset[str]:
    """Read them, as `apiVersion/Kind`.

    Raises:
        TradewindError: not all could be read; a group whose server is away is not one that is not installed.
    """
    found: set[str] = set()
    for api_version in GROUPS:
        path = "/api/v1" if api_version == CORE else f"/apis/{api_version}"
        try:
            group = await server.request("GET", path)
        except (NotFoundError, NotServedError):
            if api_version == CORE:
                raise  # no API server lacks it: this is a proxy that has lost its server
            continue
        resources = group.get("resources")
        if not isinstance(resources, list):
            raise RetryableError("NotDiscovery", f"GET {path} was not answered with a list of resources.")
        found.update(f"{api_version}/{each['kind']}" for each in resources if "/" not in each["name"])
    return frozenset(found)
