"""The shape of the parts of a Job, a Deployment or a companion that the operator itself reads or changes.

A CRD's schema says nothing about an embedded manifest, so anything may stand there. What is checked here can be walked
without care; all other fields are the member's to judge, and pass unread. As for Kubernetes, null means absent.
"""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Len
from pydantic import Field

from tradewind.api.base import Model

Strings = dict[str, str]


class Named(Model):
    """A reference by name, or something else that has one."""

    name: str | None = None


class ValueSource(Model):
    """Where a variable's value comes from."""

    config_map_key_ref: Named | None = None
    secret_key_ref: Named | None = None


class Variable(Model):
    """A variable of a container."""

    name: str
    value_from: ValueSource | None = None


class Variables(Model):
    """A ConfigMap or Secret as variables."""

    config_map_ref: Named | None = None
    secret_ref: Named | None = None


class Container(Model):
    """A container."""

    name: str
    env: list[Variable] | None = None
    env_from: list[Variables] | None = None


class SecretVolume(Model):
    """A Secret as files."""

    secret_name: str | None = None


class Claim(Model):
    """A PersistentVolumeClaim as files."""

    claim_name: str


class Projection(Model):
    """A source of a projected volume."""

    config_map: Named | None = None
    secret: Named | None = None


class Projected(Model):
    """Several sources as files."""

    sources: list[Projection] | None = None


class Volume(Model):
    """A volume."""

    config_map: Named | None = None
    secret: SecretVolume | None = None
    projected: Projected | None = None
    persistent_volume_claim: Claim | None = None


class PodSpec(Model):
    """A pod's spec."""

    containers: Annotated[list[Container], Len(1)]
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    image_pull_secrets: list[Named] | None = None
    service_account_name: str | None = None
    node_selector: Strings | None = None
    tolerations: list[dict[str, Any]] | None = None


class Labelled(Model):
    """Metadata that we add to."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: Strings | None = None
    annotations: Strings | None = None


class PodTemplate(Model):
    """A pod template."""

    metadata: Labelled | None = None
    spec: PodSpec


class Selector(Model):
    """A Deployment's selector."""

    match_labels: Strings | None = None


Pods = Annotated[int, Field(strict=True, ge=1)]


class Controller(Model):
    """The spec of a Job or Deployment."""

    template: PodTemplate
    parallelism: Pods | None = None
    completions: Pods | None = None
    replicas: Pods | None = None
    selector: Selector | None = None


class Work(Model):
    """A Job or Deployment."""

    metadata: Labelled | None = None
    spec: Controller


class Companion(Model):
    """An object that is delivered with the work."""

    metadata: Labelled
