"""The table of filters in docs/placement.md says what the registry does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.model.plan import Wake
from tradewind.placement.evidence import LAST_RESORT
from tradewind.placement.registry import CAPACITY, FILTERS, PRICED
from tradewind.placement.untrue import PRICE_INVALID

if TYPE_CHECKING:
    from tradewind.placement.framework import Filter
    from tradewind.placement.terms import PricedFilter

DOCS = Path(__file__).parents[3] / "docs" / "placement.md"
AGAIN = {
    Wake.HEALTH: "a verdict changes",
    Wake.CLUSTER: "a FederatedCluster changes",
    Wake.CAPACITY: "nodes, pods or quotas change",
    Wake.DATA: "data, its places or a verdict change",
    Wake.PRICE: "a price or a link changes",
}
EVERY: tuple[Filter | PricedFilter, ...] = (*FILTERS, CAPACITY, *PRICED)
OF_THE_ENGINE = (
    ("price", [PRICE_INVALID], AGAIN[Wake.PRICE], "no"),
    ("last resort", [LAST_RESORT], AGAIN[Wake.HEALTH], "no"),
)
"""What no filter can say: that a total can't be computed, and that there is another offer."""


def documented() -> list[tuple[str, list[str], str, str]]:
    text = DOCS.read_text(encoding="utf-8")
    section = text[text.index("\n## Filters\n") :].split("\n## ")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [
        (name, re.findall(r"`(\w+)`", reasons), again, holds.partition(":")[0])
        for name, _, reasons, again, holds in rows[2:]
    ]


def told(one: Filter | PricedFilter) -> tuple[str, list[str], str, str]:
    # A filter without reasons passes on those of others, with what wakes them.
    again = AGAIN[one.WAKES_ON] if one.REASONS else "what it lacked is there"
    return one.NAME, list(one.REASONS), again, "yes" if one.HOLDS_WHILE_RUNNING else "no"


def test_the_table_lists_exactly_the_filters_with_their_reasons_and_cures() -> None:
    assert documented() == [*map(told, EVERY), *OF_THE_ENGINE]


def test_names_and_reasons_are_used_once() -> None:
    names, reasons = [one.NAME for one in EVERY], [reason for one in EVERY for reason in one.REASONS]
    assert len(set(names)) == len(names)
    assert len(set(reasons)) == len(reasons)
