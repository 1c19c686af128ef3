"""A training that is killed after every one of its steps."""

import random
import re
import signal
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final

import torch

from cm3d.execution.files import read_sealed
from cm3d.execution.progress import Progress
from trust.clone import Clone
from trust.finished import identity
from trust.kinds import Kind, kind_of
from trust.processes import Running
from trust.trees import content_of, differences, leftovers
from trust.workplace import Workplace

_STAGE: Final = "finetune"
_EPOCHS: Final = 4
_SHORT_EPOCHS: Final = 1
_STEP_S: Final = 0.005
_POLL_S: Final = 0.001


@dataclass
class Steps:
    """What came of it."""

    total: int = 0
    kills: int = 0
    reached: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """In words."""
        held = "the weights and the loss curve are those of an undisturbed run"
        return (
            f"{_STAGE} of {self.total} steps, a state kept after each, was killed {self.kills} "
            f"times, within {_STEP_S} s after a state was new, with so many steps done: "
            f"{', '.join(map(str, self.reached))}; {'faults: see below' if self.faults else held}."
        )


def kill_at_every_step(place: Workplace) -> Steps:
    """Train undisturbed, then again with a kill at each step, and compare."""
    clone, scratch, kind = place.copy("steps"), place.scratch("steps"), kind_of(_STAGE)
    epochs = _SHORT_EPOCHS if place.short else _EPOCHS
    clone.override({f"{_STAGE}.epochs": epochs, "execution.checkpoint_s": 0.0})
    found, rng = Steps(), random.Random(0)
    Running(clone, kind, scratch).end()
    reference = content_of(clone.root, kind)
    curve = next(clone.root / path for path in kind.outputs if path.endswith(".csv"))
    found.total = len(curve.read_text().splitlines()) - 1
    for path in (clone.root / output for output in kind.outputs if output.endswith(".csv")):
        path.unlink()
    with Progress("kills at steps", found.total, "step") as progress:
        while _killed_once(clone, scratch, kind, rng, found):
            progress.add(found.reached[-1] - (found.reached[-2] if found.kills > 1 else 0))
    if different := differences(reference, content_of(clone.root, kind)):
        found.faults.append(f"{_STAGE} killed at every step: {different[0]}")
    if left := leftovers(clone.root):
        found.faults.append(f"{_STAGE} killed at every step: left {left[0]}")
    return found


def _killed_once(clone: Clone, scratch: Path, kind: Kind, rng: random.Random, found: Steps) -> bool:
    """Start the training and kill it after its next state; False where it came to its end."""
    before, known = _state(clone), found.reached[-1] if found.reached else 0
    running = Running(clone, kind, scratch)
    while running.process.poll() is None and _state(clone) in (before, None):
        time.sleep(_POLL_S)
    running.wait_until(running.passed_s + rng.uniform(0.0, _STEP_S))
    killed = running.hit(signal.SIGKILL, group=False)
    ended = running.end()
    _check_start(ended.said, known, found)
    if ended.orphans:
        found.faults.append(f"{_STAGE}: left running: {ended.orphans[0]}")
    if not killed:
        if ended.code:
            found.faults.append(f"{_STAGE}: ends with {ended.code} after {known} steps")
        return False
    steps = _steps_done(clone)
    found.kills += 1
    found.reached.append(steps)
    if steps < known:
        found.faults.append(f"{_STAGE}: {known} steps were done, {steps} are left")
    return steps >= known


def _check_start(said: str, known: int, found: Steps) -> None:
    """That a run goes on after the steps that the last one has kept."""
    begun = re.search(r"(\d+) frames? to do(?:, (\d+) done before)?", said)
    if begun is not None and int(begun[2] or 0) * found.total != known * int(begun[1]):
        found.faults.append(f"{_STAGE}: {known} of {found.total} steps were kept, but: {begun[0]}")


def _state(clone: Clone) -> tuple[int, int] | None:
    for path in _state_files(clone):
        try:
            return identity(path)
        except FileNotFoundError:
            continue
    return None


def _steps_done(clone: Clone) -> int:
    for path in _state_files(clone):
        sealed = read_sealed(path)
        if sealed is not None:
            return len(torch.load(BytesIO(sealed), weights_only=True)["history"])
    return 0


def _state_files(clone: Clone) -> list[Path]:
    # by its whole path: a search through folders meets those that the stage is removing
    return sorted((clone.root / ".cache/resume").glob(f"{_STAGE}-*/training/state/training.pt"))
