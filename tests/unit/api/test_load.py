"""Manifests from files: what kubectl would read, and a clean error for everything else."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tradewind.api.load import load
from tradewind.api.yamltext import parse_json, parse_yaml
from tradewind.errors import InputError

OBJECTS = list(yaml.safe_load_all(Path(__file__).with_name("complete.yaml").read_text(encoding="utf-8")))
NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n"
POLICY = "apiVersion: tradewind.dev/v1alpha1\nkind: PlacementPolicy\nmetadata: {name: p}\nspec: {}\n"


def test_a_folder_is_read_in_order_and_not_deeper(tmp_path: Path) -> None:
    for name, text in {
        "b.yml": NODE.replace("n}", "b}"),
        "a.yaml": NODE.replace("n}", "a1}") + "---\n---\n" + NODE.replace("n}", "a2}"),
        "c.json": json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "c"}}),
        "notes.txt": "not: a manifest",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "d.yaml").write_text("bad: [", encoding="utf-8")
    assert [node["metadata"]["name"] for node in load([tmp_path]).of("Node")] == ["a1", "a2", "b", "c"]


def test_a_file_is_read_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "fleet.txt").write_text(NODE, encoding="utf-8")
    assert len(load([str(tmp_path / "fleet.txt")]).others) == 1


def test_our_kinds_are_kept_apart_from_others(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(f"{NODE}---\n{POLICY}", encoding="utf-8")
    found = load([tmp_path])
    assert [obj["kind"] for obj in found.ours] == ["PlacementPolicy"]
    assert [obj["kind"] for obj in found.others] == ["Node"]
    assert found.of("AIWorkload") == []


def test_a_list_is_taken_apart(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": OBJECTS}))
    assert [obj["kind"] for obj in load([tmp_path]).ours] == [obj["kind"] for obj in OBJECTS]


def test_the_same_object_twice_is_refused_with_both_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(POLICY.replace("name: p", "name: p, namespace: default"), encoding="utf-8")
    with pytest.raises(InputError, match=r"b\.yaml: PlacementPolicy/default/p: is already in .*a\.yaml"):
        load([tmp_path])


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(8)
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f'{chr(98 + i)}: &{chr(98 + i)} {{"<<": [{", ".join([f"*{chr(97 + i)}"] * 10)}]}}\n' for i in range(8)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [", "line 2: while parsing a flow", id="no YAML"),
        pytest.param("a:\n\tb: 1\n", "line 2: .*cannot start any token", id="a tab"),
        pytest.param("- a\n", "holds a list where an object", id="a list"),
        pytest.param("hello\n", "holds a single value where an object", id="a single value"),
        pytest.param("kind: X\n", "apiVersion: is required", id="no apiVersion"),
        pytest.param("apiVersion: v1\nkind: 5\n", "kind: is required", id="a kind that is no word"),
        pytest.param("apiVersion: v1\nkind: A\nkind: B\n", 'line 3: the key "kind" is there twice', id="a key twice"),
        pytest.param("? [a]\n: b\n", "line 1: a key must be a plain word", id="a key that is a list"),
        pytest.param(LAUGHS, "aliases blow it up from 20 to 1234567900 values", id="a bomb of aliases"),
        pytest.param(MERGES, "aliases blow it up", id="a bomb of merges"),
        pytest.param("a: &a [*a]\n", "line 1: an alias contains itself", id="an endless alias"),
        pytest.param("[" * 200_000, "line 1: is nested deeper than 100 levels", id="deep nesting"),
        pytest.param("\n".join(" " * i + "a:" for i in range(500)), "line 101: is nested", id="deep indentation"),
        pytest.param('!!python/object/apply:os.system ["id"]\n', "line 1: could not determine", id="a tag of Python's"),
        pytest.param("a: b\x00", "is no YAML: unacceptable character", id="a zero byte"),
    ],
)
def test_bad_text_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"bad\.yaml: .*{message}"):
        load([file])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "line 1: is no JSON: Expecting property name", id="no JSON"),
        pytest.param('{"kind": "A", "kind": "B"}', 'the key "kind" is there twice', id="a key twice"),
        pytest.param("[" * 200_000, "is nested deeper than 100 levels", id="deep nesting"),
    ],
)
def test_bad_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"bad\.json: .*{message}"):
        load([file])


def test_five_megabytes_in_one_object_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "big.yaml"
    lines = "".join(f'  k{i}: "{"x" * 50}"\n' for i in range(85_000))
    file.write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n{lines}", encoding="utf-8")
    with pytest.raises(InputError, match=r"ConfigMap/x: is 5\.4 MB, and an API server takes at most 1\.6 MB"):
        load([file])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfea")
    with pytest.raises(InputError, match="is no UTF-8 text"):
        load([tmp_path])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.yaml: can't be read: No such file"):
        load([tmp_path / "gone.yaml"])


def test_a_folder_without_manifests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no file that ends in \.yaml, \.yml, \.json"):
        load([tmp_path])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("t: 2026-01-01T00:00:00Z", {"t": "2026-01-01T00:00:00Z"}, id="a time stays text"),
        pytest.param("8080: x", {"8080": "x"}, id="a number as a key becomes text"),
        pytest.param("true: x", {"true": "x"}, id="and so does a truth"),
        pytest.param("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}, id="merges work"),
        pytest.param("a: &x [1]\nb: *x", {"a": [1], "b": [1]}, id="aliases work"),
    ],
)
def test_yaml_is_read_as_json_values(text: str, value: Any) -> None:
    assert list(parse_yaml(text, "f")) == [value]


@given(st.text(alphabet=st.sampled_from(list("abc:-[]{}&*!|>'\"#?,\n \t%@`0<")), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InputError):
        list(parse_yaml(text, "f"))
    with suppress(InputError):
        parse_json(text, "f")


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")))


@given(st.recursive(st.none() | st.booleans() | st.integers() | WORDS, st.lists, max_leaves=8))
def test_what_json_says_yaml_says_too(value: Any) -> None:
    text = json.dumps([value], ensure_ascii=False)
    assert next(parse_yaml(text, "f")) == parse_json(text, "f")
