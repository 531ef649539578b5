"""Where a member's informers write: each passes on what comes, and says whether its list still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

Manifest = dict[str, Any]


class TakeOne(Protocol):
    """Takes one changed object."""

    def __call__(self, item: Manifest, /, *, deleted: bool) -> None:
        """Take it as it is now, or as it was last."""


class Sink:
    """Objects of one kind.

    Args:
        take_all: takes a full list, which replaces all that was known.
        take_one: takes one change of it.

    Attributes:
        listed: whether a list has ever come. fresh: whether what is known is the truth now.
        failed: whether the list has failed that was to make it fresh again.
    """

    def __init__(self, take_all: Callable[[list[Manifest]], None], take_one: TakeOne) -> None:
        self._take_all, self._take_one = take_all, take_one
        self.listed = False
        self.fresh = False
        self.failed = False

    def stale(self) -> None:
        """Learn that the picture may be behind; if it is already, that the list which was to mend it has failed."""
        self.failed, self.fresh = not self.fresh, False

    def replace(self, items: list[Manifest]) -> None:
        """Take the full list."""
        self.listed = self.fresh = True
        self.failed = False
        self._take_all(items)

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change."""
        self._take_one(item, deleted=kind == "DELETED")


class WrittenSink(Sink):
    """Objects of one kind that we write ourselves, so that an answer may tell of them before the watch does."""

    def __init__(self, take_all: Callable[[list[Manifest]], None], take_one: TakeOne) -> None:
        super().__init__(take_all, take_one)
        self._newest = 0

    def replace(self, items: list[Manifest]) -> None:
        """Take the full list."""
        self._newest = max([self._newest, *map(_version, items)])
        super().replace(items)

    def change(self, kind: str, item: Manifest) -> None:
        """Take one change."""
        self._newest = max(self._newest, _version(item))
        super().change(kind, item)

    def wrote(self, item: Manifest) -> None:
        """Take what we have written ourselves, unless the watch has told of it, and perhaps of its end, already."""
        if _version(item) > self._newest:
            self._take_one(item, deleted=False)


def _version(item: Manifest) -> int:
    version = item["metadata"].get("resourceVersion", "")
    return int(version) if version.isdigit() else 0
