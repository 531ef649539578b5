"""List, then watch: what is known never holds ghosts, and nobody is asked without a pause."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tests.edge.fakeapi import FakeApi, Rule
from tests.edge.waiting import until

from tradewind.errors import RetryableError
from tradewind.kube.resources import CONFIG_MAPS, JOBS, Resource
from tradewind.observe.informer import Informer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Manifest = dict[str, Any]
COLLECTION = "v1/configmaps"


@dataclass
class Seen:
    """A sink that remembers."""

    names: set[str] = field(default_factory=set)
    fresh: bool = False
    lists: int = 0
    stales: int = 0
    changes: list[tuple[str, str]] = field(default_factory=list)
    fails_on: str = ""

    def replace(self, items: list[Manifest]) -> None:
        """Take a full list."""
        self.names = {item["metadata"]["name"] for item in items}
        self.fresh = True
        self.lists += 1

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change."""
        name = item["metadata"]["name"]
        if name == self.fails_on:
            self.fails_on = ""
            raise KeyError(name)
        self.changes.append((kind, name))
        (self.names.discard if kind == "DELETED" else self.names.add)(name)

    def stale(self) -> None:
        """Learn that the picture may be behind."""
        self.fresh = False
        self.stales += 1


@asynccontextmanager
async def informed(
    api: FakeApi, *, resource: Resource = CONFIG_MAPS, **options: Any
) -> AsyncIterator[tuple[Informer, Seen]]:
    """Run an informer of ConfigMaps."""
    seen = Seen()
    informer = Informer(api.client(), resource, seen, **options)
    task = asyncio.create_task(informer.run())
    try:
        yield informer, seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def put(api: FakeApi, name: str, **labels: str) -> None:
    api.objects.put(COLLECTION, {"metadata": {"name": name, "namespace": "default", "labels": labels}, "data": labels})


async def test_what_is_there_is_listed_and_what_happens_is_watched(api: FakeApi) -> None:
    put(api, "old")
    async with informed(api) as (_, seen):
        await until(lambda: seen.names == {"old"} and api.watches)
        put(api, "new")
        await until(lambda: seen.names == {"old", "new"})
        api.objects.remove(COLLECTION, "default", "old")
        await until(lambda: seen.names == {"new"})
        assert (seen.lists, seen.fresh) == (1, True)


async def test_nothing_is_missed_between_the_list_and_the_watch(api: FakeApi) -> None:
    put(api, "old")
    api.before("WATCH /configmaps", lambda: put(api, "between"))
    async with informed(api) as (_, seen):
        await until(lambda: seen.names == {"old", "between"})
        assert seen.changes == [("ADDED", "between")]


async def test_only_what_was_asked_for_is_known(api: FakeApi) -> None:
    put(api, "ours", hub="default")
    put(api, "theirs", hub="other")
    async with informed(api, namespace="default", params={"labelSelector": "hub=default"}) as (_, seen):
        await until(lambda: seen.lists and api.watches)
        put(api, "more", hub="default")
        put(api, "nothing")
        await until(lambda: seen.names == {"ours", "more"})


async def test_a_watch_that_the_server_ends_goes_on_where_it_was(api: FakeApi) -> None:
    async with informed(api) as (_, seen):
        await until(lambda: api.watches)
        put(api, "one")
        await until(lambda: "one" in seen.names)
        api.end_watches()
        await until(lambda: len([verb for verb in api.verbs() if verb.startswith("WATCH")]) == 2)
        put(api, "two")
        await until(lambda: "two" in seen.names)
        assert seen.lists == 1


async def test_bookmarks_move_the_version_and_say_nothing(api: FakeApi) -> None:
    async with informed(api) as (_, seen):
        await until(lambda: api.watches)
        api.say({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "4711"}}})
        api.end_watches()
        await until(lambda: [call for call in api.calls if call.query.get("resourceVersion") == "4711"])
        assert seen.changes == []


async def test_a_server_that_was_restored_from_a_backup_is_listed_again(api: FakeApi) -> None:
    """Its watches go on from a version that it has not reached again, and show nothing of what has changed."""
    put(api, "new")
    async with informed(api) as (_, seen):
        await until(lambda: api.watches)
        api.objects.items = {where: item for where, item in api.objects.items.items() if where[2] != "new"}
        api.say({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "3"}}})
        await until(lambda: seen.lists == 2)
        assert seen.names == set()


EXPIRED = '{"type":"ERROR","object":{"code":410,"message":"old"}}\n'


@pytest.mark.parametrize("answer", [None, EXPIRED], ids=["http", "event"])
async def test_after_410_a_new_list_prunes_what_was_deleted_meanwhile(api: FakeApi, answer: str | None) -> None:
    put(api, "ghost")

    async def expire(_: web.Request) -> web.Response | None:
        api.objects.remove(COLLECTION, "default", "ghost")
        api.objects.compact()
        return web.Response(text=answer) if answer else None

    async with informed(api) as (_, seen):
        await until(lambda: api.watches)
        put(api, "survivor")
        await until(lambda: seen.names == {"ghost", "survivor"})
        api.rules.append(Rule("WATCH /configmaps", expire, times=1))
        api.end_watches()
        await until(lambda: seen.names == {"survivor"})
        assert (seen.lists, seen.stales) == (2, 0)
        assert ("DELETED", "ghost") not in seen.changes


async def test_an_expired_watch_does_not_make_the_picture_stale(api: FakeApi) -> None:
    async with informed(api) as (_, seen):
        await until(lambda: api.watches)
        api.say({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}})
        await until(lambda: seen.lists == 2)
        assert seen.stales == 0


@pytest.mark.parametrize("status", [403, 500, 503, 429])
async def test_a_server_that_refuses_makes_the_picture_stale_until_it_lists_again(api: FakeApi, status: int) -> None:
    put(api, "one")
    async with informed(api) as (_, seen):
        await until(lambda: api.watches)
        api.answer("* /configmaps", status)
        api.end_watches()
        await until(lambda: not seen.fresh)
        assert seen.names == {"one"}
        api.objects.remove(COLLECTION, "default", "one")
        api.heal()
        await until(lambda: seen.fresh)
        assert seen.names == set()


async def test_a_server_that_was_away_is_found_again_without_ghosts(api: FakeApi) -> None:
    put(api, "ghost")
    async with informed(api) as (_, seen):
        await until(lambda: seen.names == {"ghost"} and api.watches)
        await api.stop()
        await until(lambda: not seen.fresh)
        api.objects.remove(COLLECTION, "default", "ghost")
        await api.start()
        await until(lambda: seen.fresh)
        assert seen.names == set()


async def test_404_is_not_an_empty_list(api: FakeApi) -> None:
    """A proxy without its server answers 404 too; what runs there must not seem to have vanished."""
    put(api, "one")
    async with informed(api) as (_, seen):
        await until(lambda: seen.fresh and api.watches)
        api.answer("* /configmaps", 404, reason="NotFound")
        api.end_watches()
        await until(lambda: len([call for call in api.calls if call.status == 404]) == 3)
        assert (seen.names, seen.fresh, seen.lists) == ({"one"}, False, 1)


async def test_an_object_of_a_shape_never_seen_costs_a_new_list_and_nothing_else(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    async with informed(api) as (_, seen):
        await until(lambda: api.watches)
        seen.fails_on = "odd"
        put(api, "odd")
        await until(lambda: seen.lists == 2)
        put(api, "after")
        await until(lambda: {"odd", "after"} <= seen.names)
    assert "informer failed" in caplog.text


async def test_pauses_grow_while_the_server_is_away(api: FakeApi) -> None:
    loop, times_s = asyncio.get_running_loop(), list[float]()

    async def refuse(_: web.Request) -> web.Response:
        times_s.append(loop.time())
        return web.json_response({"code": 503}, status=503)

    api.rules.append(Rule("* /configmaps", refuse))
    async with informed(api):
        await until(lambda: len(times_s) == 4)
    assert times_s[1] - times_s[0] >= 0.25
    assert times_s[3] - times_s[2] >= 1.0


@pytest.mark.parametrize("fault", ["http 410", "410 in the stream", "streams that end at once"])
async def test_a_server_whose_watches_never_hold_is_not_asked_in_a_tight_loop(api: FakeApi, fault: str) -> None:
    loop = asyncio.get_running_loop()
    match fault:
        case "http 410":
            api.answer("WATCH /configmaps", 410, reason="Expired")
        case "410 in the stream":
            api.raw("WATCH /configmaps", EXPIRED)
        case _:
            api.raw("WATCH /configmaps", "")
    started_s = loop.time()
    async with informed(api) as (informer, _):
        await until(lambda: informer.failures == 3)
        assert loop.time() - started_s >= 0.5
        assert len(api.calls) <= 8


async def test_a_watch_that_held_makes_the_next_pause_short_again(api: FakeApi) -> None:
    async with informed(api) as (informer, seen):
        for number in range(3):
            await until(lambda: api.watches)
            put(api, "news", number=str(number))
            await until(lambda: seen.changes[number:])  # noqa: B023 - asked at once
            assert informer.failures == 0
            api.say({"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "oops"}})
            await until(lambda: seen.stales > number)  # noqa: B023 - asked at once
            assert informer.failures == 1


async def test_list_again_drops_a_stream_that_hangs(api: FakeApi) -> None:
    put(api, "ghost")
    async with informed(api) as (informer, seen):
        await until(lambda: seen.lists == 1 and api.watches)
        api.objects.listeners.clear()  # the stream stays open, and nothing comes any more
        api.objects.remove(COLLECTION, "default", "ghost")
        informer.list_again()
        await until(lambda: seen.lists == 2)
        assert seen.names == set()


async def test_list_again_ends_a_pause(api: FakeApi) -> None:
    api.answer("* /configmaps", 503)
    async with informed(api) as (informer, seen):
        await until(lambda: len(api.calls) >= 4)
        api.heal()
        informer.list_again()
        await until(lambda: seen.lists == 1)


async def test_no_request_and_no_task_is_left_behind(api: FakeApi) -> None:
    async with informed(api, resource=JOBS) as (_, seen):
        await until(lambda: seen.fresh and api.watches)
    await until(lambda: not api.watches)
    assert len(asyncio.all_tasks()) <= 3


async def test_a_list_is_shown_only_once_it_is_confirmed(api: FakeApi) -> None:
    put(api, "one")
    said: list[str] = []

    async def confirm() -> None:
        said.append("asked")
        if len(said) == 1:
            raise RetryableError("Unnamed", "It can't say who it is.")

    async with informed(api, confirm=confirm) as (_, seen):
        await until(lambda: seen.names == {"one"})
        assert (len(said), seen.lists, seen.stales) == (2, 1, 1)
