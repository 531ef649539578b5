"""The errors that cross package borders: what may be tried again, what needs a person, what somebody else won."""

from __future__ import annotations


class TradewindError(Exception):
    """Base of all errors raised by Tradewind.

    Attributes:
        reason: a stable CamelCase word, fit for a condition or a metric label.
        message: one sentence for the person who can act, with the next step where there is one.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class RetryableError(TradewindError):
    """May succeed later without anyone doing anything: a time-out, a 429, a 5xx."""


class TerminalError(TradewindError):
    """Will fail again until a person changes something: a refused manifest, a malformed kubeconfig."""


class ConflictError(TradewindError):
    """Somebody else wrote first: read again and decide again."""


class InputError(TerminalError):
    """A file or an object that a user wrote can't be read.

    Attributes:
        source: the file, or `kind/namespace/name`.
        field: the path of the field inside it, or "" where the whole is meant.
    """

    def __init__(self, source: str, field: str, message: str) -> None:
        where = f"{source}: {field}" if field else source
        super().__init__("InvalidSpec", f"{where}: {message}")
        self.source = source
        self.field = field
        self.detail = message
