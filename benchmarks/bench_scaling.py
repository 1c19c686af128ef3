"""Lifting whole scenes from files: speedup by workers, and memory by length of the scene.

Scenes repeat one keyframe (the real one or, without it, a random one) with three sweeps each, and
go through `map_scenes` as in the stage. Memory is the largest resident set of a worker.
"""

import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.keyframes import measured_keyframe
from benchmarks.scene_tables import SceneTables, temporary_project
from benchmarks.timing import usable_cores
from cm3d.execution.scenes import map_scenes
from cm3d.lift.shape_priors import load_priors
from cm3d.params import load_params
from cm3d.tables import Boxes3D
from stages.lift import lift_scene

_SWEEPS: Final = 3
_SCENES: Final = 8
_FRAMES: Final = 10
_WORKERS: Final = (1, 2, 4)
_LENGTHS: Final = (10, 100)


def main() -> None:
    """Measure and print both tables."""
    params = load_params()
    with temporary_project() as folder:
        scene = measured_keyframe(folder, params.dataset.lane_step_m)
        params = scene.use_in(params)
        lift = partial(lift_scene, priors=load_priors(params.lift.shape_prior), params=params)
        show_speedup(scene, lift, params.lift.recipe)
        show_memory(scene, lift)


def show_speedup(scene: SceneTables, lift: Callable[[str], Boxes3D], recipe: str) -> None:
    """Time of all scenes by number of workers."""
    names = write_scenes(scene, _SCENES, _FRAMES)
    table = Table(
        title=f"{_SCENES} scenes of {_FRAMES} frames, {_SWEEPS} sweeps, {recipe} recipe, "
        f"{usable_cores()} cores"
    )
    for heading in ("workers", "s", "of it their start s", "speedup", "without start"):
        table.add_column(heading, justify="right")
    alone_s = seconds(lift, names, workers=1)
    for workers in _WORKERS:
        total_s = alone_s if workers == 1 else seconds(lift, names, workers)
        start_s = seconds(len, names, workers)
        speedups = alone_s / total_s, alone_s / (total_s - start_s)
        table.add_row(str(workers), *(f"{value:.2f}" for value in (total_s, start_s, *speedups)))
    Console().print(table)


def show_memory(scene: SceneTables, lift: Callable[[str], Boxes3D]) -> None:
    """Largest resident set of a worker by number of frames in its scene."""
    table = Table(title="largest resident set of a worker, MB")
    for heading in ("frames", "libraries", "with the scene"):
        table.add_column(heading, justify="right")
    for frames in _LENGTHS:
        # Beside a second scene, for one alone would stay in this process.
        names = [*write_scenes(scene, 1, frames), *write_scenes(scene, 1, 1)]
        resident = map_scenes(partial(resident_mb, lift), names, 2, "memory")
        table.add_row(str(frames), *(f"{value:.0f}" for value in resident[names[0]]))
    Console().print(table)


def write_scenes(scene: SceneTables, count: int, frames: int) -> list[str]:
    """Write equal scenes; their names."""
    names = [f"scene-{frames}-{index}" for index in range(count)]
    for name in names:
        scene.repeated(frames, _SWEEPS).write(name)
    return names


def seconds(function: Callable[[str], object], names: list[str], workers: int) -> float:
    """Wall-clock time of all scenes, the start of the workers included."""
    start_s = time.perf_counter()
    map_scenes(function, names, workers, "scenes")
    return time.perf_counter() - start_s


def resident_mb(lift: Callable[[str], Boxes3D], scene: str) -> tuple[float, float]:
    """Largest resident set of this process before and after lifting a scene."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lift(scene)
    return before / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
