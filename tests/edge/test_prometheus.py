"""One query to a Prometheus server: every kind of answer that is no sample has its reason."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from tests.edge.fakeprometheus import FakePrometheus, vector

from tradewind.observe.prometheus import MAX_ANSWER_BYTES, Prometheus, Reading, reading_from
from tradewind.state.figures import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_S = 1_800_000_000.0


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as made:
        made.at_s = AT_S
        yield made


async def ask(url: str, query: str = "price", *, timeout_s: float = 5.0) -> Reading | Problem:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        return await Prometheus(session, url, timeout_s=timeout_s).ask(query)


def reason(answer: Reading | Problem) -> str:
    return f"{answer.state} {answer.reason}" if isinstance(answer, Problem) else "read"


async def test_a_sample_is_read_with_the_time_of_its_scrape(server: FakePrometheus) -> None:
    server.values["price"] = 3.5
    assert await ask(server.url) == Reading(3.5, AT_S, named=True), "and not the time of the question, a second later"
    value, time = server.forms
    assert value == {"query": "price", "timeout": "5.000", "limit": "5"}
    assert time == {"query": "timestamp((\nprice\n))", "timeout": "5.000", "limit": "5", "time": f"{AT_S + 1:.3f}"}


async def test_a_query_that_ends_with_a_comment_is_asked_for_its_time_too(server: FakePrometheus) -> None:
    server.values["price # of a machine"] = 3.5
    assert await ask(server.url, "price # of a machine") == Reading(3.5, AT_S, named=True)


async def test_the_age_of_an_expression_is_not_asked_for(server: FakePrometheus) -> None:
    server.says(vector(3.5, at_s=AT_S))
    assert await ask(server.url, "max(price)") == Reading(3.5, AT_S)
    assert len(server.forms) == 1


async def test_an_address_below_a_path_is_used_as_it_is(server: FakePrometheus) -> None:
    server.values["price"] = 3.5
    assert await ask(server.url + "/prometheus/") == Reading(3.5, AT_S, named=True)


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf", "-1", "0"])
async def test_what_a_number_is_worth_is_not_decided_here(server: FakePrometheus, text: str) -> None:
    server.says(vector(text, at_s=AT_S))
    answer = await ask(server.url)
    assert isinstance(answer, Reading)
    assert str(answer.value) == str(float(text))


ERROR = {"status": "error", "errorType": "bad_data", "error": "1:7: parse error: unexpected end of input"}
HISTOGRAM = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}}


def result(kind: str, of: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": of}}


@pytest.mark.parametrize(
    ("body", "status", "expected", "words"),
    [
        pytest.param(vector(), 200, "Invalid NoSeries", "misspelt", id="no series"),
        pytest.param(vector(1, 2), 200, "Invalid SeveralSeries", "2 series, which differ by gpu", id="two series"),
        pytest.param(vector(1, 2, 3, 4, 5), 200, "Invalid SeveralSeries", "5 or more series", id="many series"),
        pytest.param(result("scalar", [1, "2"]), 200, "Invalid NotAVector", "vector()", id="a scalar"),
        pytest.param(result("string", [1, "x"]), 200, "Invalid NotAVector", "a string", id="a string"),
        pytest.param(result("matrix", []), 200, "Invalid NotAVector", "leave out the range", id="a range"),
        pytest.param(HISTOGRAM, 200, "Invalid Histogram", "histogram_quantile", id="a histogram"),
        pytest.param(ERROR, 400, "Invalid BadQuery", "1:7: parse error", id="a query that can't be parsed"),
        pytest.param({**ERROR, "errorType": "execution"}, 422, "Invalid BadQuery", "parse error", id="422"),
        pytest.param("<h1>no</h1>", 400, "Unavailable NotPrometheus", "HTTP 400", id="400 of something else"),
        pytest.param(
            {"status": "error", "error": "query timed out"}, 503, "Unavailable ServerError", "timed", id="503"
        ),
        pytest.param("", 500, "Unavailable ServerError", "HTTP 500.", id="500 without a word"),
        pytest.param("slow down", 429, "Unavailable ServerError", "HTTP 429", id="too many requests"),
        pytest.param("", 401, "Unavailable Unauthorized", "credentials", id="401"),
        pytest.param("", 403, "Unavailable Unauthorized", "credentials", id="403"),
        pytest.param("", 404, "Unavailable NotPrometheus", "does not lead", id="404"),
        pytest.param("<html>hello</html>", 200, "Unavailable BadAnswer", "address", id="a web page"),
        pytest.param("", 200, "Unavailable BadAnswer", "address", id="nothing"),
        pytest.param("[]", 200, "Unavailable BadAnswer", "address", id="another document"),
        pytest.param('{"status":"success"}', 200, "Unavailable BadAnswer", "address", id="no data"),
        pytest.param(
            '{"status":"success","data":{"resu', 200, "Unavailable BadAnswer", "address", id="half a document"
        ),
        pytest.param(result("vector", 7), 200, "Unavailable BadAnswer", "address", id="a result that is none"),
        pytest.param(result("vector", [{"value": [1]}]), 200, "Unavailable BadAnswer", "address", id="half a sample"),
        pytest.param(result("vector", [{"value": [1, "x"]}]), 200, "Unavailable BadAnswer", "address", id="no number"),
        pytest.param(result("vector", [{"value": [1, None]}]), 200, "Unavailable BadAnswer", "address", id="null"),
        pytest.param(result("vector", [{"value": [1, True]}]), 200, "Unavailable BadAnswer", "address", id="a truth"),
        pytest.param("[" * 100_000, 200, "Unavailable BadAnswer", "address", id="brackets without end"),
    ],
)
async def test_an_answer_that_is_no_sample_has_its_reason(
    server: FakePrometheus, body: Any, status: int, expected: str, words: str
) -> None:
    server.says(body, status=status)
    answer = await ask(server.url)
    assert reason(answer) == expected
    assert isinstance(answer, Problem)
    assert words in answer.message


async def test_a_redirect_is_not_followed(server: FakePrometheus) -> None:
    async with FakePrometheus() as elsewhere:
        server.says("", status=307, headers={"Location": f"{elsewhere.url}/api/v1/query"})
        answer = await ask(server.url)
        assert (reason(answer), elsewhere.asked) == ("Unavailable Redirected", [])


async def test_half_an_answer_is_none(server: FakePrometheus) -> None:
    server.halves()
    assert reason(await ask(server.url)) == "Unavailable BadAnswer"


async def test_an_answer_that_does_not_end_is_not_awaited(server: FakePrometheus) -> None:
    server.trickles()
    assert reason(await ask(server.url, timeout_s=0.2)) == "Unavailable TimedOut"


async def test_a_slow_server_is_not_awaited(server: FakePrometheus) -> None:
    server.pause_s = 30.0
    answer = await ask(server.url, timeout_s=0.1)
    assert reason(answer) == "Unavailable TimedOut"
    assert isinstance(answer, Problem)
    assert answer.message == "No answer within 0.1 s."


async def test_an_answer_that_is_too_long_is_not_read(server: FakePrometheus) -> None:
    server.floods(MAX_ANSWER_BYTES + 1)
    assert reason(await ask(server.url)) == "Unavailable TooLarge"


async def test_a_compressed_answer_is_not_unpacked(server: FakePrometheus) -> None:
    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(b" " * 50_000_000), headers={"Content-Encoding": "gzip"})

    server.respond = respond
    assert reason(await ask(server.url)) == "Unavailable BadAnswer"


async def test_a_server_that_is_not_there_is_unreachable(server: FakePrometheus) -> None:
    await server.stop()
    assert reason(await ask(server.url)) == "Unavailable Unreachable"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://prometheus.invalid:9090", id="no such host"),
        pytest.param("http://127.0.0.1:99999", id="no such port"),
        pytest.param("http://[::", id="no address"),
    ],
)
async def test_an_address_that_leads_nowhere_is_a_problem_and_no_error(url: str) -> None:
    assert reason(await ask(url)) == "Unavailable Unreachable"


def test_a_number_of_any_size_is_read_without_an_error() -> None:
    huge = (
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,' + b"9" * 400 + b"]}]}}"
    )
    assert isinstance(reading_from(huge), Reading)
