"""What must hold once all faults have ended and there was time to settle. Numbers as in the design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.edge.rig import CLUSTERS, DEPLOYMENTS, JOBS
from tests.sim.operator.invariants import EPOCH
from tests.sim.operator.world import UID

if TYPE_CHECKING:
    from tests.sim.operator.invariants import Watchman
    from tests.sim.operator.members import Member
    from tests.sim.operator.world import Wanted


WAITING = ("Unschedulable", "OldCopyMayRun", "MovesExhausted", "AdoptionPending", "CoolingDown")


class Rest:
    """Looks at a world that is well again."""

    def __init__(self, watchman: Watchman) -> None:
        self._watchman = watchman
        self._world = watchman.world

    def check(self) -> None:
        """Assert what holds once everything is well again and has had time to settle."""
        for wanted in self._world.works.values():
            self._says_why(wanted)
        for member in self._world.members.values():
            self._no_orphans(member)
        for (collection, _, name), item in self._world.hub.objects.items.items():
            if collection == CLUSTERS:
                verdict = (item.get("status") or {}).get("verdict")
                assert verdict == "Healthy", f"I6: {name} is {verdict}"
                assert not (item.get("status") or {}).get("orphans"), f"I13: {name} is not swept"

    def _says_why(self, wanted: Wanted) -> None:
        name, item = wanted.name, self._world.hub.objects.items[wanted.where]
        status = item.get("status") or {}
        assert status.get("conditions"), f"I3: nothing was ever said about {name}"
        reason = next(c["reason"] for c in status["conditions"] if c["type"] == "Ready")
        copies = self._watchman.copies(wanted)
        on = [member.name for member, _ in copies]
        assert not wanted.deleting, f"I14: {name} is still being deleted, and says {reason}"
        assert len(copies) <= 1, f"I2: {name} still has copies on {on}"
        if wanted.finished:
            assert not copies, f"I4: {name} has ended, and runs on {on}"
        elif wanted.suspended:
            assert not copies, f"I14: {name} is suspended, and runs on {on}"
        elif not copies:
            assert reason in WAITING, f"I3: {name} has no copy, and says {reason}"
            self._no_room(wanted, reason)
        else:
            places = [(p["cluster"], str(p["epoch"])) for p in status.get("placements") or ()]
            member, copy = copies[0]
            there = (member.name, copy["metadata"]["labels"][EPOCH])
            assert there in places, f"I3: {name} runs at {there}, recorded are {places}"
            said = reason in ("Running", "DrainBlocked", *WAITING)
            assert said or self._crowded(member), f"I3: {name} runs on {member.name}, and says {reason}"

    def _crowded(self, member: Member) -> bool:
        """Whether a backup has brought back copies of work that was deleted since: they keep their room.

        Nobody but a person can tell them from those of a hub that has itself lost its memory. A new workload of the
        same name may have taken one over, and is then one more than there is room for.
        """
        live = [item for item in member.copies() if not member.ended(item)]
        nobodys = [item for item in live if self._watchman.whose(item) is None]
        return member.spoilt and (bool(nobodys) or len(live) > member.nodes)

    def _no_room(self, wanted: Wanted, reason: str) -> None:
        """I6: work that waits for room finds none."""
        if reason != "Unschedulable":
            return
        for name, member in self._world.members.items():
            spec = self._world.hub.objects.items[CLUSTERS, "", name]["spec"]
            live = [item for item in member.copies() if not member.ended(item)]
            taken = any(item["metadata"]["name"] == wanted.name for item in member.copies())
            shut = spec.get("scheduling") == "Draining" or name == wanted.denied
            assert shut or taken or len(live) >= member.nodes, f"I6: {wanted.name} waits though {name} has room"

    def _no_orphans(self, member: Member) -> None:
        for collection in (JOBS, DEPLOYMENTS):
            for where, item in member.api.objects.items.items():
                uid = item["metadata"].get("labels", {}).get(UID)
                if where[0] == collection and not member.spoilt and uid not in self._world.excused:
                    assert self._watchman.whose(item) is not None, f"I13: {where[2]} on {member.name} belongs to nobody"
