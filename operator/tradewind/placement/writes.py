"""What writing checkpoints costs over a run: each goes to every one of its locations that can be reached.

writes = floor(T_run / interval)             the work's interval, or Young's where it says none
egress = writes x GB x sum over locations of USD per GB [cluster -> location]
grams  = writes x GB x sum over locations of kWh per GB x g/kWh

Young's interval weighs the time that a write takes against what an interruption wastes, not its price: how often to
write is the work's to say. Writing overlaps with the run, so it takes no time of its own. Servers write none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tradewind.placement.columns import AskColumns
    from tradewind.placement.links import Links
    from tradewind.placement.table import Floats, Ints

_WHOLE = 1.0 + 1e-9
"""Ten hours hold thirty times twenty minutes, also where a third has no exact binary fraction."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the asks of a batch that write checkpoints spend on them.

    Attributes:
        asks: their indexes.
        count: of checkpoints; usd, grams: of all of them; (those asks, offers).
    """

    asks: Ints
    count: Floats
    usd: Floats
    grams: Floats


def written(asks: AskColumns, *, links: Links, cluster_of: Ints, run_h: Floats, interval_h: Floats) -> Written | None:
    """Price the checkpoints that a T_run leaves room for; None where no ask of the batch writes any."""
    some = np.flatnonzero((asks.checkpoint > 0) & (asks.endless[:, 0] == 0) & (asks.checkpoint_gb[:, 0] != 0))
    if not len(some):
        return None
    count = run_h[some] / interval_h[some]
    count *= _WHOLE
    np.floor(count, out=count)
    kind, gb = asks.checkpoint[some], count * asks.checkpoint_gb[some]
    usd = links.checkpoint_write_usd_per_gb[kind].take(cluster_of, axis=1)
    grams = links.checkpoint_write_grams_per_gb[kind].take(cluster_of, axis=1)
    usd *= gb
    grams *= gb
    return Written(some, count, usd, grams)
