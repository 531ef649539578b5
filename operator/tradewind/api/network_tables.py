"""NetworkMaps with their tables, as one Network: inline beats tables, later names beat earlier, gaps take defaults."""

from __future__ import annotations

from contextlib import contextmanager
from csv import reader as csv_reader
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from tradewind.api.network import LinkFigures, NetworkMap
from tradewind.api.reading import did_you_mean, read, source_of
from tradewind.errors import InputError
from tradewind.model.network import Link, Network, NetworkDefaults, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_REQUIRED = ("from", "to", "gbps", "egress_usd_per_gb")
# Those who only move data have no use for round trips, and need not measure them.
_KNOWN = (*_REQUIRED, "rtt_ms")
_MS_PER_S = 1000.0
_Pair = tuple[str, str]


@dataclass(slots=True)
class _Figures:
    gbps: float | None = None
    egress_usd_per_gb: float | None = None
    round_trip_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ReadMap:
    """What one NetworkMap says, with its tables.

    Attributes:
        tables: figures of its tables by (from, to), and `inline` those of its spec.
        unread: what is wrong with a table or a row of it. The rest counts: one bad cell must not let thousands of links
            fall back to defaults, and running work move for it.
    """

    resource: NetworkMap
    tables: dict[_Pair, _Figures]
    inline: dict[_Pair, _Figures]
    unread: tuple[InputError, ...]

    @property
    def links(self) -> int:
        """Count its links."""
        return len(self.tables.keys() | self.inline.keys())


def network_map_from(obj: Mapping[str, Any], csv: Mapping[tuple[str, str], str]) -> ReadMap:
    """Read a NetworkMap; `csv` is the text of each table by ConfigMap and key.

    Raises:
        InputError: of the map itself, naming the field; what is wrong with its tables is in `unread`.
    """
    resource, unread = read(NetworkMap, obj), list[InputError]()
    tables: dict[_Pair, _Figures] = {}
    inline: dict[_Pair, _Figures] = {}
    for index, table in enumerate(resource.spec.csv):
        with _collected(unread):
            text = csv.get((table.name, table.key))
            if text is None:
                raise InputError(
                    source_of(obj),
                    f"spec.csv[{index}]",
                    f'there is no ConfigMap "{table.name}" with a key "{table.key}" in the operator\'s namespace',
                )
            for row in _rows(text, f"ConfigMap/{table.name}", table.key):
                with _collected(unread):
                    _merge(tables, *_read_row(row))
    for link in resource.spec.links:
        _merge(inline, (link.from_, link.to), _figures(link))
    return ReadMap(resource, tables, inline, tuple(unread))


def network_from(maps: Iterable[ReadMap]) -> Network:
    """Join NetworkMaps."""
    by_name = sorted(maps, key=lambda each: each.resource.metadata.name)
    defaults = _defaults([each.resource for each in by_name])
    figures: dict[_Pair, _Figures] = {}
    for said in (*(each.tables for each in by_name), *(each.inline for each in by_name)):
        for pair, found in said.items():
            _merge(figures, pair, found)
    return Network(
        links={pair: _link(pair, found, defaults) for pair, found in figures.items()},
        defaults=defaults,
        places={
            place.location: Place(place.jurisdiction or "", frozenset(place.operator_jurisdictions))
            for each in by_name
            for place in each.resource.spec.locations
        },
    )


def _figures(said: LinkFigures) -> _Figures:
    return _Figures(
        gbps=None if said.bandwidth is None else said.bandwidth / 1e9,
        egress_usd_per_gb=said.egress_usd_per_gb,
        round_trip_ms=None if said.round_trip is None else said.round_trip * _MS_PER_S,
    )


def _merge(figures: dict[_Pair, _Figures], pair: _Pair, found: _Figures) -> None:
    if found == _Figures():
        return
    known = figures.setdefault(pair, _Figures())
    if found.gbps is not None:
        known.gbps = found.gbps
    if found.egress_usd_per_gb is not None:
        known.egress_usd_per_gb = found.egress_usd_per_gb
    if found.round_trip_ms is not None:
        known.round_trip_ms = found.round_trip_ms


def _link(pair: _Pair, found: _Figures, defaults: NetworkDefaults) -> Link:
    otherwise = _default(pair, defaults)
    missing = [
        what
        for what, figure in (
            ("bandwidth", found.gbps),
            ("egress price", found.egress_usd_per_gb),
            ("round trip", found.round_trip_ms),
        )
        if figure is None
    ]
    assumed = f"{otherwise.assumed} {' and '.join(missing)}" if missing else ""
    return _over(otherwise, found, assumed=assumed)


def _over(link: Link, said: _Figures, *, assumed: str) -> Link:
    return Link(
        gbps=link.gbps if said.gbps is None else said.gbps,
        egress_usd_per_gb=link.egress_usd_per_gb if said.egress_usd_per_gb is None else said.egress_usd_per_gb,
        assumed=assumed,
        round_trip_ms=link.round_trip_ms if said.round_trip_ms is None else said.round_trip_ms,
    )


def _default(pair: _Pair, defaults: NetworkDefaults) -> Link:
    source, target = pair
    if source == target:
        return defaults.same_region
    provider = source.partition("/")
    return defaults.same_provider if provider[1] and provider[0] == target.partition("/")[0] else defaults.other


def _defaults(resources: list[NetworkMap]) -> NetworkDefaults:
    built_in = NetworkDefaults()
    same_region, same_provider, other = built_in.same_region, built_in.same_provider, built_in.other
    for resource in resources:
        said = resource.spec.defaults
        same_region = _over(same_region, _figures(said.same_region), assumed=same_region.assumed)
        same_provider = _over(same_provider, _figures(said.same_provider), assumed=same_provider.assumed)
        other = _over(other, _figures(said.other), assumed=other.assumed)
    return NetworkDefaults(same_region, same_provider, other)


@contextmanager
def _collected(unread: list[InputError]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        unread.append(error)


@dataclass(frozen=True, slots=True)
class _Row:
    cells: list[str]
    columns: Mapping[str, int]
    source: str
    where: str


def _rows(text: str, source: str, key: str) -> list[_Row]:
    reader = csv_reader(text.lstrip("\ufeff").splitlines())
    header = [name.strip() for name in next(reader, [])]
    for name in header:
        if header.count(name) > 1:
            raise InputError(source, f"{key} line 1", f'the column "{name}" is there more than once')
        if name not in _KNOWN:
            raise InputError(source, f"{key} line 1", f'unknown column "{name}"{did_you_mean(name, _KNOWN)}')
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        raise InputError(source, f"{key} line 1", f"the header lacks {', '.join(missing)}; needed: {','.join(_KNOWN)}")
    columns = {name: header.index(name) for name in header}
    return [
        _Row(cells, columns, source, f"{key} line {number}")
        for number, cells in enumerate(reader, start=2)
        if any(cell.strip() for cell in cells)
    ]


def _read_row(row: _Row) -> tuple[_Pair, _Figures]:
    if len(row.cells) != len(row.columns):
        raise InputError(row.source, row.where, f"has {len(row.cells)} columns, and the header has {len(row.columns)}")
    pair = (row.cells[row.columns["from"]].strip(), row.cells[row.columns["to"]].strip())
    if not all(pair):
        raise InputError(row.source, row.where, "from and to are required")
    gbps = _figure(row, "gbps")
    if gbps == 0:
        raise InputError(row.source, f"{row.where}, gbps", "must be more than 0; leave it empty if it is not known")
    return pair, _Figures(gbps, _figure(row, "egress_usd_per_gb"), _figure(row, "rtt_ms"))


def _figure(row: _Row, column: str) -> float | None:
    cell = row.cells[row.columns[column]].strip() if column in row.columns else ""
    if not cell:
        return None
    try:
        figure = float(cell)
    except ValueError:
        figure = -1.0
    if not isfinite(figure) or figure < 0:
        raise InputError(row.source, f"{row.where}, {column}", f'"{cell}" is no number that is zero or more')
    return figure
