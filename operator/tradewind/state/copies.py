"""Delivered Jobs and Deployments, read back from their members: one small adapter a kind."""

from __future__ import annotations

from typing import Any

from tradewind.model.placement import Copy, CopyState
from tradewind.model.workload import Key, Market

Manifest = dict[str, Any]

HUB_LABEL = "tradewind.dev/hub"
WORKLOAD_LABEL = "tradewind.dev/workload"
UID_LABEL = "tradewind.dev/uid"
EPOCH_LABEL = "tradewind.dev/epoch"
OFFER_ANNOTATION = "tradewind.dev/offer"
MARKET_ANNOTATION = "tradewind.dev/market"
GENERATION_ANNOTATION = "tradewind.dev/generation"
COMPANIONS_ANNOTATION = "tradewind.dev/companions"
SOURCES_ANNOTATION = "tradewind.dev/sources"
"""Where its pods read their data, as `name=location,name=location`: a hub without a memory adopts it with them."""
MARKETS = frozenset(market.value for market in Market)
FINALIZER = "tradewind.dev/copies"
"""On AIWorkloads, from before their first copy is made until their last one is gone."""
SHARED_LABEL = "tradewind.dev/shared"
"""On ConfigMaps and Secrets that came along: several workloads of a namespace may use them."""


def copy_from(cluster: str, obj: Manifest) -> Copy | None:
    """Read a copy; None for an object whose labels say that it is no copy of ours."""
    metadata = obj["metadata"]
    labels = metadata.get("labels") or {}
    annotations = metadata.get("annotations") or {}
    if WORKLOAD_LABEL not in labels or not str(labels.get(EPOCH_LABEL, "")).isdecimal():
        return None
    kind = obj["kind"]
    wanted, state, succeeded, message = _read_job(obj) if kind == "Job" else _read_deployment(obj)
    # Whoever may edit the copy on its member may spoil its annotations; what can't be read counts as not said.
    generation = str(annotations.get(GENERATION_ANNOTATION, "0"))
    market = annotations.get(MARKET_ANNOTATION)
    return Copy(
        cluster=cluster,
        kind=kind,
        key=Key(metadata["namespace"], metadata["name"]),
        object_uid=metadata["uid"],
        workload_uid=labels.get(UID_LABEL, ""),
        epoch=int(labels[EPOCH_LABEL]),
        offer=annotations.get(OFFER_ANNOTATION, ""),
        market=market if market in MARKETS else Market.ON_DEMAND.value,
        generation=int(generation) if generation.isdecimal() else 0,
        state=CopyState.RELEASING if metadata.get("deletionTimestamp") else state,
        succeeded=succeeded,
        message=message,
        pods_wanted=wanted,
        companions=tuple(item for item in annotations.get(COMPANIONS_ANNOTATION, "").split(",") if item.count("/") > 1),
        sources=tuple(
            (name, location)
            for name, equals, location in (
                item.partition("=") for item in annotations.get(SOURCES_ANNOTATION, "").split(",")
            )
            if name and location
        ),
    )


Reading = tuple[int, CopyState, bool | None, str]


def _read_job(obj: Manifest) -> Reading:
    """Read a Job: it has ended when Complete or Failed says so, and runs when all pods that it wants now are ready."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            return 0, CopyState.FINISHED, condition["type"] == "Complete", condition.get("message", "")
    parallelism = spec.get("parallelism", 1)
    completions = spec.get("completions")
    succeeded = status.get("succeeded", 0)
    wanted = parallelism if completions is None else min(parallelism, max(0, completions - succeeded))
    runs = wanted > 0 and status.get("ready", 0) >= wanted
    return wanted, CopyState.RUNNING if runs else CopyState.PENDING, None, ""


def _read_deployment(obj: Manifest) -> Reading:
    """Read a Deployment: it runs when the newest template is available in full; it never finishes."""
    status = obj.get("status") or {}
    wanted = (obj.get("spec") or {}).get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 1)
    runs = seen and status.get("updatedReplicas", 0) >= wanted and status.get("availableReplicas", 0) >= wanted
    return wanted, CopyState.RUNNING if runs else CopyState.PENDING, None, ""
