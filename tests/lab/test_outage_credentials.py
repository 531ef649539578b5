"""A member that lives and does not let the hub in: nothing moves, and a death behind it is still found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_manifests import a_job, guarantee, only_on
from tests.lab.operator_tokens import by_token, renew, revoke
from tests.lab.operator_waiting import throughout

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]

LONGER_THAN_A_DEATH_TAKES_S = 8


def test_an_expired_certificate_moves_nothing_and_hides_no_death(fleet: Fleet) -> None:
    fleet.submit(a_job("often", **guarantee("AtLeastOnce")))
    fleet.until_runs("often", "aws")
    [before] = fleet.copies("often")
    fleet.lab.cut("aws", mode="expired")
    fleet.until_verdict("aws", "CredentialsInvalid")
    assert "certificate has expired" in message(fleet)
    fleet.submit(a_job("new"))
    fleet.until_runs("new", "gcp")
    throughout("the work stays", lambda: fleet.copies("often") == [before], for_s=LONGER_THAN_A_DEATH_TAKES_S)
    assert fleet.status("often")["moves"] == []

    fleet.lab.cut("aws")
    fleet.until_verdict("aws", "Down")
    fleet.until_runs("often", "gcp", epoch=2)
    fleet.lab.heal("aws")
    fleet.until_verdict("aws", "Healthy")
    assert [copy.cluster for copy in fleet.copies("often")] == ["gcp"]


def test_a_token_that_was_rotated_moves_nothing_and_the_new_one_is_taken_up(fleet: Fleet) -> None:
    with by_token(fleet, "aws"):
        # Only there: a moment after new credentials aws has not been listed yet.
        fleet.submit(a_job("often", **guarantee("AtLeastOnce"), **only_on("aws")))
        fleet.until_runs("often", "aws")
        [before] = fleet.copies("often")
        revoke(fleet, "aws")
        fleet.until_verdict("aws", "CredentialsInvalid")
        throughout("the work stays", lambda: fleet.copies("often") == [before], for_s=LONGER_THAN_A_DEATH_TAKES_S)

        renew(fleet, "aws")
        fleet.until_verdict("aws", "Healthy")
        fleet.submit(a_job("new", **only_on("aws")))
        fleet.until_runs("new", "aws")
        assert fleet.copies("often") == [before]
        assert fleet.status("often")["moves"] == []


def message(fleet: Fleet) -> str:
    return str(fleet.hub.get("FederatedCluster", name="aws")["status"]["message"])
