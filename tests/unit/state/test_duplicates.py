"""One cluster that is declared under two names: the older declaration counts, and work on it stays."""

from __future__ import annotations

import pytest
from tests.unit.state.manifests import a_store, picture


def test_a_duplicate_shows_no_copies_and_takes_no_work() -> None:
    store = a_store("aws", "twin")
    store.clusters["twin"].duplicate_of = "aws"
    shown = picture(store)
    assert set(shown.inventories) == {"aws"}
    assert [cluster.health.takes_work for cluster in shown.fleet] == [True, False]


@pytest.mark.parametrize("older_uid", ["", "one"])
def test_a_duplicate_is_known_before_its_copies_are(older_uid: str) -> None:
    store = a_store("aws", "twin")
    older, twin = store.clusters["aws"], store.clusters["twin"]
    older.uid, older.meant_uid, twin.uid = older_uid, "one", ""
    store.identify(twin, "one")
    assert "twin" not in picture(store).inventories


def test_a_duplicate_counts_as_soon_as_the_other_is_declared_no_more() -> None:
    store = a_store("aws", "third", "twin")
    for name in ("third", "twin"):
        store.clusters[name].uid = store.clusters["aws"].uid
    store.find_duplicates()
    assert set(picture(store).inventories) == {"aws"}
    store.see_cluster(store.clusters["aws"].raw, deleted=True)
    assert set(picture(store).inventories) == {"third"}
