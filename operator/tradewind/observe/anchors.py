"""Asks the anchors, addresses at other providers that the policy names, whether the hub's own network is sound."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiohttp

from tradewind.observe.answer import NoAnswer, answer_to
from tradewind.outage.freeze import Anchors

if TYPE_CHECKING:
    from tradewind.state.store import Store

log = logging.getLogger(__name__)

TICK_S = 0.25
EVERY_S = 4.0
"""While they are needed. Two checks fit into the time for which one is believed."""
TIMEOUT_S = 3.0
MAX_BYTES = 256 * 1024


class AnchorChecks:
    """Runs as one task; asks only while a cluster is silent, so that strangers are left alone otherwise."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Ask whenever it is needed, for ever."""
        due_s = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK_S)
            urls = self._store.hub.policy.anchors
            if not urls or not self._store.suspects:
                due_s = 0.0
            elif loop.time() >= due_s:
                due_s = loop.time() + EVERY_S
                await self._check(urls)

    async def _check(self, urls: tuple[str, ...]) -> None:
        """Ask each once, all at the same time; any HTTP answer counts, since it is the way there that matters."""
        started_s = asyncio.get_running_loop().time()
        # A session of its own: a connection that was open before would say nothing about resolver and routes now.
        async with aiohttp.ClientSession(
            headers={"User-Agent": "tradewind"}, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
        ) as session:
            answered = sum(await asyncio.gather(*(_answers(session, url) for url in urls)))
        before = self._store.anchors
        if before is None or (before.asked, before.answered) != (len(urls), answered):
            log.info("anchors answered=%d asked=%d", answered, len(urls))
        self._store.anchors = Anchors(len(urls), answered, started_s)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    request = session.head(url, timeout=timeout, allow_redirects=False)
    return not isinstance(await answer_to(request, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES), NoAnswer)
