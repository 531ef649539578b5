"""`run`: the short form of a Job or Deployment with one container."""

from __future__ import annotations

from typing import Annotated

from annotated_types import MaxLen
from pydantic import Field

from tradewind.api.base import Model, Rule, list_atomic, list_map, list_set
from tradewind.api.scalars import ConfigKey, Flag, ObjectName, Port, Positive, RawQuantity, Short

EnvName = Annotated[str, Field(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$", max_length=253)]
Argument = Annotated[str, MaxLen(8192)]
ResourceList = Annotated[dict[str, RawQuantity], MaxLen(16)]


class KeyRef(Model):
    """A key of a ConfigMap or Secret of the workload's namespace."""

    name: ObjectName
    """The object's name."""
    key: ConfigKey
    """The key in it."""
    optional: Flag | None = None
    """Whether it may be missing."""


class FieldRef(Model):
    """A field of the pod."""

    field_path: Short
    """Such as metadata.name."""


class EnvSource(Model):
    """Where a variable's value comes from."""

    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap."""
    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""
    field_ref: FieldRef | None = None
    """A field of the pod."""

    RULES = (
        Rule(
            "valueFrom needs exactly one of configMapKeyRef, secretKeyRef, fieldRef",
            "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef)].filter(x, x).size() == 1",
            lambda source: (
                [source.config_map_key_ref, source.secret_key_ref, source.field_ref].count(None) == 2  # noqa: PLR2004 - two of three absent
            ),
        ),
    )


class EnvVar(Model):
    """A variable of the container's environment."""

    name: EnvName
    """The variable's name."""
    value: Annotated[str, MaxLen(32768)] | None = None
    """Its value."""
    value_from: EnvSource | None = None
    """Where its value comes from."""

    RULES = (
        Rule(
            "env: a variable has value or valueFrom, not both",
            "!(has(self.value) && has(self.valueFrom))",
            lambda variable: variable.value is None or variable.value_from is None,
        ),
    )


class ObjectRef(Model):
    """A ConfigMap or Secret of the workload's namespace."""

    name: ObjectName
    """The object's name."""
    optional: Flag | None = None
    """Whether it may be missing."""


class EnvFrom(Model):
    """All keys of a ConfigMap or Secret as variables."""

    prefix: Annotated[str, MaxLen(253)] | None = None
    """Put before each key."""
    config_map_ref: ObjectRef | None = None
    """The ConfigMap."""
    secret_ref: ObjectRef | None = None
    """The Secret."""

    RULES = (
        Rule(
            "envFrom needs exactly one of configMapRef, secretRef",
            "has(self.configMapRef) != has(self.secretRef)",
            lambda source: (source.config_map_ref is None) != (source.secret_ref is None),
        ),
    )


class Resources(Model):
    """What the container needs, as in a pod."""

    limits: ResourceList = Field(default_factory=dict)
    """The most it may use; accelerators go here."""
    requests: ResourceList = Field(default_factory=dict)
    """What it is sure to have; the limits where absent."""


class Run(Model):
    """One container; becomes a Job for Training and Batch, a Deployment for Inference."""

    image: Annotated[str, Field(min_length=1, max_length=1024)]
    """The container's image."""
    command: Annotated[tuple[Argument, ...], list_atomic(at_most=64)] = ()
    """Replaces the image's entry point."""
    args: Annotated[tuple[Argument, ...], list_atomic(at_most=256)] = ()
    """Arguments."""
    env: Annotated[tuple[EnvVar, ...], list_map("name", at_most=128)] = ()
    """Environment."""
    env_from: Annotated[tuple[EnvFrom, ...], list_atomic(at_most=16)] = ()
    """Environment from whole ConfigMaps and Secrets."""
    replicas: Annotated[Positive, Field(le=10000)] = 1
    """Pods that run at the same time."""
    ports: Annotated[tuple[Port, ...], list_set(at_most=16)] = ()
    """TCP ports that the container listens on."""
    resources: Resources = Resources()
    """What the container needs."""
