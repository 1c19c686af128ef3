"""Simulate one scene: its sensor files, and its rows of the database."""

import json
from pathlib import Path

from cm3d.errors import InputError
from cm3d.params import Simulation
from cm3d.simulation.database.records import write_whole
from cm3d.simulation.recorder import Recorder
from cm3d.simulation.schedule import ScenePlan, Timeline, scene_plan
from cm3d.simulation.world import build_world

__all__ = ["ScenePlan", "record_path", "scene_plan", "simulate_scene"]


def record_path(root: Path, scene_name: str) -> Path:
    """Where a finished scene's rows wait for `assemble_database`."""
    return root / "records" / f"{scene_name}.json"


def simulate_scene(plan: ScenePlan, seed: int, params: Simulation, root: Path) -> None:
    """Write a scene's sensor files and, last, its record; a finished scene is left alone.

    Args:
        plan: Which scene.
        seed: The source of all randomness.
        params: Scale and sensors.
        root: Folder of the data set.

    Raises:
        InputError: The folder cannot be written.
    """
    path = record_path(root, plan.scene_name)
    if path.is_file():
        return
    duration_s = Timeline(params.keyframes_per_scene).duration_s
    density = params.traffic_density
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        world = build_world(seed, plan.scene_name, plan.location, duration_s, density)
        record = Recorder(world, plan, seed, params, root).record()
        write_whole(path, json.dumps(record).encode())
    except OSError as error:
        raise InputError(f"{root}: cannot be written ({error.strerror}); free it") from error
