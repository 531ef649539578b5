"""What is delivered: the template with exactly the documented changes.

The changes: labels that identify the copy (hub, workload, uid, epoch), in each container's environment the epoch, uid
and where each input is read (TRADEWIND_DATA_*), the offer's podPatch (which makes its market and type true), the
replicas of its share where the work is spread over clusters, fields stripped that belong to one cluster or would make a
finished Job vanish unseen, and for AtMostOnce the settings that keep one cluster from running two pods for one.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.api.template import expand
from tradewind.model.policy import Guarantee
from tradewind.state.copies import (
    COMPANIONS_ANNOTATION,
    EPOCH_LABEL,
    GENERATION_ANNOTATION,
    HUB_LABEL,
    MARKET_ANNOTATION,
    OFFER_ANNOTATION,
    SOURCES_ANNOTATION,
    UID_LABEL,
    WORKLOAD_LABEL,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.model.placement import Placement
    from tradewind.model.workload import DataInput

Manifest = dict[str, Any]

STRIPPED_ANNOTATIONS = ("argocd.argoproj.io/tracking-id", "kubectl.kubernetes.io/last-applied-configuration")
STRIPPED_LABELS = ("app.kubernetes.io/instance", "argocd.argoproj.io/instance")
"""Tracking marks: with them, an Argo CD of the member would take the copy for its own, and prune it."""
STRIPPED_JOB_FIELDS = ("ttlSecondsAfterFinished", "managedBy", "selector", "manualSelector", "suspend")


@dataclass(frozen=True, slots=True)
class Rendered:
    """Manifests ready for one member; `config` lists (kind, name, optional) of ConfigMaps and Secrets to bring."""

    copy: Manifest
    companions: tuple[Manifest, ...]
    config: tuple[tuple[str, str, bool], ...]
    service_account: str
    volume_claims: tuple[str, ...]


def render(
    workload: Manifest,
    *,
    placement: Placement,
    guarantee: Guarantee,
    hub_name: str,
    pod_patch: Manifest,
    adopted_uid: str = "",
    data: Sequence[DataInput] = (),
) -> Rendered:
    """Render one copy of an AIWorkload for a placement. Pure: the same arguments give the same manifests.

    `adopted_uid` is that of the AIWorkload whose copy was taken over: its copies keep it, since it is what the pods
    know themselves by, and what the paths of their checkpoints hold. `data` has the addresses of the replicas.
    """
    metadata, spec = workload["metadata"], workload["spec"]
    uid = adopted_uid or metadata["uid"]
    name, namespace = metadata["name"], metadata["namespace"]
    identity = {
        HUB_LABEL: hub_name,
        WORKLOAD_LABEL: name,
        UID_LABEL: uid,
        EPOCH_LABEL: str(placement.epoch),
    }
    manifest = copy.deepcopy(expand(spec, name=name))
    pod_template = manifest["spec"]["template"]
    config, service_account, claims = references(pod_template["spec"])
    companions = tuple(
        _companion(c, identity=identity, namespace=namespace) for c in copy.deepcopy(spec.get("companions") or [])
    )
    brought = {(c["kind"], c["metadata"]["name"]) for c in companions}
    config = tuple(each for each in config if each[:2] not in brought)
    came_along = [f"{c['apiVersion']}/{c['kind']}/{c['metadata']['name']}" for c in companions]
    came_along += [f"v1/{kind}/{config_name}" for kind, config_name, _ in config]
    ours = {"TRADEWIND_EPOCH": str(placement.epoch), "TRADEWIND_WORKLOAD_UID": uid}
    _dress_pods(pod_template, identity=identity, patch=pod_patch, ours=ours | data_variables(placement.sources, data))
    body = {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "metadata": _metadata(manifest.get("metadata") or {}, name=name, namespace=namespace, labels=identity),
        "spec": _spec(manifest, guarantee=guarantee, replicas=placement.replicas if spec.get("spread") else None),
    }
    body["metadata"]["annotations"] |= {
        OFFER_ANNOTATION: placement.offer,
        MARKET_ANNOTATION: placement.market.value,
        GENERATION_ANNOTATION: str(placement.generation),
        COMPANIONS_ANNOTATION: ",".join(came_along),
        **({SOURCES_ANNOTATION: ",".join(map("=".join, placement.sources))} if placement.sources else {}),
    }
    return Rendered(body, companions, config, service_account, claims)


def data_variables(sources: Iterable[tuple[str, str]], data: Iterable[DataInput]) -> dict[str, str]:
    """Tell pods which replica of each input was priced for them, and its address where a Dataset gives one."""
    urls = {one.name: dict(one.urls) for one in data}
    variables = {}
    for name, location in sources:
        if name not in urls:
            continue  # the spec has it no more
        prefix = f"TRADEWIND_DATA_{name.upper().replace('-', '_')}"
        variables[f"{prefix}_LOCATION"] = location
        if location in urls[name]:
            variables[f"{prefix}_URL"] = urls[name][location]
    return variables


def references(pod: Manifest) -> tuple[tuple[tuple[str, str, bool], ...], str, tuple[str, ...]]:
    """Find what a pod names: ConfigMaps and Secrets (kind, name, optional), its service account, its volume claims."""
    found: dict[tuple[str, str], bool] = {}

    def note(kind: str, ref: Manifest | None, key: str = "name") -> None:
        if ref and ref.get(key):
            found[kind, ref[key]] = bool(ref.get("optional")) and found.get((kind, ref[key]), True)

    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        for source in container.get("envFrom") or []:
            note("ConfigMap", source.get("configMapRef"))
            note("Secret", source.get("secretRef"))
        for variable in container.get("env") or []:
            value = variable.get("valueFrom") or {}
            note("ConfigMap", value.get("configMapKeyRef"))
            note("Secret", value.get("secretKeyRef"))
    for volume in pod.get("volumes") or []:
        note("ConfigMap", volume.get("configMap"))
        note("Secret", volume.get("secret"), "secretName")
        for source in (volume.get("projected") or {}).get("sources") or []:
            note("ConfigMap", source.get("configMap"))
            note("Secret", source.get("secret"))
    for secret in pod.get("imagePullSecrets") or []:
        note("Secret", secret)
    claims = (v["persistentVolumeClaim"]["claimName"] for v in pod.get("volumes") or [] if "persistentVolumeClaim" in v)
    config = tuple((kind, name, optional) for (kind, name), optional in sorted(found.items()))
    return config, pod.get("serviceAccountName") or "", tuple(sorted(claims))


def _spec(manifest: Manifest, *, guarantee: Guarantee, replicas: int | None) -> Manifest:
    """Write the spec; `replicas` are those of a share of work that is spread over clusters."""
    spec: Manifest = manifest["spec"]
    if manifest["kind"] == "Job":
        for field in STRIPPED_JOB_FIELDS:
            spec.pop(field, None)
        labels = spec["template"].get("metadata", {}).get("labels", {})
        for label in (
            "controller-uid",
            "job-name",
            "batch.kubernetes.io/controller-uid",
            "batch.kubernetes.io/job-name",
        ):
            labels.pop(label, None)
        if guarantee is Guarantee.AT_MOST_ONCE:
            # Else a terminating pod and its replacement run side by side. pod failure policies demand it anyway.
            spec["podReplacementPolicy"] = "Failed"
        return spec
    if guarantee is Guarantee.AT_MOST_ONCE:
        spec["strategy"] = {"type": "Recreate"}
    if replicas is not None:
        spec["replicas"] = replicas
    return spec


def _metadata(found: Manifest, *, name: str, namespace: str, labels: Manifest) -> Manifest:
    kept = {k: v for k, v in (found.get("labels") or {}).items() if k not in STRIPPED_LABELS}
    annotations = {k: v for k, v in (found.get("annotations") or {}).items() if k not in STRIPPED_ANNOTATIONS}
    return {"name": name, "namespace": namespace, "labels": kept | labels, "annotations": annotations}


def _companion(manifest: Manifest, *, identity: Manifest, namespace: str) -> Manifest:
    found = manifest["metadata"]
    metadata = _metadata(found, name=found["name"], namespace=namespace, labels=identity)
    body = {k: v for k, v in manifest.items() if k not in ("metadata", "status")}
    return {**body, "metadata": metadata}


def _dress_pods(template: Manifest, *, identity: Manifest, patch: Manifest, ours: dict[str, str]) -> None:
    """Label the pods, tell their containers who they are and where their data is, and ask for the offer's nodes."""
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = (metadata.get("labels") or {}) | identity
    if patch.get("annotations"):
        metadata["annotations"] = (metadata.get("annotations") or {}) | patch["annotations"]
    pod = template["spec"]
    if patch.get("nodeSelector"):
        pod["nodeSelector"] = (pod.get("nodeSelector") or {}) | patch["nodeSelector"]
    if patch.get("tolerations"):
        present = pod.get("tolerations") or []
        pod["tolerations"] = [*present, *(t for t in patch["tolerations"] if t not in present)]
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        kept = [variable for variable in container.get("env") or [] if variable["name"] not in ours]
        container["env"] = [*kept, *({"name": key, "value": value} for key, value in ours.items())]
