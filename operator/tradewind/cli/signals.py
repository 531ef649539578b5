"""Signals that ask a command to end: what it started must end with it."""

from __future__ import annotations

import signal
import sys


def end_in_order() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does: by an exception, so that everything is cleaned up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
