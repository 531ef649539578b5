"""The public tables that the placement benchmark reads: links, prices and carbon figures of real regions."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tradewind.model.network import Link, Network, NetworkDefaults

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {"H100": "H100-80GB", "H200": "H200-141GB"}
"""What the price table calls otherwise than we do."""
DEFAULTS = NetworkDefaults()
"""What stands in for pairs without figures, for every model and for the truth: 4 Gbit/s and $0.05 per GB within a
provider, 1 Gbit/s and $0.15 per GB between providers. Within a region 25 Gbit/s and nothing."""


@dataclass(frozen=True, slots=True)
class Price:
    """A machine type in a region; USD per hour for the whole machine, None where the table has no figure."""

    location: str
    instance: str
    accelerator: str
    count: int
    usd_per_hour: float | None
    usd_per_hour_spot: float | None


@dataclass(frozen=True, slots=True)
class Grid:
    """Carbon figures of a region; None where the table has none. `country`: the ISO code of its grid."""

    grams_co2_per_kwh: float | None
    pue: float | None
    country: str


@dataclass(frozen=True, slots=True)
class Tables:
    """All of them.

    Attributes:
        links: pairs with both throughput and egress price. listed: all locations of the links table.
    """

    links: dict[tuple[str, str], Link]
    listed: tuple[str, ...]
    prices: tuple[Price, ...]
    grids: dict[str, Grid]

    @property
    def homes(self) -> tuple[str, ...]:
        """The regions whose links have figures."""
        return tuple(sorted({source for source, _ in self.links}))

    def network(self) -> Network:
        """Make a network of the links that have figures; the rest is the defaults' affair."""
        return Network(dict(self.links), DEFAULTS)


def read_tables(folder: Path) -> Tables:
    """Read a data folder.

    Raises:
        click.ClickException: if a file is missing, or is not what it should be.
    """
    try:
        rows = _rows(folder / "network" / "links.csv")
        links = {
            (row["from"], row["to"]): Link(
                float(row["gbps"]),
                float(row["egress_usd_per_gb"]),
                round_trip_ms=_number(row["rtt_ms"]) or DEFAULTS.other.round_trip_ms,
            )
            for row in rows
            if row["gbps"] and row["egress_usd_per_gb"]
        }
        return Tables(
            links=links,
            listed=tuple(sorted({row[end] for row in rows for end in ("from", "to")})),
            prices=tuple(_price(row) for row in _rows(folder / "prices" / "gpu_prices.csv")),
            grids={
                f"{row['provider']}/{row['region']}": _grid(row) for row in _rows(folder / "carbon" / "regions.csv")
            },
        )
    except OSError as error:
        raise click.ClickException(
            f"{error.filename}: {error.strerror}. --data takes a folder with network/links.csv, prices/gpu_prices.csv "
            "and carbon/regions.csv (docs/benchmarks.md says what is in them)"
        ) from error
    except (KeyError, ValueError) as error:
        raise click.ClickException(f"{folder}: a table has no column {error}, or a figure that is no number") from error


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _price(row: dict[str, str]) -> Price:
    return Price(
        location=f"{row['provider']}/{row['region']}",
        instance=row["instance_type"],
        accelerator=NAMES.get(row["accelerator"], row["accelerator"]),
        count=int(row["count"]),
        usd_per_hour=_number(row["usd_per_hour"]),
        usd_per_hour_spot=_number(row["usd_per_hour_spot"]),
    )


def _grid(row: dict[str, str]) -> Grid:
    return Grid(_number(row["grams_co2_per_kwh"]), _number(row["pue"]), row["grid_zone"][:2])


def _number(text: str) -> float | None:
    return float(text) if text else None
