"""From a dict to a model: every complaint has the path of its field, and a typing error its "did you mean"."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import ValidationError

from tradewind.api.base import Model
from tradewind.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

ModelT = TypeVar("ModelT", bound=Model)

_SHOWN = 5
_HINTS = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
}


def source_of(obj: Mapping[str, Any]) -> str:
    """Name an object for a person: `AIWorkload/research/scan-pretrain`."""
    metadata = obj.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    parts = (obj.get("kind"), metadata.get("namespace"), metadata.get("name"))
    return "/".join(str(part) for part in parts if part) or "object"


def read(model: type[ModelT], obj: Mapping[str, Any], *, source: str = "", strict: bool = False) -> ModelT:
    """Read an object.

    Args:
        model: what to read it as.
        obj: the object as JSON or YAML gave it.
        source: named in errors; the object's own name where empty.
        strict: whether an unknown field is an error (manifests in files) or ignored (objects from an API server, which
            has pruned what it does not know and may know more than this code).

    Raises:
        InputError: with the path of the field; the message tells of further ones.
    """
    try:
        return model.model_validate(obj, extra="forbid" if strict else "ignore")
    except ValidationError as error:
        raise _input_error(model, error, source or source_of(obj)) from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest what a mistyped word may have been, as a clause to append, or ""."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f'; did you mean "{by_lower[close[0]]}"?' if close else ""


def _input_error(model: type[Model], error: ValidationError, source: str) -> InputError:
    details = error.errors(include_url=False)
    # An unknown field first: it often is the reason why another one is missing.
    details.sort(key=lambda detail: detail["type"] != "extra_forbidden")
    complaints = [(_path(detail["loc"]), _message(model, detail)) for detail in details]
    field, message = complaints[0]
    more = "".join(f"; {path}: {text}" for path, text in complaints[1:_SHOWN])
    left = len(complaints) - _SHOWN
    return InputError(source, field, message + more + (f"; and {left} more" if left > 0 else ""))


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _message(model: type[Model], detail: ErrorDetails) -> str:
    given = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            *parents, name = detail["loc"]
            known = _fields_at(model, parents)
            return "unknown field" + (did_you_mean(str(name), known) or f" (known here: {', '.join(sorted(known))})")
        case "enum":
            values = _enum_values(detail)
            return f'"{given}" is none of {", ".join(values)}{did_you_mean(str(given), values)}'
        case "string_type" if isinstance(given, bool):
            return (
                f'must be a string; YAML reads the bare word as {str(given).lower()}, so write it in quotes, as in "no"'
            )
        case "string_type" if isinstance(given, int | float):
            return f'must be a string; write it in quotes: "{given}"'
        case "too_short":
            return f"needs at least {detail['ctx']['min_length']}"
        case "too_long":
            return f"has {detail['ctx']['actual_length']}, and {detail['ctx']['max_length']} is the most"
        case "value_error":
            return str(detail["ctx"]["error"])
        case kind:
            return _HINTS.get(kind) or detail["msg"].replace("Input should", "must").replace("String should", "must")


def _enum_values(detail: ErrorDetails) -> list[str]:
    expected: str = detail["ctx"]["expected"]
    return [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]


def _fields_at(model: type[Model], location: list[int | str]) -> set[str]:
    """Find the API's names of the fields at a place, to compare a mistyped one with."""
    here: Any = model
    for part in location:
        if isinstance(part, str):
            here = next(
                (field.annotation for field in here.model_fields.values() if field.alias == part),
                None,
            )
        here = model_in(here)
        if here is None:
            return set()
    return {field.alias or name for name, field in here.model_fields.items()}


def model_in(annotation: Any) -> Any:
    """Find the model inside `Model | None`, `tuple[Model, ...]` or `Annotated[...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part)) is not None), None)
