"""What the tests of the judging loop share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.runtime.court import Court, a_loop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def court(monkeypatch: pytest.MonkeyPatch) -> Iterator[Court]:
    with a_loop() as loop:
        made = Court()
        monkeypatch.setattr(loop, "time", lambda: made.now_s)
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
        yield made
