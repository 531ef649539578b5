"""The ConfigMaps and Secrets that pods name come along, are kept in step, and go again when nobody needs them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from tests.lab.operator_fleet import path
from tests.lab.operator_manifests import a_config, a_job, job_template
from tests.lab.operator_waiting import until

if TYPE_CHECKING:
    from tests.lab.operator_fleet import Fleet, Manifest

pytestmark = pytest.mark.lab
pytest_plugins = ["tests.lab.operator_fixtures"]


def test_a_config_map_and_a_secret_come_along_are_kept_in_step_and_go_with_the_last_copy(fleet: Fleet) -> None:
    fleet.submit(a_config("ConfigMap", "tuning", rate="1"), a_config("Secret", "bucket", key="first"))
    fleet.submit(a_job_with_config("one"), a_job_with_config("two"))
    fleet.until_runs("one", "aws")
    fleet.until_runs("two", "aws")
    assert there(fleet, "ConfigMap", "tuning") == {"rate": "1"}
    assert there(fleet, "Secret", "bucket") == {"key": _encoded("first")}

    fleet.hub.merge("ConfigMap", fleet.namespace, "tuning", {"data": {"rate": "2"}})
    fleet.hub.merge("Secret", fleet.namespace, "bucket", {"stringData": {"key": "second"}})
    until("the ConfigMap follows", lambda: there(fleet, "ConfigMap", "tuning") == {"rate": "2"})
    until("the Secret follows", lambda: there(fleet, "Secret", "bucket") == {"key": _encoded("second")})

    fleet.delete("one")
    fleet.until_gone("one")
    assert there(fleet, "Secret", "bucket"), "two needs it still"
    fleet.delete("two")
    fleet.until_gone("two")
    assert not there(fleet, "Secret", "bucket")
    assert not there(fleet, "ConfigMap", "tuning")


def test_what_several_share_goes_when_all_of_them_go_at_once(fleet: Fleet) -> None:
    names = [f"job-{number}" for number in range(6)]
    fleet.submit(a_config("ConfigMap", "tuning", rate="1"), a_config("Secret", "bucket", key="first"))
    fleet.submit(*(a_job_with_config(name) for name in names))
    for name in names:
        fleet.until_runs(name, "aws")
    fleet.hub.server.delete(path("AIWorkload", fleet.namespace))
    for name in names:
        fleet.until_gone(name)
    assert not there(fleet, "Secret", "bucket")
    assert not there(fleet, "ConfigMap", "tuning")


def test_a_missing_secret_is_named_before_anything_is_delivered_and_cured_by_creating_it(fleet: Fleet) -> None:
    fleet.submit(a_config("ConfigMap", "tuning", rate="1"))
    fleet.submit(a_job_with_config("train"))
    fleet.until_reason("train", "SecretNotFound")
    assert "Secret bucket" in fleet.message("train")
    assert fleet.copies("train") == []
    assert fleet.members["aws"].find("Namespace", "", fleet.namespace) is None

    fleet.submit(a_config("Secret", "bucket", key="late"))
    until("it runs", lambda: fleet.copies("train") and fleet.phase("train") == "Running", within_s=45)
    assert there(fleet, "Secret", "bucket") == {"key": _encoded("late")}


def test_a_members_own_secret_of_that_name_is_used_and_left_alone(fleet: Fleet) -> None:
    fleet.members["aws"].create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fleet.namespace}})
    fleet.members["aws"].create(a_config("Secret", "bucket", key="theirs"), fleet.namespace)
    fleet.submit(a_config("ConfigMap", "tuning", rate="1"))
    fleet.submit(a_job_with_config("train"))
    fleet.until_runs("train", "aws")
    assert there(fleet, "Secret", "bucket") == {"key": _encoded("theirs")}
    fleet.delete("train")
    fleet.until_gone("train")
    assert there(fleet, "Secret", "bucket") == {"key": _encoded("theirs")}
    assert not there(fleet, "ConfigMap", "tuning")


def test_a_service_account_that_the_member_lacks_is_named(fleet: Fleet) -> None:
    fleet.submit(a_job("train", template=job_template(serviceAccountName="trainer")))
    fleet.until_reason("train", "Unschedulable")
    refused = {each["reason"]: each for each in fleet.status("train")["refused"]}
    assert "ServiceAccount trainer" in refused["ServiceAccountNotFound"]["message"]
    assert fleet.copies("train") == []


def a_job_with_config(name: str) -> Manifest:
    sources = [{"secretRef": {"name": "bucket"}}, {"configMapRef": {"name": "tuning"}}]
    return a_job(name, template=job_template(container={"envFrom": sources}))


def there(fleet: Fleet, kind: str, name: str) -> Manifest:
    """Its data on aws; empty where it is not there."""
    found = fleet.members["aws"].find(kind, fleet.namespace, name) or {}
    data: Manifest = found.get("data", {})
    return data


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
