"""Lifting whole scenes from files: speedup by workers, and memory by length of the scene.

Scenes repeat one keyframe (the real one or, without it, a random one) with three sweeps each, and
go through `map_scenes` as in the stage. Memory is the largest resident set of a worker.
"""

import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.keyframes import measured_keyframe
from benchmarks.scene_tables import SceneTables, temporary_project
from cm3d.execution.devices import usable_cores
from cm3d.execution.scenes import map_scenes
from cm3d.lift.explained import ExplainedBoxes
from cm3d.lift.priors import load_priors
from cm3d.params import Execution, Params, load_params
from cm3d.taxonomy import load_taxonomy
from stages.lift import lift_scene

_SWEEPS: Final = 3
_SCENES: Final = 8
_FRAMES: Final = 5
_ROUNDS: Final = 3
_WORKERS: Final = (1, 2, 4)
_LENGTHS: Final = (10, 100)


def main() -> None:
    """Measure and print both tables."""
    params = load_params()
    start_s = start_of_workers(params.execution)
    taxonomy = load_taxonomy("nuscenes")
    priors = load_priors(params.lift.shape_prior, taxonomy, params.lift.shape_prior_file)
    with temporary_project() as folder:
        scene = measured_keyframe(folder, params.dataset.lane_step_m, taxonomy)
        lift = partial(lift_scene, priors=priors, sensors=scene.sensors, params=params.lift)
        show_speedup(scene, lift, params, start_s)
        show_memory(scene, lift, params.execution)


def processes(execution: Execution, workers: int) -> Execution:
    """So many processes, whatever engine params.yaml names."""
    return execution.model_copy(update={"engine": "processes", "workers": workers})


def start_of_workers(execution: Execution) -> float:
    """Start the process that workers are forked from, so that no later time contains it."""
    start_s = time.perf_counter()
    map_scenes(len, ["one", "two"], processes(execution, 2), "start")
    return time.perf_counter() - start_s


def show_speedup(
    scene: SceneTables, lift: Callable[[str], ExplainedBoxes], params: Params, start_s: float
) -> None:
    """Time of all scenes by number of workers, the best of some rounds."""
    names = write_scenes(scene, _SCENES, _FRAMES)
    executions = [processes(params.execution, workers) for workers in _WORKERS]
    rounds = [[lifting_s(lift, names, each) for each in executions] for _ in range(_ROUNDS)]
    best_s = np.min(rounds, axis=0)
    recipe = params.lift.recipe
    table = Table(
        title=f"{_SCENES} scenes of {_FRAMES} frames, {recipe} recipe, {usable_cores()} cores",
        caption=f"imports of the workers, {start_s:.1f} s, left out",
    )
    for heading in ("workers", "s", "speedup", "CPU s"):
        table.add_column(heading, justify="right")
    for workers, (wall_s, cpu_s) in zip(_WORKERS, best_s, strict=True):
        speedup = best_s[0, 0] / wall_s
        table.add_row(str(workers), f"{wall_s:.2f}", f"{speedup:.2f}", f"{cpu_s:.2f}")
    Console().print(table)


def show_memory(
    scene: SceneTables, lift: Callable[[str], ExplainedBoxes], execution: Execution
) -> None:
    """Largest resident set of a worker by number of frames in its scene."""
    table = Table(title="largest resident set of a worker, MB")
    for heading in ("frames", "at its start", "at most"):
        table.add_column(heading, justify="right")
    for frames in _LENGTHS:
        # Beside a second scene, for one alone would stay in this process.
        names = [*write_scenes(scene, 1, frames), *write_scenes(scene, 1, 1)]
        resident = map_scenes(partial(resident_mb, lift), names, processes(execution, 2), "memory")
        table.add_row(str(frames), *(f"{value:.0f}" for value in resident[names[0]]))
    Console().print(table)


def write_scenes(scene: SceneTables, count: int, frames: int) -> list[str]:
    """Write equal scenes; their names."""
    names = [f"scene-{frames}-{index}" for index in range(count)]
    for name in names:
        scene.repeated(frames, _SWEEPS).write(name)
    return names


def lifting_s(
    lift: Callable[[str], ExplainedBoxes], names: list[str], execution: Execution
) -> tuple[float, float]:
    """Wall-clock time of all scenes, and CPU time of all workers."""
    start_s = time.perf_counter()
    cpu_s = map_scenes(partial(cpu_time_s, lift), names, execution, "scenes")
    return time.perf_counter() - start_s, sum(cpu_s.values())


def cpu_time_s(lift: Callable[[str], ExplainedBoxes], scene: str) -> float:
    """CPU time that this process spends on a scene, its threads included."""
    start_s = time.process_time()
    lift(scene)
    return time.process_time() - start_s


def resident_mb(lift: Callable[[str], ExplainedBoxes], scene: str) -> tuple[float, float]:
    """Largest resident set of this process before and after lifting a scene."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lift(scene)
    return before / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
