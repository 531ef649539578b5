"""What the hub says: workloads with their records, policies, networks, Datasets, priority classes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tradewind.api.convert import (
    accelerator_table,
    cluster_policy_from,
    policy_layer_from,
    workload_from,
)
from tradewind.errors import InputError
from tradewind.model.plan import Conditions, Refusal, Wake
from tradewind.model.policy import ClusterPolicy, EffectivePolicy, PolicyLayer, resolve
from tradewind.model.workload import Key
from tradewind.state.copies import FINALIZER
from tradewind.state.datasets import Datasets
from tradewind.state.maps import NetworkMaps
from tradewind.state.record import record_from

if TYPE_CHECKING:
    from tradewind.model.placement import Record
    from tradewind.model.policy import AcceleratorType
    from tradewind.model.workload import Workload

Manifest = dict[str, Any]
DEFAULT_POLICY = "default"


@dataclass(slots=True)
class WorkloadEntry:
    """One AIWorkload as last seen.

    Attributes:
        raw: the API object.
        workload: what its spec means; None where it can't be understood.
        record: what its status holds.
        promise: the record that a step is about to write, or has written without hearing of it; room is kept for both.
        vetoes: clusters that refused it at delivery ("*": all), with why, and until when that is believed.
        refusals: how often in a row each of them has; the pause before it is asked again grows with that.
        delivered_s: when its newest copy was accepted; 0 where another operator saw to it.
        changed_s: when a copy of it was last seen to change, in seconds since the Unix epoch.
        seen_new: it was seen without our finalizer, so that no copy of it was there before.
    """

    raw: Manifest
    workload: Workload | None
    problem: Refusal | None
    record: Record
    promise: Record | None = None
    vetoes: dict[str, tuple[Refusal, float]] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    delivered_s: float = 0.0
    changed_s: float = 0.0
    seen_new: bool = False

    @property
    def uid(self) -> str:
        """The object's uid."""
        return str(self.raw["metadata"]["uid"])

    @property
    def expected(self) -> Record:
        """What its status holds, or is about to hold."""
        return self.record if self.promise is None else self.promise

    @property
    def records(self) -> tuple[Record, ...]:
        """What its status holds, and what it may hold already or soon."""
        return (self.record,) if self.promise is None else (self.record, self.promise)

    @property
    def forgotten(self) -> bool:
        """Whether it was placed before, and its status does not say where."""
        held = FINALIZER in (self.raw["metadata"].get("finalizers") or ())
        return held and not self.record.epoch and not self.seen_new

    @property
    def generation(self) -> int:
        """The spec's generation."""
        return int(self.raw["metadata"].get("generation", 1))

    @property
    def deleting(self) -> bool:
        """Whether its deletion has been asked for."""
        return bool(self.raw["metadata"].get("deletionTimestamp"))


class Understood(NamedTuple):
    """What an AIWorkload means now: the work with its data and the policy that binds it, or else the problem."""

    workload: Workload | None = None
    policy: EffectivePolicy | None = None
    problem: Refusal | None = None


class Hub:
    """All objects of the hub that decisions depend on.

    Attributes:
        problems: what is wrong with an object, by kind and name.
    """

    def __init__(self) -> None:
        self.workloads: dict[Key, WorkloadEntry] = {}
        self.priorities: dict[str, int] = {}
        self.default_priority = 0
        self.policy = ClusterPolicy()
        self.table: tuple[AcceleratorType, ...] = accelerator_table(self.policy)
        self.datasets = Datasets()
        self.problems: dict[tuple[str, str], str] = {}
        self.maps = NetworkMaps(self.problems)
        self._namespace_policies: dict[Key, PolicyLayer] = {}

    def see_workload(self, obj: Manifest) -> Key | None:
        """Take an AIWorkload; None if it is not newer than what is known.

        A status that we wrote ourselves comes back by the watch too: it must not undo what was decided since.
        """
        key = Key(obj["metadata"]["namespace"], obj["metadata"]["name"])
        known = self.workloads.get(key)
        if known is not None and known.uid == obj["metadata"]["uid"]:
            if not _newer(obj, known.raw):
                return None
            if known.generation == obj["metadata"].get("generation", 1) and known.workload is not None:
                known.raw = obj
                known.record = record_from(obj.get("status") or {})
                return key
        fresh = self.workloads[key] = self._entry(obj)
        self._note_reader(key, fresh)
        if known is not None and known.uid == fresh.uid:
            fresh.promise, fresh.seen_new = known.promise, known.seen_new or fresh.seen_new
        return key

    def forget_workload(self, key: Key, uid: str) -> bool:
        """Drop a workload that is gone; a later one of the same name stays."""
        known = self.workloads.get(key)
        if known is None or known.uid != uid:
            return False
        del self.workloads[key]
        self.datasets.note_reader(key)
        return True

    def conditions(self, *, now_s: float) -> Conditions:
        """Say what holds for all decisions of a round."""
        return Conditions(
            network=self.maps.network,
            speeds={row.name: row.relative_speed for row in self.table if row.relative_speed is not None},
            watts={row.name: row.watts for row in self.table if row.watts is not None},
            interruptions_per_hour=self.policy.interruptions_per_hour,
            assumptions=self.policy.assumptions,
            detect_s=self.policy.detection.down_after_one_kind_s,
            now_s=now_s,
        )

    def understand(self, entry: WorkloadEntry) -> Understood:
        """Say what a workload means now, or why it can't be decided on.

        What has ended needs neither policy nor data, and a user's suspend must not wait for them.
        """
        workload, policy = entry.workload, self.effective(entry)
        if workload is None or policy is None:
            return Understood(problem=entry.problem)
        if workload.suspended or entry.record.finished is not None:
            return Understood(workload, policy)
        read = self.missing_policy(entry) or _inline(workload, policy) or self.datasets.resolve(workload)
        return Understood(problem=read) if isinstance(read, Refusal) else Understood(read, policy)

    def effective(self, entry: WorkloadEntry) -> EffectivePolicy | None:
        """Combine the policies that bind a workload; None where its spec can't be understood."""
        workload = entry.workload
        if workload is None:
            return None
        name = ((entry.raw.get("spec") or {}).get("policyRef") or {}).get("name", DEFAULT_POLICY)
        layer = self._namespace_policies.get(Key(workload.key.namespace, name), PolicyLayer())
        return resolve(workload.type, workload=workload.overrides, namespace=layer, cluster=self.policy.layer)

    def missing_policy(self, entry: WorkloadEntry) -> Refusal | None:
        """Whether it names a policy that is not there."""
        name = ((entry.raw.get("spec") or {}).get("policyRef") or {}).get("name")
        key = Key(entry.raw["metadata"]["namespace"], name or "")
        if not name or key in self._namespace_policies or name == DEFAULT_POLICY:
            return None
        message = f"spec.policyRef names PlacementPolicy {name}, which is not in namespace {key.namespace}. Create it."
        return Refusal("PolicyNotFound", message, Wake.CONFIG)

    def see_priority_classes(self, items: list[Manifest]) -> bool:
        """Take all PriorityClasses, and read the workloads anew where that says something new."""
        before = self.priorities, self.default_priority
        self.priorities = {item["metadata"]["name"]: int(item["value"]) for item in items}
        self.default_priority = next((int(item["value"]) for item in items if item.get("globalDefault")), 0)
        if before == (self.priorities, self.default_priority):
            return False
        self._read_again()
        return True

    def see_cluster_policy(self, obj: Manifest | None) -> None:
        """Take the ClusterPlacementPolicy, or learn that there is none. A bad one changes nothing."""
        name = ("ClusterPlacementPolicy", DEFAULT_POLICY)
        try:
            self.policy = cluster_policy_from(obj)
        except InputError as error:
            self.problems[name] = error.message
            return
        self.problems.pop(name, None)
        self.table = accelerator_table(self.policy)

    def see_policy(self, obj: Manifest, *, deleted: bool) -> None:
        """Take a PlacementPolicy. A bad one changes nothing."""
        key = Key(obj["metadata"]["namespace"], obj["metadata"]["name"])
        if deleted:
            self._namespace_policies.pop(key, None)
            return
        try:
            self._namespace_policies[key] = policy_layer_from(obj)
        except InputError as error:
            self.problems["PlacementPolicy", str(key)] = error.message
        else:
            self.problems.pop(("PlacementPolicy", str(key)), None)

    def see_dataset(self, obj: Manifest, *, deleted: bool) -> frozenset[Key]:
        """Take a Dataset, and return the workloads that must be looked at again. A bad one changes nothing."""
        key = Key(obj["metadata"]["namespace"], obj["metadata"]["name"])
        self.problems.pop(("Dataset", str(key)), None)
        try:
            changed = self.datasets.see(obj, deleted=deleted)
        except InputError as error:
            self.problems["Dataset", str(key)] = error.message
            return frozenset()
        return self.datasets.readers(key) if changed else frozenset()

    def _entry(self, obj: Manifest) -> WorkloadEntry:
        entry = self._read(obj)
        entry.seen_new = FINALIZER not in (obj["metadata"].get("finalizers") or ())
        return entry

    def _read(self, obj: Manifest) -> WorkloadEntry:
        record = record_from(obj.get("status") or {})
        try:
            workload = workload_from(obj)
        except InputError as error:
            message = f"{error.field}: {error.detail}" if error.field else error.detail
            return WorkloadEntry(obj, None, Refusal("InvalidSpec", message, Wake.WORKLOAD), record)
        name = obj["spec"].get("priorityClassName")
        if name and name not in self.priorities:
            message = f"spec.priorityClassName names {name}, which the hub does not have. Create the PriorityClass."
            return WorkloadEntry(obj, None, Refusal("PriorityClassNotFound", message, Wake.CONFIG), record)
        priority = self.priorities[name] if name else self.default_priority
        return WorkloadEntry(obj, replace(workload, priority=priority), None, record)

    def _read_again(self) -> None:
        for key, entry in self.workloads.items():
            fresh = self._entry(entry.raw)
            fresh.record, fresh.promise, fresh.vetoes = entry.record, entry.promise, entry.vetoes
            fresh.seen_new = entry.seen_new
            self.workloads[key] = fresh
            self._note_reader(key, fresh)

    def _note_reader(self, key: Key, entry: WorkloadEntry) -> None:
        self.datasets.note_reader(key, entry.workload.datasets if entry.workload else ())


def _inline(workload: Workload, policy: EffectivePolicy) -> Refusal | None:
    """Refuse data that no Dataset describes, where the policy wants one: nobody has said what law binds it."""
    if not (policy.datasets_required and workload.data):
        return None
    names = ", ".join(data.name for data in workload.data)
    message = (
        f"spec.data describes {names} inline, and the ClusterPlacementPolicy has datasetsRequired: create a Dataset "
        "for each, and name it in datasetRef."
    )
    return Refusal("InlineDataForbidden", message, Wake.WORKLOAD)


def _newer(obj: Manifest, known: Manifest) -> bool:
    """Whether an object is newer than another of the same uid; resourceVersions of one API server can be compared."""
    new, old = obj["metadata"]["resourceVersion"], known["metadata"]["resourceVersion"]
    return int(new) > int(old) if new.isdigit() and old.isdigit() else new != old
