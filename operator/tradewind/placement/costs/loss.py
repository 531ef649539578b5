"""What interruptions are expected to waste.

loss   = USD per hour of the machines x E_loss
E_loss = rate x T_run x (progress + detect + restart + T_move(checkpoint))                       hours

rate      interruptions per hour that stop the work: of all nodes for pods that work together, since the loss of one
          stops all; of one node for servers (Inference): of n nodes, one in n of the service is lost n times as often
progress  half of the time between checkpoints, and half of T_run where there are none: on average an interruption
          falls into the middle. Never more than half of T_run. Servers have no progress to lose.
detect    until the interruption is known: `Conditions.detect_s`
restart   decision, delivery and start (`Assumptions.restart_s`), and the offer's provisioning, where it is a pool
T_move    reading the checkpoint from its fastest readable location

Where the work does not say how often it writes checkpoints, Young's interval counts: sqrt(2 x T_save / rate), T_save
being the time that one takes to write (J. W. Young, "A first order approximation to the optimum checkpoint interval",
Communications of the ACM 17(9), 1974). E_loss is of first order too: it leaves out interruptions of what is repeated,
so it is low where it comes near T_run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from tradewind.placement.columns import AskColumns
    from tradewind.placement.figures import Figures
    from tradewind.placement.links import Links
    from tradewind.placement.table import Floats, Ints
    from tradewind.placement.terms import CostContext


class Loss:
    """USD for machines that repeat work, or start again."""

    NAME: ClassVar[str] = "loss"

    def usd(self, context: CostContext, /) -> Floats:
        """Price the hours that are expected to be lost."""
        return context.usd_per_hour * context.loss_h


def lost_hours(
    asks: AskColumns, *, figures: Figures, links: Links, cluster_of: Ints, run_h: Floats, interval_h: Floats
) -> Floats:
    """Return E_loss, per ask and offer; `interval_h` is what `intervals_h` returns."""
    lost = np.minimum(interval_h, run_h)
    lost *= 0.5
    lost += figures.restart_h
    if asks.checkpoint.any():
        read_h = links.checkpoint_read_hours_per_gb[asks.checkpoint] * asks.checkpoint_gb
        lost += read_h.take(cluster_of, axis=1)
    rate = figures.failures_per_hour[asks.failures]
    rate *= run_h
    lost *= rate
    return lost


def intervals_h(asks: AskColumns, *, figures: Figures, links: Links, cluster_of: Ints) -> Floats:
    """Return the hours between checkpoints, (asks, 1) or, where some are Young's, (asks, offers)."""
    unsaid = np.flatnonzero(np.isnan(asks.interval_h[:, 0]))
    if not len(unsaid):
        return asks.interval_h
    save_h = links.checkpoint_save_hours_per_gb[asks.checkpoint[unsaid]] * asks.checkpoint_gb[unsaid]
    rate = figures.failures_per_hour[asks.failures[unsaid]]
    interval_h = np.repeat(asks.interval_h, len(cluster_of), axis=1)
    interval_h[unsaid] = young_h(save_h=save_h.take(cluster_of, axis=1), per_hour=rate)
    return interval_h


def young_h(*, save_h: Floats, per_hour: Floats) -> Floats:
    """Propose the hours between checkpoints; infinite where nothing is ever interrupted."""
    hours: Floats = np.where(per_hour == 0, np.inf, np.sqrt(2.0 * save_h / per_hour))
    return hours
