"""The demo's stage: a lab with the CRDs, the members' kubeconfigs and an operator; and its end, whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

from tradewind.api.crdgen import crds
from tradewind.cli.demo_watch import Kubectl
from tradewind.cli.operator_process import OperatorProcess
from tradewind.lab import fleet, startup
from tradewind.lab.lab import Lab
from tradewind.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.lab.progress import Progress

KEPT_NAME = "demo"
"""The name of a lab that is kept, so that it can be found again."""
NAMESPACE = Settings().namespace
CRD_WAIT_S = 30
READY_WAIT_S = 50
PID_FILE = "operator.pid"
LOG_FILE = "operator.log"
TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story plays on."""

    lab: Lab
    operator: OperatorProcess
    examples: Path

    @property
    def log(self) -> Path:
        """The operator's log."""
        return self.lab.folder / LOG_FILE

    def kubectl(self, cluster: str) -> Kubectl:
        """Make the kubectl of one of the lab's clusters, as a client of that cloud would have it."""
        return Kubectl(self.lab.kubectl_path, self.lab.kubeconfig(cluster), self.lab.folder / "kubectl-cache")

    def apply_examples(self) -> int:
        """Do `kubectl apply -f examples/` on the hub; returns the number of objects.

        Raises:
            LabError: kubectl refused something.
        """
        return len(self.lab.kubectl("hub", "apply", "-f", str(self.examples)).splitlines())


@contextlib.contextmanager
def stage(name: str, examples: Path, *, progress: Progress, keep: bool) -> Iterator[Stage]:
    """Set the stage. It is struck at the end, unless it is to be kept and nothing has failed.

    Raises:
        LabError, TradewindError: something could not be started; nothing is left of it.
    """
    lab = Lab.up(name, pools=fleet.read(examples), progress=progress)
    # Also by Ctrl-C, also if that is pressed twice.
    with startup.nothing_left_behind(lab.folder):
        operator = OperatorProcess(lab.kubeconfig(), log=lab.folder / LOG_FILE, namespace=NAMESPACE)
        try:
            with progress.task("applying the CRDs and the members' kubeconfigs"):
                _prepare(lab)
            with progress.task("starting the operator"):
                operator.start()
            (lab.folder / PID_FILE).write_text(str(operator.pid), encoding="ascii")
            with progress.task("declaring the clusters"):
                _declare(lab, examples)
            yield Stage(lab, operator, examples)
        except BaseException as error:
            operator.kill()
            if isinstance(error, Exception):
                # The log goes with the lab's folder.
                progress.note(f"the operator's last lines:\n{_tail(lab.folder / LOG_FILE)}")
            raise
    if not keep:
        with uninterrupted(), progress.task("ending the lab"):
            operator.stop()
            lab.down()


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])
    except OSError:
        return ""


def _prepare(lab: Lab) -> None:
    manifests = yaml.safe_dump_all(crds().values())
    lab.kubectl("hub", "apply", "--server-side", "-f", "-", stdin=manifests)
    lab.kubectl("hub", "wait", "crd", "--all", "--for=condition=Established", f"--timeout={CRD_WAIT_S}s")
    lab.kubectl("hub", "create", "namespace", NAMESPACE)
    for member in lab.members:
        secret = ("create", "secret", "generic", member, f"--from-file=kubeconfig={lab.kubeconfig(member)}")
        lab.kubectl("hub", "--namespace", NAMESPACE, *secret)


def _declare(lab: Lab, examples: Path) -> None:
    """Declare the fleet before any work, as it would be: what comes first must not find half of it."""
    documents = [each for file in sorted(examples.glob("*.yaml")) for each in yaml.safe_load_all(file.read_bytes())]
    fleet_only = [each for each in documents if each and each.get("kind") == fleet.KIND]
    lab.kubectl("hub", "apply", "-f", "-", stdin=yaml.safe_dump_all(fleet_only))
    lab.kubectl("hub", "wait", "federatedclusters", "--all", "--for=condition=Ready", f"--timeout={READY_WAIT_S}s")


def strike(name: str) -> int:
    """End a stage that was kept; returns how many processes were ended.

    Raises:
        LabError: there is no such lab.
    """
    lab = Lab.open(name)
    ended = _end_operator(lab.folder)
    return ended + startup.remove(lab.folder)


def _end_operator(folder: Path) -> int:
    """End the operator that the folder tells of, if that process is still the one that was started."""
    try:
        process = psutil.Process(int((folder / PID_FILE).read_text(encoding="ascii")))
        if any(argument.startswith(f"{folder}/") for argument in process.cmdline()):
            process.terminate()
            process.wait(timeout=15)
            return 1
    except (OSError, ValueError, psutil.NoSuchProcess):
        return 0
    except psutil.TimeoutExpired:
        process.kill()
        return 1
    return 0


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nothing break off the end of the lab, which would leave processes behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def find_examples(given: Path | None) -> Path:
    """Find the examples: those that are given, those of the current folder, or those of this checkout."""
    if given is not None:
        return given
    here, checkout = Path("examples"), Path(__file__).parents[3] / "examples"
    return here if (here / "fleet.yaml").is_file() else checkout


def how_to_go_on(lab: Lab) -> list[str]:
    """Say what to type to go on by hand, in a lab that was kept."""
    program = Path(sys.argv[0])
    tradewind = os.path.relpath(program) if program.name.endswith("tradewind") else "tradewind"
    victim = lab.members[0]
    return [
        f"export KUBECONFIG={lab.kubeconfig()}",
        f'alias kubectl="{lab.kubectl_path}" tradewind="{tradewind}"',
        "kubectl get aiw,fc -A",
        "tradewind top",
        "tradewind explain speech-train -n research",
        f"tradewind lab kill {victim} --name {lab.name}      # and: lab resume, pause, cut, heal",
        f"kubectl --kubeconfig $(tradewind lab kubeconfig {victim} --name {lab.name} --path) get pods -A",
        f"tail -f {lab.folder / LOG_FILE}",
        f"tradewind demo --down{'' if lab.name == KEPT_NAME else f' --name {lab.name}'}      # ends all of it",
    ]
