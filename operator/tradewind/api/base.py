"""What every resource's model stands on: strict or lenient reading, rules that the API server checks too, list types.

One declaration serves three readers: pydantic (files and API objects), the CRD's OpenAPI schema, and its CEL rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

GROUP = "tradewind.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

_ACRONYMS = {"usd": "USD", "cpu": "CPU", "gb": "GB", "uid": "UID", "co2": "CO2", "kwh": "KWh"}


def field_name(attribute: str) -> str:
    """Write an attribute's name as the API does: `usd_per_cpu_hour` is `usdPerCPUHour`."""
    first, *rest = attribute.rstrip("_").split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in rest)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule across fields: as CEL for the API server, as Python for manifests in files.

    Attributes:
        message: what is wrong and what would be right; the same in both places.
        cel: None where the schema says it at another place.
        holds: the same rule in Python; None where it speaks of `oldSelf`, which a file doesn't have.
    """

    message: str
    cel: str | None
    holds: Callable[[Any], bool] | None = None


class Model(BaseModel):
    """Base of all resources and their parts.

    Unknown fields are refused; `model_validate(..., extra="ignore")` reads objects that come from an API server, which
    may be newer than this code. A field's docstring becomes its description in the CRD.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=field_name,
        use_attribute_docstrings=True,
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        for rule in self.RULES:
            if rule.holds is not None and not rule.holds(self):
                raise ValueError(rule.message)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """Add the rules to the schema."""
        produced = handler(schema)
        if cls.RULES:
            handler.resolve_ref_schema(produced)["x-kubernetes-validations"] = [
                {"rule": rule.cel, "message": rule.message} for rule in cls.RULES if rule.cel
            ]
        return produced


@dataclass(frozen=True, slots=True)
class Items:
    """Says how a list merges, which of its entries must differ, and how long it may be.

    Attributes:
        keys: the API's names of the fields that tell the entries of a map apart.
        beyond: where to put what does not fit, as a clause.
    """

    kind: Literal["map", "set", "atomic"]
    at_most: int
    at_least: int = 0
    keys: tuple[str, ...] = ()
    beyond: str = ""

    def _check(self, entries: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(entries) < self.at_least:
            raise ValueError(f"needs at least {self.at_least}")
        if len(entries) > self.at_most:
            raise ValueError(f"has {len(entries)}, and {self.at_most} is the most{self.beyond}")
        if self.kind == "set" and len(set(entries)) < len(entries):
            twice = next(entry for entry in entries if entries.count(entry) > 1)
            raise ValueError(f'has "{twice}" twice')
        if self.kind == "map" and len(entries) > 1:
            self._check_keys(entries)
        return entries

    def _check_keys(self, entries: tuple[Any, ...]) -> None:
        fields = type(entries[0]).model_fields
        attributes = [name for name, field in fields.items() if field.alias in self.keys]
        seen = set()
        for entry in entries:
            identity = tuple(str(getattr(entry, attribute)) for attribute in attributes)
            if identity in seen:
                raise ValueError(f"has two entries with the same {' and '.join(self.keys)}: {', '.join(identity)}")
            seen.add(identity)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check lengths and keys after the entries themselves."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say it as Kubernetes does."""
        produced = handler(schema)
        produced["maxItems"] = self.at_most
        if self.at_least:
            produced["minItems"] = self.at_least
        produced["x-kubernetes-list-type"] = self.kind
        if self.keys:
            produced["x-kubernetes-list-map-keys"] = list(self.keys)
        return produced


def list_map(*keys: str, at_most: int, at_least: int = 0, beyond: str = "") -> Items:
    """Declare a list whose entries are told apart by `keys`."""
    return Items("map", at_most, at_least, keys, beyond)


def list_set(*, at_most: int, at_least: int = 0) -> Items:
    """Declare a list of different scalars."""
    return Items("set", at_most, at_least)


def list_atomic(*, at_most: int, at_least: int = 0) -> Items:
    """Declare a list that is replaced as a whole."""
    return Items("atomic", at_most, at_least)
