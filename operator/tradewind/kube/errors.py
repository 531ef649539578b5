"""What an API server's refusals mean: try again, decide again, or ask a person."""

from __future__ import annotations

from tradewind.errors import ConflictError, RetryableError, TerminalError

WEBHOOK_WORDS = "failed calling webhook"
"""How every API server begins to say that; the reason is that of any fault of its own."""
MAX_MESSAGE = 500
"""Longer messages of API servers (a whole schema, a policy's text) are cut: they end up in conditions."""


class NotFoundError(TerminalError):
    """404, said by the API server itself: the object is not there, or its namespace."""


class NotServedError(RetryableError):
    """404 of a path: the kind is not known, or not yet while a server starts, or a proxy has lost its server.

    It says nothing about an object: to take it for the end of one would be to delete what runs.
    """


class AlreadyExistsError(ConflictError):
    """409 on create: the name is taken."""


class ExpiredError(RetryableError):
    """410: the resourceVersion is too old; list again."""


class UnauthorizedError(TerminalError):
    """401 or 403: alive, and we are not let in."""


class UnreachableError(RetryableError):
    """No HTTP answer at all."""


class NotLeadingError(RetryableError):
    """Nothing was sent: another operator may be leading."""


class BusyError(RetryableError):
    """429, 5xx, or no answer of an API server but of something before it. `retry_after_s`: its wish, 0 for none."""

    def __init__(self, reason: str, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s


class WebhookError(RetryableError):
    """500, because a webhook of admission that must answer could not be asked: nothing was stored."""


def raise_for(status: int, body: object, *, retry_after: str | None = None) -> None:
    """Raise the error that an HTTP status and its `Status` body stand for; nothing for a success."""
    if status < 300:  # noqa: PLR2004 - the first HTTP status that is no success; API servers do not redirect
        return
    info = body if isinstance(body, dict) else {}
    reason = str(info.get("reason") or f"HTTP{status}")
    message = str(info.get("message") or body or f"HTTP {status}")[:MAX_MESSAGE]
    match status:
        case 401 | 403:
            raise UnauthorizedError(reason, message)
        case 404 if reason == "NotFound":
            raise NotFoundError(reason, message)
        case 404:
            raise NotServedError(reason, message)
        case 409 if reason == "AlreadyExists":
            raise AlreadyExistsError(reason, message)
        case 409:
            raise ConflictError(reason, message)
        case 410:
            raise ExpiredError(reason, message)
        case 500 if WEBHOOK_WORDS in message:
            raise WebhookError("WebhookFailed", message)
        case 429 | 500 | 502 | 503 | 504 | 301 | 302 | 303 | 307 | 308:
            wait = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
            raise BusyError(reason, message, wait)
        case _:
            raise TerminalError(reason, message)
