"""How wishes are written for people: in the words of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.model.workload import AllowDeny, DataInput


def listed(names: Iterable[str]) -> str:
    """Write names in a stable order."""
    return ", ".join(sorted(names))


def field_of(path: str, names: Iterable[str]) -> str:
    """Write a field with its values: `constraints.markets [Spot]`."""
    return f"{path} [{listed(names)}]"


def lists_of(path: str, wanted: AllowDeny) -> str:
    """Write an allow list, a deny list, or both: `constraints.providers.deny [azure]`."""
    said = (("allow", wanted.allow), ("deny", wanted.deny))
    return " with ".join(field_of(f"{path}.{which}", names) for which, names in said if names)


def residency_words(one: DataInput) -> str:
    """Write the law of an input: `data scans with residency.jurisdictions [EU]`."""
    said = (
        ("residency.jurisdictions", one.residency.jurisdictions),
        ("residency.operatorJurisdictions", one.residency.operator_jurisdictions),
    )
    return f"data {one.name} with " + " and ".join(field_of(path, names) for path, names in said if names)
