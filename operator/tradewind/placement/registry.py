"""All filters and cost terms, in the order in which people read their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.placement.costs.carbon import Carbon
from tradewind.placement.costs.compute import Compute
from tradewind.placement.costs.delay import Delay
from tradewind.placement.costs.egress import Egress
from tradewind.placement.costs.latency import Latency
from tradewind.placement.costs.loss import Loss
from tradewind.placement.filters.accelerator import Accelerator
from tradewind.placement.filters.bandwidth import FastEnough
from tradewind.placement.filters.budget import Budget
from tradewind.placement.filters.capacity import EnoughCapacity
from tradewind.placement.filters.certification import Certified
from tradewind.placement.filters.deadline import InTime
from tradewind.placement.filters.draining import NotDraining
from tradewind.placement.filters.encryption import Encrypts
from tradewind.placement.filters.excluded import NotExcluded
from tradewind.placement.filters.health import Health
from tradewind.placement.filters.interconnect import Connected
from tradewind.placement.filters.jurisdiction import Jurisdiction
from tradewind.placement.filters.kinds import KnowsKinds
from tradewind.placement.filters.lawful_path import LawfulPath
from tradewind.placement.filters.market import InMarket
from tradewind.placement.filters.operator_jurisdiction import OperatorJurisdiction
from tradewind.placement.filters.provider import Provider
from tradewind.placement.filters.quota import WithinQuota
from tradewind.placement.filters.readable import Readable
from tradewind.placement.filters.residency import DataAtHome
from tradewind.placement.filters.round_trip import NearClients
from tradewind.placement.filters.scheduling import NotCordoned
from tradewind.placement.filters.selector import Selector
from tradewind.placement.filters.tier import InTier
from tradewind.placement.filters.veto import NotVetoed

if TYPE_CHECKING:
    from tradewind.placement.framework import Filter, Wish
    from tradewind.placement.terms import Cost, PricedFilter

HEALTH: Filter = Health()
ACCELERATOR: Wish = Accelerator()

WISHES: tuple[Wish, ...] = (
    Provider(),  # the work trusts the provider
    Jurisdiction(),  # the law of the place suits the work
    OperatorJurisdiction(),  # so does the law of those who operate it
    DataAtHome(),  # both suit its data
    LawfulPath(),  # its checkpoints and outputs are where that law lets them be
    Certified(),  # auditors have confirmed what it asks for
    Encrypts(),  # and the cluster encrypts it
    InTier(),  # cloud, data centre or edge, as the work asks
    Selector(),  # its labels match the work's selector
    InMarket(),  # the work accepts the market
    ACCELERATOR,  # the offer has an accelerator that the work can use
    Connected(),  # on nodes with the fabric that it needs
    FastEnough(),  # and its bandwidth
    NearClients(),  # its clients are near enough
    KnowsKinds(),  # the member knows what would be delivered
)
FILTERS: tuple[Filter, ...] = (
    HEALTH,  # the cluster's verdict is Healthy
    NotCordoned(),  # its owner lets new work in
    NotDraining(),  # its owner does not want it empty
    NotExcluded(),  # the work does not flee it
    *WISHES,
    Readable(),  # its data can be read somewhere
    WithinQuota(),  # its namespace may have the pods there
    NotVetoed(),  # no delivery of this work was refused there
)
CAPACITY: Filter = EnoughCapacity()  # the pods fit; apart, since the answer changes with every reservation

STANDING: tuple[Filter, ...] = tuple(one for one in FILTERS if one.HOLDS_WHILE_RUNNING)

COSTS: tuple[Cost, ...] = (
    Compute(),  # accelerators or cores, also while they wait for data
    Egress(),  # what providers charge for data that leaves
    Loss(),  # what interruptions are expected to waste
    Carbon(),  # what the emissions cost
    Delay(),  # what the user's waiting is worth, and being late
    Latency(),  # what the distance to those who are served is worth
)
PRICED: tuple[PricedFilter, ...] = (
    Budget(),  # machines and egress stay within what the work may cost
    InTime(),  # it is done before the deadline that it requires
)
