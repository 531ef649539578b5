"""What must hold at every write and at every moment. Numbers as in the design."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.edge.rig import CLUSTERS, WORKLOADS
from tests.sim.operator.fakeapi import HOLE, OPEN
from tests.sim.operator.world import COOLDOWN_S, UID

from tradewind.outage.canary import VALID_S
from tradewind.state.record import record_from, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sim.operator.members import Member
    from tests.sim.operator.process import Process
    from tests.sim.operator.world import Wanted, World

Manifest = dict[str, Any]
PROBE_LEASE = "/apis/coordination.k8s.io/v1/namespaces/tradewind-system/leases/tradewind-probe-default"
"""The small write to a member, a heartbeat, which goes on for ever."""
EPOCH = "tradewind.dev/epoch"
SEEN_S = 15.0
"""A success that has been there to be seen for so long counts as seen."""
FENCED_S = 30.0
"""After this time without its hub an operator's lease has run out, and its last requests too."""
OVERLOADED_S = 25.0
"""For so long after a 429 a target is not given its whole rate again, and no burst."""
AT_ONCE_S = 0.01
"""What is decided together is decided in one moment, before any answer to it."""


class Watchman:
    """Sees every write and every moment of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.writes = 0
        """Those to members, and to AIWorkloads."""
        self._unseen = False
        self._writer: Process | None = None
        self._verdicts: dict[str, str | None] = {}
        self._since_s: dict[str, float] = {}
        """Since when the verdicts are what they are."""
        self._beats_s: dict[str, float] = defaultdict(float)
        """When each member has taken its last heartbeat: who is lost takes none until it answers."""
        self._remembered: set[str] = set()
        """Clusters of which the hub knows that they were Down."""
        self._refused: dict[str, list[tuple[Process, float]]] = defaultdict(list)
        """Which processes each member has answered 429, and when."""
        self._fled: dict[str, list[float]] = defaultdict(list)
        """When moves onto each member were decided."""
        self.broken: AssertionError | None = None
        """What was found at a write: the operator, which catches whatever a request raises, must not swallow it."""
        self.changed = True
        """Something that `moment` looks at may have changed."""
        world.hub.objects.listeners.append(self._kept(self._hub_changed))
        world.hub.told = self._kept(self._hub_told)
        world.hub.asked = self._kept(self._hub_asked)
        for member in world.members.values():
            member.api.told = self._kept(partial(self._member_told, member))
            member.api.asked = self._kept(partial(self._member_asked, member))
            member.api.refused = partial(self._member_refused, member)
            member.api.objects.listeners.append(self._member_changed)

    def _kept(self, check: Callable[..., None]) -> Callable[..., None]:
        def checked(*arguments: Any) -> None:
            try:
                check(*arguments)
            except AssertionError as error:
                self.broken = self.broken or error

        return checked

    def _member_changed(self, *_: object) -> None:
        self.changed = True

    def copies(self, wanted: Wanted) -> list[tuple[Member, Manifest]]:
        """Find all copies of a workload that have not ended."""
        found = [(member, item) for member in self.world.members.values() for item in member.copies()]
        return [(m, i) for m, i in found if i["metadata"]["labels"].get(UID) in wanted.uids and not m.ended(i)]

    def moment(self) -> None:
        """Assert what holds at every moment."""
        if self.broken is not None:
            raise self.broken
        if not self.changed:
            return
        self.changed = False
        for wanted in self.world.works.values():
            copies = self.copies(wanted)
            if wanted.once and not wanted.overlaps:
                assert len(copies) <= 1, f"I1: {wanted.name} has copies on {[m.name for m, _ in copies]}"
            if len(copies) <= 1:
                # What a backup brought back is gone again, unless its member holds it still, ended or not.
                wanted.overlaps = wanted.overlaps and any(m.spoilt for m in self.world.members.values())
            self._note_success(wanted)

    def _note_success(self, wanted: Wanted) -> None:
        for member in self.world.members.values():
            for item in member.copies():
                if item["metadata"]["labels"].get(UID) not in wanted.uids or not member.succeeded(item):
                    continue
                if member.api.state == OPEN and not member.api.delay_s:
                    wanted.ended_s = self.world.clock.now_s if wanted.ended_s is None else wanted.ended_s
                    return
        if not wanted.finished:
            wanted.ended_s = None

    # Writes.

    def _hub_asked(self, process: Process, method: str, path: str, _: Manifest) -> None:
        known = self.world.hub.objects.get(WORKLOADS, "research", path.removesuffix("/status").rsplit("/", 1)[-1])
        self._unseen, self._writer = False, process
        if method == "PATCH" and "/aiworkloads/" in path and known is not None:
            metadata = known["metadata"]
            self._unseen = int(metadata["resourceVersion"]) > process.seen.get(metadata["uid"], 0)

    def _hub_told(self, process: Process, method: str, path: str, _: Manifest) -> None:
        if "/aiworkloads/" in path:
            self.writes += 1
            assert not self._unseen, f"I5: {method} {path} by one that has not seen its newest version"
            assert process.led, f"I5: {method} {path} by one that does not lead any more"
        assert not process.dead, f"{method} {path} of a dead process"

    def _member_refused(self, member: Member, process: Process, path: str) -> None:
        if path != PROBE_LEASE:
            self._refused[member.name].append((process, self.world.clock.now_s))

    def _hub_changed(self, collection: str, kind: str, item: Manifest) -> None:
        if collection == CLUSTERS:
            self._counts_as_back(item if kind != "DELETED" else {**item, "status": {}})
            return
        wanted = self.world.works.get(item["metadata"]["uid"]) if collection == WORKLOADS else None
        if wanted is None:
            return
        if kind == "DELETED":
            del self.world.works[wanted.uid]
            self._excuse(wanted)
            assert wanted.deleting, f"I3: {wanted.name} vanished"
            return
        if not item.get("status"):
            return
        record = record_from(item["status"])
        assert record.epoch >= wanted.epoch, f"I5: {wanted.name} went back from epoch {wanted.epoch} to {record.epoch}"
        assert record.finished is not None or not wanted.finished, f"I4: the end of {wanted.name} was forgotten"
        uids = frozenset(filter(None, (wanted.uid, record.adopted_uid)))
        if uids != wanted.uids:
            # The copy that it took over may be one of several that were left of a namesake.
            wanted.overlaps = wanted.overlaps or bool(uids & self.world.excused)
            wanted.uids = uids
        wanted.epoch, wanted.finished = record.epoch, record.finished is not None
        on = frozenset(place.cluster for place in record.placements)
        if wanted.on != on:
            wanted.on, wanted.on_since_s = on, self.world.clock.now_s
        self._moves(wanted, item["status"].get("moves") or [])

    def _excuse(self, wanted: Wanted) -> None:
        """Let a hub that lost its memory leave a deleted workload's copy where it has not looked since.

        Work that may run twice need not wait for such a cluster, so that nothing tells of a copy on it.
        """
        for name, member in self.world.members.items():
            listed = self._said_of(name).get("inventoriedAt")
            uids = {item["metadata"]["labels"].get(UID) for item in member.copies()}
            if self.world.forgot and not wanted.once and not listed:
                self.world.excused |= uids & wanted.uids

    def _counts_as_back(self, cluster: Manifest) -> None:
        name, verdict = cluster["metadata"]["name"], (cluster.get("status") or {}).get("verdict")
        if verdict == "Healthy" and self._verdicts.get(name) in ("Down", "Recovering"):
            self._clean(self.world.members[name])
        if verdict is None:
            self._remembered.discard(name)
        elif verdict == "Down":
            self._remembered.add(name)
        if verdict != self._verdicts.get(name):
            self._since_s[name] = self.world.clock.now_s
        self._verdicts[name] = verdict

    def _moves(self, wanted: Wanted, moves: list[Manifest]) -> None:
        if not moves or moves[0]["epoch"] <= wanted.moved:
            return  # none, or one before it: a move that its target refused is taken back
        wanted.moved = moves[0]["epoch"]
        newest = moves[0]
        if newest["reason"] in ("Draining", "CheaperElsewhere", "ProviderDenied", "ClusterRemoved"):
            return
        member = self.world.members[newest["fromCluster"]]
        sick = self._is_another(member) if newest["reason"] == "ClusterRebuilt" else member.sick_s >= 8.0
        assert sick, f"I7: {wanted.name} left {member.name} ({newest['reason']}), which is well"
        island = self.world.island
        cut = island is not None and all(self.world.members[each].api.state == HOLE for each in island)
        assert not (cut and island and member.name in island), (
            f"I8: {wanted.name} left {member.name}: the hub is cut off"
        )
        self._paces(newest["toCluster"], seconds_of(newest["decidedAt"]))
        self._tried(newest["toCluster"], leaves=newest["fromCluster"])
        if len(moves) > 1 and newest["reason"] != "ApiServerSilent":
            apart_s = seconds_of(newest["decidedAt"]) - seconds_of(moves[1]["decidedAt"])
            assert apart_s >= COOLDOWN_S or apart_s < 0, f"I11: {wanted.name} moved twice in {apart_s:.1f} s"

    def _is_another(self, member: Member) -> bool:
        """Whether a member is not the one that was meant, or has been declared anew unseen by the one that writes."""
        cluster = self.world.hub.objects.items.get((CLUSTERS, "", member.name))
        declared = cluster["metadata"]["uid"] if cluster else ""
        return member.is_another or (self._writer is not None and self._writer.knows(member.name) != declared)

    def _tried(self, target: str, *, leaves: str) -> None:
        """I6: what is well at a failing provider is a last resort, and only after a canary."""
        others = [name for name in self.world.members if name != target]
        now_s = self.world.clock.now_s
        # What it leaves is known to be Down before it does; of the other that may be written a moment later.
        failing = all(
            self._verdicts.get(name) == "Down"
            and (name == leaves or now_s - self._since_s[name] > 1.0)
            # That it answers again, or did since, is known before it is written.
            and self.world.members[name].sick_since_s is not None
            and self._beats_s[name] < self._since_s[name]
            for name in others
        )
        if self.world.one_provider and failing and not self.world.hub.delay_s and self.world.hub.state == OPEN:
            ago_s = now_s - self.world.members[target].canary_s
            assert ago_s <= VALID_S, f"I6: work goes to {target} at a failing provider, {ago_s:.0f} s after its canary"

    def _paces(self, target: str, decided_s: float) -> None:
        """I8: onto a target that is overloaded moves go one by one, however many it was given at once before."""
        at_s = decided_s - self.world.clock.offset_s
        refused = [
            at_s - refused_s
            for process, refused_s in self._refused[target]
            if process is self._writer and AT_ONCE_S < at_s - refused_s < OVERLOADED_S
        ]
        together = [each for each in self._fled[target] if abs(at_s - each) < 1.0]
        self._fled[target].append(at_s)
        assert not (refused and together), f"I8: two moves at once onto {target}, {refused[0]:.1f} s after its 429"

    def _member_asked(self, member: Member, process: Process, method: str, path: str, _: Manifest) -> None:
        if path == PROBE_LEASE:
            self._beats_s[member.name] = self.world.clock.now_s
            return
        assert process.led, f"I5: {method} {path} by one that does not lead any more"
        if method != "PATCH" or path.rsplit("/", 2)[1] not in ("jobs", "deployments"):
            return
        found = next((copy for copy in member.copies() if copy["metadata"]["name"] == path.rsplit("/", 1)[1]), None)
        wanted = self.whose(found) if found is not None else None
        if found is None or wanted is None:
            assert found is None or member.spoilt, f"I5: {path} on {member.name} is written to, and is somebody else's"
            return
        places = {(place["cluster"], str(place["epoch"])) for place in self._placements(wanted)}
        epoch = found["metadata"]["labels"][EPOCH]
        assert (member.name, epoch) in places, f"I5: an old copy of {wanted.name} on {member.name} is written to"

    def _member_told(self, member: Member, process: Process, method: str, path: str, body: Manifest) -> None:
        assert not process.dead, f"{method} {path} of a dead process"
        if path == PROBE_LEASE:
            return
        self.writes += 1
        ours = path.endswith("/namespaces") or "/namespaces/tradewind-system/pods" in path
        assert ours or "/namespaces/research" in path, f"I12: {method} {path}"
        if method == "POST" and path.endswith(("/jobs", "/deployments")):
            self._made(member, body)
        if method == "DELETE":
            hub_s = self.world.hub.away_s
            assert hub_s < FENCED_S, f"I16: {path} on {member.name}, with the hub away for {hub_s:.0f} s"
            self._asked_to_go(member, path)

    def _made(self, member: Member, body: Manifest) -> None:
        meant = self._said_of(member.name).get("clusterUID")
        assert meant in (None, member.uid), f"I1: a copy for {meant} is made on {member.uid}, its successor"
        epoch = int(body["metadata"]["labels"][EPOCH])
        wanted = self.whose(body)
        if wanted is None:
            return  # of a workload that was just deleted, or whose copy was taken over by one made anew
        name, now_s = wanted.name, self.world.clock.now_s
        done = wanted.ended_s is not None and now_s - wanted.ended_s > SEEN_S and self._can_know(wanted)
        assert not done, f"I4: {name} is run again on {member.name} after its success"
        assert not wanted.finished, f"I4: {name} is run again on {member.name} after its end was recorded"
        last = wanted.made[-1] if wanted.made else (0, "")
        assert epoch >= last[0], f"I5: {name} with epoch {epoch} on {member.name} after {last}"
        assert epoch > last[0] or member.name == last[1], f"I5: epoch {epoch} of {name} on two members"
        wanted.made.append((epoch, member.name))
        assert epoch <= wanted.epoch, f"I5: {name} on {member.name} is ahead of its record: {epoch} > {wanted.epoch}"
        assert member.name != wanted.denied, f"I10: {name} on {member.name}"
        self._room(member)
        if not self._promised_before(wanted, member):
            self._clean(member)

    def _can_know(self, wanted: Wanted) -> bool:
        """Whether the hub remembers its success, or sees it, or must wait until it does."""
        if wanted.once or not self.world.forgot:
            return True
        return any(
            member.api.state == OPEN
            for member in self.world.members.values()
            for item in member.copies()
            if item["metadata"]["labels"].get(UID) in wanted.uids and member.succeeded(item)
        )

    def _asked_to_go(self, member: Member, path: str) -> None:
        """I3: no copy that is promised is removed."""
        name = path.rsplit("/", 1)[1]
        for item in member.copies():
            labels, wanted = item["metadata"]["labels"], self.whose(item)
            if item["metadata"]["name"] != name or wanted is None or wanted.deleting or wanted.suspended:
                continue
            places = {(p["cluster"], str(p["epoch"])): p["state"] for p in self._placements(wanted)}
            state = places.get((member.name, labels[EPOCH]), "Releasing")
            again = state == "Finished" and not member.ended(item)
            assert again or state in ("Releasing", "Leaving"), (
                f"I3: {name} is removed from {member.name}, where it is {state}"
            )

    def _clean(self, member: Member) -> None:
        """I2: a cluster that returned counts as back, and takes work, once what is stale on it was asked to go.

        A hub that has lost its memory in between doesn't know that it returned.
        """
        if self.world.forgot and member.name not in self._remembered:
            return
        for item in member.copies():
            wanted = self.whose(item)
            if wanted is None or item["metadata"].get("deletionTimestamp") or member.spoilt or member.sick_s < 8.0:
                continue
            told = self.world.clock.now_s - wanted.on_since_s > AT_ONCE_S
            stale = bool(wanted.on) and member.name not in wanted.on and told
            assert not stale, f"I2: {member.name} counts as back while a stale copy of {wanted.name} runs on it"

    def _promised_before(self, wanted: Wanted, member: Member) -> bool:
        """Whether it was given its place before that cluster was lost: it waits for it, and has its room."""
        place = next((p for p in self._placements(wanted) if p["cluster"] == member.name), None)
        lost_at = self._said_of(member.name).get("lostAt")
        return place is not None and lost_at is not None and seconds_of(place["since"]) < seconds_of(lost_at) + 1.0

    def _placements(self, wanted: Wanted) -> list[Manifest]:
        status = self.world.hub.objects.items[wanted.where].get("status") or {}
        return status.get("placements") or []

    def _said_of(self, cluster: str) -> Manifest:
        """Read the status of a cluster; empty where it is not declared, or nothing was said."""
        return self.world.hub.objects.items.get((CLUSTERS, "", cluster), {}).get("status") or {}

    def whose(self, item: Manifest) -> Wanted | None:
        """Find the workload that a copy belongs to."""
        uid = item["metadata"]["labels"].get(UID)
        return next((wanted for wanted in self.world.works.values() if uid in wanted.uids), None)

    def _room(self, member: Member) -> None:
        live = [item for item in member.copies() if not member.ended(item) and member.claims(item)]
        assert member.spoilt or len(live) <= member.nodes, f"I9: {member.name} is overbooked"
