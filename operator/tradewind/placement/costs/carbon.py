"""What the emissions cost.

carbon = grams x usdPerTonneCO2 / 10^6
grams  = accelerators x kW x (T_run + E_loss) x PUE x g/kWh        or cores x kW, without accelerators
       + sum of GB x kWh/GB x g/kWh                                  of all that is moved

Watts are those of the accelerator under load with its share of the machine; grams are counted at any price, 0 too.
Accelerators that wait for data draw a fraction of that, which is left out. A transfer counts with the grid of the
dirtier of its two ends, since the way between them is not known, and with the assumption where no cluster of the fleet
says what the grid at the other end is. PUE: the energy of the site over that of its machines (ISO/IEC 30134-2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tradewind.placement.columns import AskColumns
    from tradewind.placement.figures import Figures
    from tradewind.placement.table import Floats
    from tradewind.placement.terms import CostContext


class Carbon:
    """USD for CO2."""

    NAME: ClassVar[str] = "carbon"

    def usd(self, context: CostContext, /) -> Floats:
        """Price the grams."""
        return context.grams_co2 * context.asks.usd_per_gram


def running_grams(asks: AskColumns, *, figures: Figures, busy_h: Floats) -> Floats:
    """Return the grams of CO2 of the machines, per ask and offer; `busy_h` is T_run + E_loss."""
    grams = figures.grams_per_unit_hour[asks.kind]
    grams *= asks.units
    grams *= busy_h
    return grams
