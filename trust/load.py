"""Many frames through label stages, scoring and report: time and memory by number of frames."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cm3d.execution.progress import Progress
from trust.clone import Clone
from trust.copied_scenes import write_scenes
from trust.curves import IMAGE
from trust.kinds import Kind, kind_of
from trust.outcome import Cell, Outcome
from trust.processes import Running, peak_mb
from trust.workplace import Workplace

_SCENES: Final = (10, 30, 100)
_FRAMES: Final = 100
_SHORT_SCENES: Final = (2, 4)
_SHORT_FRAMES: Final = 10
_STAGES: Final = (
    *("detect2d", "segment", "lift", "sam3d", "fuse", "evaluate@boxes2d", "evaluate@masks"),
    *("evaluate@lifted", "evaluate@sam3d", "evaluate@pseudo_labels"),
)
# Small images and one sweep: what grows with the number of frames is the same, and soon seen.
_KNOBS: Final = {
    "simulation.image_scale": 0.125,
    "lift.sweeps": 1,
    "sam3d.sweeps": 1,
    "sam3d.pixel_m": 0.4,
}
_POLL_S: Final = 0.1
# Between the two largest numbers of frames time may grow with this power of them, and memory by
# this share. Smaller ones show the start of a stage, and a heap that has not met its worst yet.
_MOST_POWER: Final = 1.1
_MOST_GROWTH: Final = 1.25
# What takes less is mostly the start of the stage.
_LEAST_S: Final = 10.0


@dataclass(frozen=True)
class Cost:
    """What a stage took for so many frames.

    Args:
        stage: Its name.
        frames: Number of keyframes.
        time_s: Wall-clock time.
        memory_mb: Largest resident set of one of its processes.
        fault: How it ended, if not well.
    """

    stage: str
    frames: int
    time_s: float
    memory_mb: float
    fault: str = ""


def measure(place: Workplace) -> Outcome:
    """Run the stages at several sizes."""
    clone, scratch = place.copy("load"), place.scratch("load")
    scenes = _SHORT_SCENES if place.short else _SCENES
    length = _SHORT_FRAMES if place.short else _FRAMES
    clone.override(_KNOBS)
    clone.stage("download")
    costs: list[Cost] = []
    kinds = [*(kind_of(name) for name in _STAGES), _report()]
    with Progress("load", sum(scenes) * len(kinds), "scene", whole_run=True) as progress:
        for count in scenes:
            write_scenes(clone.root, count, length)
            for kind in kinds:
                costs.append(cost_of(clone, scratch, kind, count * length))
                progress.add(count)
    stages = [kind.name for kind in kinds]
    rows = [row_of([cost for cost in costs if cost.stage == stage]) for stage in stages]
    faults = [fault for row, fault in rows if fault]
    return Outcome(
        tried=len(rows),
        kept=len(rows) - len(faults),
        rows=[row for row, _ in rows],
        faults=faults,
        notes=[
            f"Scenes of {length} keyframes with one camera, images and clouds of the base driven "
            f"to and fro; {', '.join(f'{knob}={value}' for knob, value in _KNOBS.items())}; two "
            "workers; memory is the largest resident set of one process. Kept: time grows with at "
            f"most the power {_MOST_POWER} of the number of frames, if it is {_LEAST_S:.0f} s or "
            f"more, memory by at most {_MOST_GROWTH - 1:.0%}; both between the two largest "
            "numbers.",
            f"![Time and memory by number of frames](images/{IMAGE.name})",
        ],
    )


def cost_of(clone: Clone, scratch: Path, kind: Kind, frames: int) -> Cost:
    """Run a stage and look at its processes meanwhile."""
    running, memory_mb = Running(clone, kind, scratch), 0.0
    while running.process.poll() is None:
        memory_mb = max(memory_mb, peak_mb(running.mark))
        time.sleep(_POLL_S)
    ended = running.end()
    fault = f"ends with {ended.code}: {ended.said.strip()[-200:]}" if ended.code else ""
    return Cost(kind.name, frames, ended.took_s, memory_mb, fault)


def row_of(costs: Sequence[Cost]) -> tuple[dict[str, Cell], str]:
    """A stage's row, and what is wrong with it."""
    row: dict[str, Cell] = {"stage": costs[0].stage}
    for cost in costs:
        row[f"{cost.frames:,} frames (s)"] = round(cost.time_s, 1)
    for cost in costs:
        row[f"{cost.frames:,} (MB)"] = round(cost.memory_mb)
    before, last = costs[-2:]
    power, growth = power_of(costs), last.memory_mb / max(before.memory_mb, 1.0)
    row["power of time"] = round(power, 2)
    faults = [cost.fault for cost in costs if cost.fault]
    if power > _MOST_POWER and last.time_s >= _LEAST_S:
        faults.append(f"time grows with power {power:.2f} of the number of frames")
    if growth > _MOST_GROWTH:
        faults.append(f"memory grows from {before.memory_mb:.0f} to {last.memory_mb:.0f} MB")
    return row, f"{last.stage}: {'; '.join(faults)}" if faults else ""


def power_of(costs: Sequence[Cost]) -> float:
    """Exponent between the two largest sizes."""
    one, other = costs[-2:]
    return math.log(other.time_s / one.time_s) / math.log(other.frames / one.frames)


def _report() -> Kind:
    return Kind("report", "stages.report", (), ())
