"""Prices of single offers, for tests that work figures by hand; of the fleet all is known unless they say otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from tests.builders import NEVER_INTERRUPTED, a_cluster, a_policy

from tradewind.model.fleet import Carbon
from tradewind.model.plan import Ask, Conditions
from tradewind.model.policy import PolicyLayer
from tradewind.placement.pricing import Pricer
from tradewind.placement.table import tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.model.decision import Usd
    from tradewind.model.fleet import Cluster
    from tradewind.model.network import Network
    from tradewind.model.workload import Workload
    from tradewind.placement.pricing import Prices

SPEEDS = {"H100-80GB": 3.0, "A100-80GB": 1.0, "L4": 0.25}
WATTS = {"H100-80GB": 1000.0, "A100-80GB": 500.0, "L4": 100.0}
HOME = "aws/eu-north-1"
"""Where the builder's cluster is."""


@dataclass(frozen=True)
class Priced:
    """What one offer costs one ask."""

    usd: Usd
    run_h: float
    transfer_h: float
    loss_h: float
    grams_co2: float
    valid: bool
    within: bool
    refusals: tuple[str, ...]
    messages: tuple[str, ...]
    assumed: tuple[str, ...]
    writes: str
    sources: tuple[tuple[str, str], ...]


def conditions(network: Network | None = None, **said: object) -> Conditions:
    """Make conditions without interruptions, in which the tests' accelerators are known."""
    known = Conditions(speeds=SPEEDS, watts=WATTS, interruptions_per_hour=NEVER_INTERRUPTED, detect_s=0.0)
    if network is not None:
        known = replace(known, network=network)
    return replace(known, **said)  # type: ignore[arg-type] # fields by name, as the tests write them


def green(cluster: Cluster | None = None) -> Cluster:
    """Say of a cluster that its grid is clean, so that nothing of it is assumed."""
    return replace(cluster or a_cluster(), carbon=Carbon(grams_co2_per_kwh=100.0, pue=1.2))


def ask_for(work: Workload, **said: object) -> Ask:
    """Make an ask; what is said is of the policy or of the ask, by name."""
    layer = {name: figure for name, figure in said.items() if name in PolicyLayer.__slots__}
    rest = {name: figure for name, figure in said.items() if name not in layer}
    policy = a_policy(work, cluster=PolicyLayer(**layer))  # type: ignore[arg-type] # fields by name
    return Ask(work, policy, **rest)  # type: ignore[arg-type] # fields by name


def price_all(
    asks: Sequence[Ask], fleet: Sequence[Cluster], given: Conditions, *, queue_h: float = 0.0
) -> tuple[Prices, Pricer]:
    """Price asks on all offers of a fleet."""
    table = tabulate(fleet)
    pricer = Pricer(table, given)
    return pricer.price(asks, queue_h=np.full((1, len(table)), queue_h)), pricer


def price(
    ask: Ask, *, cluster: Cluster | None = None, given: Conditions | None = None, row: int = 0, queue_h: float = 0.0
) -> Priced:
    """Price an ask on one offer of a cluster."""
    prices, pricer = price_all([ask], [cluster or green()], given or conditions(), queue_h=queue_h)
    run_h, transfer_h, loss_h, grams = (
        float(column[0, row]) for column in (prices.run_h, prices.transfer_h, prices.loss_h, prices.grams_co2)
    )
    refusals = prices.refusals(0, row)
    return Priced(
        usd=prices.usd(0, row),
        run_h=run_h,
        transfer_h=transfer_h,
        loss_h=loss_h,
        grams_co2=grams,
        valid=bool(prices.valid[0, row]),
        within=bool(prices.within[0, row]),
        refusals=tuple(one.reason for one in refusals),
        messages=tuple(one.message for one in refusals),
        assumed=pricer.assumed(prices, 0).of(row),
        writes=pricer.assumed(prices, 0).writes(row),
        sources=pricer.assumed(prices, 0).sources(row),
    )
