"""The hub's NetworkMaps with the tables that they name, and the network that they make together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.api.convert import network_from, network_map_from
from tradewind.errors import InputError
from tradewind.model.network import Network

if TYPE_CHECKING:
    from tradewind.api.network_tables import ReadMap

Manifest = dict[str, Any]


class NetworkMaps:
    """All NetworkMaps.

    Args:
        problems: where it is said what is wrong with one, by kind and name.

    Attributes:
        network: what all that can be read say together.
        links: how many links each of them has, those of its tables included.
    """

    def __init__(self, problems: dict[tuple[str, str], str]) -> None:
        self.network = Network()
        self.links: dict[str, int] = {}
        self._problems = problems
        self._maps: dict[str, Manifest] = {}
        self._tables: dict[tuple[str, str], str] = {}

    def see(self, obj: Manifest, *, deleted: bool) -> None:
        """Take a NetworkMap; one that can't be read leaves the others in force."""
        name = obj["metadata"]["name"]
        before = self._maps.pop(name, None)
        if not deleted:
            self._maps[name] = obj
        # A status that we wrote ourselves comes back by the watch: it is not worth reading thousands of links again.
        if deleted or before is None or before.get("spec") != obj.get("spec"):
            self._build()

    def see_tables(self, items: list[Manifest]) -> None:
        """Take the ConfigMaps of the operator's namespace, which may hold links as CSV."""
        tables = {
            (item["metadata"]["name"], key): text for item in items for key, text in (item.get("data") or {}).items()
        }
        if tables != self._tables:
            self._tables = tables
            self._build()

    def _build(self) -> None:
        good: dict[str, ReadMap] = {}
        for name in sorted(self._maps):
            unread: tuple[InputError, ...]
            try:
                good[name] = network_map_from(self._maps[name], self._tables)
                unread = good[name].unread
            except InputError as error:
                unread = (error,)
            if unread:
                more = f" (and {len(unread) - 1} more like it; all else counts)" if len(unread) > 1 else ""
                self._problems["NetworkMap", name] = unread[0].message + more
            else:
                self._problems.pop(("NetworkMap", name), None)
        self.links = {name: read.links for name, read in good.items()}
        self.network = network_from(good.values())
