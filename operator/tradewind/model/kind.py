"""The kinds of work: what policies and workloads both speak of."""

from __future__ import annotations

from enum import StrEnum


class WorkloadType(StrEnum):
    """What kind of work it is; decides the default guarantee and delivered kind."""

    TRAINING = "Training"
    BATCH = "Batch"
    INFERENCE = "Inference"
