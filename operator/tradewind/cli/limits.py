"""Every limit that a workload sets, each with the ask as it would be without that one limit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tradewind.model.units import format_usd
from tradewind.model.workload import AllowDeny, DeadlineMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tradewind.model.plan import Ask
    from tradewind.model.workload import Constraints, Workload


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    Attributes:
        field: where the workload says it, such as `constraints.certifications`.
        value: what it says there, for people.
        without: the same ask, but for this.
    """

    field: str
    value: str
    without: Ask


def limits(ask: Ask) -> list[Limit]:
    """List the limits of an ask: allow lists as a whole, and all else one by one."""
    return [
        *_law_and_trust(ask),
        *_certificates(ask),
        *_kinds_of_place(ask),
        *_machines(ask),
        *_residency(ask),
        *_time_and_money(ask),
    ]


def _law_and_trust(ask: Ask) -> Iterator[Limit]:
    lists = ask.workload.constraints
    for name, field in (
        ("jurisdictions", "constraints.jurisdictions"),
        ("operator_jurisdictions", "constraints.operatorJurisdictions"),
        ("providers", "constraints.providers"),
    ):
        wanted: AllowDeny = getattr(lists, name)
        if wanted.allow:
            yield _of(ask, f"{field}.allow", wanted.allow, {name: AllowDeny(deny=wanted.deny)})
        for each in sorted(wanted.deny):
            left = AllowDeny(wanted.allow, wanted.deny - {each})
            yield _of(ask, f"{field}.deny", [each], {name: left})


def _certificates(ask: Ask) -> Iterator[Limit]:
    wanted = ask.workload.constraints
    for each in sorted(wanted.certifications):
        yield _of(ask, "constraints.certifications", [each], {"certifications": wanted.certifications - {each}})
    for kind in sorted(wanted.encryption):
        yield _of(ask, "constraints.encryption", [kind], {"encryption": wanted.encryption - {kind}})


def _kinds_of_place(ask: Ask) -> Iterator[Limit]:
    wanted = ask.workload.constraints
    if wanted.tiers:
        yield _of(ask, "constraints.tiers", wanted.tiers, {"tiers": frozenset()})
    if wanted.markets:
        yield _of(ask, "constraints.markets", wanted.markets, {"markets": frozenset()})
    for term in wanted.cluster_selector:
        left = tuple(one for one in wanted.cluster_selector if one is not term)
        text = f"{term.key} {term.operator} {', '.join(sorted(term.values))}".rstrip()
        yield _of(ask, "constraints.clusterSelector", [text], {"cluster_selector": left})


def _of(ask: Ask, field: str, values: Iterable[str], left: dict[str, Any]) -> Limit:
    constraints: Constraints = replace(ask.workload.constraints, **left)
    return Limit(field, ", ".join(sorted(values)), _with(ask, constraints=constraints))


def _machines(ask: Ask) -> Iterator[Limit]:
    work = ask.workload
    if work.accelerator_types:
        value = ", ".join(work.accelerator_types)
        yield Limit("accelerators.anyOf", value, _with(ask, accelerator_types=()))
    if work.interconnect is not None:
        yield Limit("accelerators.interconnect", work.interconnect, _with(ask, interconnect=None))
    if work.min_node_gbps:
        value = f"{work.min_node_gbps:g} Gbit/s"
        yield Limit("accelerators.minNodeBandwidth", value, _with(ask, min_node_gbps=0.0))
    if work.max_round_trip_ms is not None:
        value = f"{work.max_round_trip_ms:g} ms"
        yield Limit("network.maxRoundTrip", value, _with(ask, max_round_trip_ms=None))


def _residency(ask: Ask) -> Iterator[Limit]:
    data = ask.workload.data
    for index, one in enumerate(data):
        law = one.residency
        for field, values, left in (
            ("jurisdictions", law.jurisdictions, replace(law, jurisdictions=frozenset())),
            ("operatorJurisdictions", law.operator_jurisdictions, replace(law, operator_jurisdictions=frozenset())),
        ):
            if values:
                free = (*data[:index], replace(one, residency=left), *data[index + 1 :])
                yield Limit(f"residency of {one.name}: {field}", ", ".join(sorted(values)), _with(ask, data=free))


def _time_and_money(ask: Ask) -> Iterator[Limit]:
    deadline, policy = ask.workload.deadline, ask.policy
    if deadline is not None and deadline.mode is DeadlineMode.REQUIRE:
        yield Limit("deadline", "Require", _with(ask, deadline=None))
    if policy.max_usd_per_hour is not None:
        value, free = f"{format_usd(policy.max_usd_per_hour)} an hour", replace(policy, max_usd_per_hour=None)
        yield Limit("budget.maxUSDPerHour", value, replace(ask, policy=free))
    if policy.max_total_usd is not None:
        value, free = f"{format_usd(policy.max_total_usd)} in total", replace(policy, max_total_usd=None)
        yield Limit("budget.maxTotalUSD", value, replace(ask, policy=free))


def _with(ask: Ask, **changed: Any) -> Ask:
    work: Workload = replace(ask.workload, **changed)
    return replace(ask, workload=work)
