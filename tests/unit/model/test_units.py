"""Quantities, durations and amounts as people and Kubernetes write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.model.units import format_duration, format_usd, parse_duration, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("8", 8.0, id="a plain number"),
        pytest.param(8, 8.0, id="a number that YAML has read"),
        pytest.param("500m", 0.5, id="thousandths"),
        pytest.param("20Ti", 20 * 2.0**40, id="binary"),
        pytest.param("4710M", 4.71e9, id="decimal"),
        pytest.param("1E", 1e18, id="E alone is exa"),
        pytest.param("1e3", 1e3, id="e with digits is an exponent"),
        pytest.param("1.5Gi", 1.5 * 2.0**30, id="a fraction"),
        pytest.param(" 2k ", 2000.0, id="spaces around it"),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: str | int, value: float) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1KB", "0x10", "nan", "inf", "1e", "--1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("80h", 288000.0, id="hours"),
        pytest.param("1h30m", 5400.0, id="two units"),
        pytest.param("500ms", 0.5, id="milliseconds are not minutes"),
        pytest.param("0s", 0.0, id="nothing"),
    ],
)
def test_a_duration_is_read_as_the_gateway_api_writes_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "80", "1d", "-1h", "1.5h", "1h 30m", "123456h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0s", id="nothing"),
        pytest.param(0.44, "0.4s", id="tenths below ten seconds"),
        pytest.param(5.0, "5s", id="no empty tenths"),
        pytest.param(59.6, "1m", id="rounded up into the next unit"),
        pytest.param(5400, "1h30m", id="two units"),
        pytest.param(90061, "1d1h", id="the two largest only"),
    ],
)
def test_a_duration_is_written_with_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(10, 10**7))
def test_a_written_duration_is_never_off_by_more_than_its_smallest_unit(seconds: int) -> None:
    sizes = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    text = format_duration(seconds)
    unit = text[-1]
    number, read = "", 0
    for letter in text:
        if letter.isdigit():
            number += letter
        else:
            read, number = read + int(number) * sizes[letter], ""
    # One unit may be left out in the middle (1d0h5m is 1d5m), so compare with the last one shown.
    assert 0 <= seconds - read < max(sizes[unit], 60)


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        pytest.param(0.0, "$0.00", id="nothing"),
        pytest.param(999.994, "$999.99", id="cents below a thousand"),
        pytest.param(12345.6, "$12,346", id="whole dollars above"),
    ],
)
def test_amounts_are_written_for_people(usd: float, text: str) -> None:
    assert format_usd(usd) == text
