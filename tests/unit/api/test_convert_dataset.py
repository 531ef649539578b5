"""From Datasets to the core's data, figure by figure."""

from __future__ import annotations

from pathlib import Path

import yaml

from tradewind.api.convert import dataset_from
from tradewind.model.workload import Dataset, Key, Residency

OBJECTS = yaml.safe_load_all(Path(__file__).with_name("complete.yaml").read_text(encoding="utf-8"))
SCANS = next(obj for obj in OBJECTS if obj["kind"] == "Dataset")


def test_a_dataset_has_its_size_its_replicas_its_law_and_its_readers() -> None:
    assert dataset_from(SCANS) == Dataset(
        key=Key("default", "scans"),
        size_bytes=20 * 2.0**40,
        locations=("aws/eu-north-1", "madrid-dc"),
        residency=Residency(frozenset({"EU"}), frozenset({"EU", "US"})),
        shared_with=frozenset({"research"}),
        urls=(("aws/eu-north-1", "s3://scans-eu-north-1"),),
    )


def test_a_dataset_without_law_or_readers_is_bound_to_nothing_and_shared_with_nobody() -> None:
    plain = dataset_from({**SCANS, "spec": {"size": 0, "replicas": [{"location": "aws/a"}]}})
    assert plain == Dataset(Key("default", "scans"), 0.0, ("aws/a",))
