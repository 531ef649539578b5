"""The scalars of the API: patterns for the schema, plain numbers with known units for the code.

No floats in a spec: prices and ratios are decimal strings, sizes and rates quantities, times durations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Le, MaxLen
from pydantic import Field, Strict
from pydantic_core import core_schema

from tradewind.model.units import parse_duration, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


@dataclass(frozen=True, slots=True)
class Text:
    """A string of a given form.

    Attributes:
        what: completes "is no ...", with an example.
        parse: turns the text into what the attribute holds; None keeps the text.
    """

    pattern: str
    max_length: int
    what: str
    parse: Callable[[str], float] | None = None

    def _read(self, text: str) -> str | float:
        if len(text) > self.max_length:
            raise ValueError(f"is {len(text)} characters long, and {self.max_length} is the most")
        if not re.search(self.pattern, text) or text.endswith("\n"):
            raise ValueError(f'"{text}" is no {self.what}')
        try:
            return text if self.parse is None else self.parse(text)
        except ValueError:
            raise ValueError(f'"{text}" is no {self.what}') from None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Read a string, then check its form."""
        return core_schema.no_info_after_validator_function(self._read, core_schema.str_schema())

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Give the form as the API server checks it."""
        return handler(schema) | {"pattern": self.pattern, "maxLength": self.max_length}


QUANTITY_PATTERN = r"^[0-9]{1,18}(\.[0-9]{1,9})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
QUANTITY_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
    "pattern": QUANTITY_PATTERN,
    "maxLength": 32,
    "minimum": 0,
}


def _quantity_text(value: Any) -> str:
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        hint = f'; write it in quotes: "{text}"' if isinstance(value, float) else ", such as 500m, 8 or 20Ti"
        raise ValueError(f"{text} is no quantity{hint}")  # noqa: TRY004 - pydantic collects ValueError only
    if not re.fullmatch(QUANTITY_PATTERN, text):
        raise ValueError(f'"{text}" is no quantity that is zero or more, such as 500m, 8 or 20Ti')
    return text


@dataclass(frozen=True, slots=True)
class QuantityForm:
    """A Kubernetes quantity that is not negative, given as a string or a whole number.

    Attributes:
        parse: None keeps the value as it was written.
    """

    parse: Callable[[str], float] | None

    def _read(self, value: Any) -> Any:
        text = _quantity_text(value)
        return value if self.parse is None else self.parse(text)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Read a string or a whole number."""
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Give the int-or-string schema that Kubernetes uses for quantities."""
        return dict(QUANTITY_SCHEMA)


_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"

DNSLabel = Annotated[str, Text(f"^{_LABEL}$", 63, "DNS label (lower case, digits, dashes), such as eu-north-1")]
ObjectName = Annotated[str, Text(f"^{_SUBDOMAIN}$", 253, "name of an object (lower case, digits, dashes, dots)")]
Location = Annotated[
    str,
    Text(f"^{_SUBDOMAIN}(/{_LABEL})?$", 127, "location: provider/region, such as aws/eu-north-1, or a cluster's name"),
]
ConfigKey = Annotated[str, Text(r"^[-._a-zA-Z0-9]+$", 253, "key of a ConfigMap or Secret")]
AcceleratorName = Annotated[
    str, Text(r"^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$", 63, "accelerator type, such as H100-80GB")
]
# The forms leave out UK on purpose: `deny: [UK]` would deny nothing, since ISO's code is GB.
Country = Annotated[
    str, Text(r"^([A-DF-TV-Z][A-Z]|E[A-TV-Z]|U[A-JL-Z])$", 2, "country by ISO 3166-1, such as SE (GB, not UK; not EU)")
]
Jurisdiction = Annotated[
    str,
    Text(
        r"^([A-TV-Z][A-Z]|U[A-JL-Z]|EEA|EFTA|GCC|FVEY)$",
        4,
        "country by ISO 3166-1, such as SE (GB, not UK), and none of the groups EU, EEA, EFTA, GCC, FVEY",
    ),
]
LabelKey = Annotated[
    str, Text(r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", 317, "label key, such as example.com/team")
]
LabelValue = Annotated[str, Text(r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", 63, "label value")]
Labels = Annotated[dict[str, LabelValue], MaxLen(32)]
Annotations = Annotated[dict[str, Annotated[str, MaxLen(4096)]], MaxLen(32)]

URL = Annotated[
    str,
    Text(
        r"^https?://[A-Za-z0-9.\-_:\[\]]+(/[-._~A-Za-z0-9/%]*)?$",
        1024,
        "address such as http://prometheus.monitoring:9090 (no user, no password, no query)",
    ),
]
BucketURL = Annotated[
    str, Text(r"^[a-z][a-z0-9+.-]*://[^@ ]+$", 1024, "address such as s3://scans-eu-north-1 (no user, no password)")
]
CertificationName = Annotated[
    str, Text(r"^[A-Za-z0-9]([-A-Za-z0-9._/ ]*[A-Za-z0-9])?$", 63, "certification, such as ISO27001 or SOC2")
]

_DECIMAL = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"
DecimalUSD = Annotated[float, Text(_DECIMAL, 16, 'price: digits, at most six decimals, such as "3.5399"', float)]
"""An amount in USD, as a number."""
Decimal = Annotated[float, Text(_DECIMAL, 16, 'number: digits, at most six decimals, such as "0.5"', float)]
"""A ratio, as a number."""
Duration = Annotated[
    float,
    Text(r"^([0-9]{1,5}(h|m|s|ms)){1,4}$", 32, "duration, such as 80h, 1h30m or 500ms", parse_duration),
]
"""A duration, in seconds."""


def _end_of(day: str) -> float:
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)).timestamp()


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


LastDay = Annotated[
    float,
    Text(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", 10, "day, such as 2027-06-30", _end_of),
    Field(json_schema_extra={"format": "date"}),
]
"""A day of which all is included: the second after its end in UTC, since the Unix epoch."""
Moment = Annotated[
    float,
    Text(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$",
        40,
        "time by RFC 3339 with its zone, such as 2027-01-15T18:00:00Z",
        _moment,
    ),
    Field(json_schema_extra={"format": "date-time"}),
]
"""A time, in seconds since the Unix epoch."""
Quantity = Annotated[float, QuantityForm(parse_quantity)]
"""A quantity in its base unit: bytes, bits per second, cores."""
RawQuantity = Annotated[str | int, QuantityForm(None)]
"""A quantity as it was written, to be passed on."""

Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict(), Ge(0)]
Positive = Annotated[int, Strict(), Ge(1)]
Port = Annotated[int, Strict(), Ge(1), Le(65535)]
Short = Annotated[str, MaxLen(253)]
Line = Annotated[str, MaxLen(1024)]
"""One sentence for a person."""
Amount = Annotated[str, MaxLen(32)]
"""A decimal string that the operator wrote."""
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time by RFC 3339."""
