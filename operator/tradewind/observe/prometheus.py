"""Asks a Prometheus server for one sample, by its HTTP API; any other answer is a problem with a reason.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import aiohttp

from tradewind.model.fleet import FigureState
from tradewind.observe.answer import MAX_WORDS, NoAnswer, answer_to
from tradewind.state.figures import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ANSWER_BYTES = 256 * 1024
"""One sample takes a few hundred bytes; a server that sends more is no Prometheus, or ignores `limit`."""
MAX_SERIES = 5
"""How many series are asked for: one is wanted, and a few of the others show what is too many."""
OK = 200
UNAUTHORIZED = (401, 403)
BAD_QUERY = (400, 422)
TOO_MANY = 429
REDIRECT = range(300, 400)
SERVER_ERROR = range(500, 600)


@dataclass(frozen=True, slots=True)
class Reading:
    """A sample as it was sent, of which nothing but its form has been checked.

    Attributes:
        named: it still has the name of a series, so it may be a plain scrape, whose time can be asked for.
    """

    value: float
    at_s: float
    named: bool = False


class Prometheus:
    """One server. Its address holds no user and no password, so that it may be shown."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, timeout_s: float) -> None:
        self._session = session
        self._url = f"{url.rstrip('/')}/api/v1/query"
        self._timeout_s = timeout_s

    async def ask(self, query: str) -> Reading | Problem:
        """Ask for the one sample that a query gives, and for its age.

        Prometheus dates each answer with the time of the question. The time of the scrape is told by `timestamp()`,
        for a plain selector; of an expression, which leaves no name, that would be the time of the question again.
        """
        value = await self._one(query)
        if isinstance(value, Problem) or not value.named:
            return value
        # On a line of its own: the query may end with a comment.
        scraped = await self._one(f"timestamp((\n{query}\n))", time=f"{value.at_s:.3f}")
        return scraped if isinstance(scraped, Problem) else replace(value, at_s=scraped.value)

    async def _one(self, query: str, **params: str) -> Reading | Problem:
        form = {"query": query, "timeout": f"{self._timeout_s:.3f}", "limit": str(MAX_SERIES), **params}
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        posted = self._session.post(self._url, data=form, timeout=timeout, allow_redirects=False)
        answer = await answer_to(posted, timeout_s=self._timeout_s, max_bytes=MAX_ANSWER_BYTES)
        if isinstance(answer, NoAnswer):
            return _unavailable(answer.reason, answer.message)
        problem = _refused(answer.status, answer.headers, answer.body)
        return problem if problem is not None else reading_from(answer.body)


def reading_from(raw: bytes) -> Reading | Problem:
    """Read the one sample of an answer."""
    try:
        document = json.loads(raw)
        kind, result = document["data"]["resultType"], document["data"]["result"]
        if kind != "vector":
            return _no_vector(str(kind))
        if len(result) > 1:
            return _several(result)
        if not result:
            return _invalid("NoSeries", "The query finds no series now: nothing is scraped, or a label is misspelt.")
        if "value" not in result[0]:
            return _invalid("Histogram", "The query gives a histogram; use histogram_quantile() or rate().")
        at_s, text = result[0]["value"]
        return Reading(_number(text), _number(at_s), named="__name__" in result[0]["metric"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return _unavailable("BadAnswer", "The answer is not what Prometheus sends. Does the address lead to its API?")


def _number(text: Any) -> float:
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise TypeError
    try:
        return float(text)
    except OverflowError:
        return math.inf


def _no_vector(kind: str) -> Problem:
    instead = {
        "scalar": "wrap it in vector()",
        "matrix": "leave out the range, or use last_over_time()",
    }.get(kind, "it must give a number")
    return _invalid("NotAVector", f"The query gives a {kind[:20]}, not an instant vector; {instead}.")


def _several(result: list[Mapping[str, Any]]) -> Problem:
    labels = [result[0]["metric"], result[1]["metric"]]
    differing = sorted(
        name for name in labels[0].keys() | labels[1].keys() if labels[0].get(name) != labels[1].get(name)
    )
    count = f"{MAX_SERIES} or more" if len(result) >= MAX_SERIES else str(len(result))
    by = f", which differ by {', '.join(differing)[:MAX_WORDS]}" if differing else ""
    return _invalid("SeveralSeries", f"The query finds {count} series{by}; name one, or use max() or avg().")


def _refused(status: int, headers: Mapping[str, str], raw: bytes) -> Problem | None:
    if status == OK:
        return None
    said = _said(raw)
    if status in BAD_QUERY and said:
        return _invalid("BadQuery", f"Prometheus refuses the query: {said}")
    if status in UNAUTHORIZED:
        return _unavailable("Unauthorized", f"HTTP {status}: the server wants credentials, and none can be given.")
    if status in REDIRECT:
        where = headers.get("Location", "")[:MAX_WORDS]
        return _unavailable("Redirected", f"The server names another address, which is not followed: {where}")
    if status in SERVER_ERROR or status == TOO_MANY:
        return _unavailable("ServerError", f"HTTP {status}" + (f": {said}" if said else "."))
    return _unavailable("NotPrometheus", f"HTTP {status}: the address does not lead to the API of a Prometheus.")


def _said(raw: bytes) -> str:
    """Read what Prometheus says of an error; "" where the answer is none of its own."""
    try:
        document = json.loads(raw)
        return str(document["error"])[:MAX_WORDS] if document["status"] == "error" else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _invalid(reason: str, message: str) -> Problem:
    return Problem(FigureState.INVALID, reason, message)


def _unavailable(reason: str, message: str) -> Problem:
    return Problem(FigureState.UNAVAILABLE, reason, message)
