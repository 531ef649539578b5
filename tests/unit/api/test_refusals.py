"""Every way to write a manifest wrongly, with the field and the message that its author gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.unit.api.refusal_table import TABLE, manifest

from tradewind.api.kinds import KINDS
from tradewind.api.load import load
from tradewind.api.reading import model_in
from tradewind.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("base", TABLE["bases"])
def test_the_objects_that_the_cases_change_are_valid(base: str, tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text(json.dumps(TABLE["bases"][base]), encoding="utf-8")
    assert len(load([tmp_path]).ours) == 1


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in TABLE["cases"]])
def test_is_refused_with_the_field_and_what_would_be_right(case: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump(manifest(case)), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load([file])
    assert caught.value.source.startswith(f"{file}: ")
    assert caught.value.field == case["field"]
    assert case["message"] in caught.value.detail


def test_every_rule_that_a_file_can_break_has_a_case() -> None:
    messages = [case["message"] for case in TABLE["cases"]]
    rules = {rule.message for kind in KINDS for rule in _rules(kind.model) if rule.holds is not None}
    assert [rule for rule in rules if not any(message in rule for message in messages)] == []


def _rules(model: Any) -> list[Any]:
    found = list(model.RULES)
    for field in model.model_fields.values():
        inner = model_in(field.annotation)
        if inner is not None:
            found += _rules(inner)
    return found
