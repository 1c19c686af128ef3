"""Render photographs of many simulated drives, with the object at each pixel, for training.

    PYTHONPATH=src python -m cm3d.simulation.teaching.render FOLDER --worlds 300

Towns depend on the seed, and seeds start at 1000: no data set that anything is scored on has
these towns, colours, textures or weather.
"""

import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.simulation.sensors.cameras import Picture, take_picture
from cm3d.simulation.sensors.rig import CAMERAS
from cm3d.simulation.sensors.snapshot import IndexedWorld
from cm3d.simulation.teaching.weather import draw_daylight, recoloured
from cm3d.simulation.town.town import LOCATIONS
from cm3d.simulation.world import build_world

FIRST_SEED: Final = 1000
WORLDS: Final = 300
_WORKERS: Final = 2
_DURATION_S: Final = 4.5
_INSTANTS: Final = 2
_IMAGE_SCALE: Final = 0.5
_DENSITY: Final = (0.8, 1.8)
_JPEG_QUALITY: Final = (60, 96)


def main() -> None:
    """Render the worlds named on the command line; those already there are kept."""
    parser = Arguments("cm3d.simulation.teaching.render", __doc__)
    parser.add_argument("folder", type=Path, help="where the images go")
    parser.add_argument("--worlds", type=int, default=WORLDS, help="how many drives")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    arguments = parser.parse_args()
    first_seed: int = arguments.first_seed
    render_worlds(arguments.folder, range(first_seed, first_seed + arguments.worlds))


def render_worlds(folder: Path, seeds: range) -> None:
    """Render the worlds of some seeds, in two processes."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(_WORKERS) as pool:
        for done, _ in enumerate(pool.map(partial(render_world, folder), seeds), 1):
            print(f"{done}/{len(seeds)} worlds", flush=True)


def render_world(folder: Path, seed: int) -> None:
    """Write a world's images, their instance ids, and last what class each instance has.

    Args:
        folder: Receives `SEED_N.jpg`, `SEED_N.png` and `SEED.json`.
        seed: Of town, traffic, colours and weather.
    """
    index_path = folder / f"{seed}.json"
    if index_path.is_file():
        return
    rng = default_rng([seed, 3])
    location = tuple(LOCATIONS)[seed % len(LOCATIONS)]
    density = float(rng.uniform(*_DENSITY))
    world = build_world(seed, f"simnet-{seed}", location, _DURATION_S, density)
    world = recoloured(world, rng)
    indexed, daylight, count = IndexedWorld(world), draw_daylight(rng), 0
    for instant in range(_INSTANTS):
        time_s = (instant + rng.random()) * _DURATION_S / _INSTANTS
        snapshot, global_SE3_ego = indexed.at(time_s), world.ego.global_SE3_ego(time_s)
        for mount in CAMERAS:
            pose = global_SE3_ego @ mount.ego_SE3_camera()
            picture = take_picture(snapshot, mount, _IMAGE_SCALE, pose, rng, daylight)
            _write(picture, folder / f"{seed}_{count}", rng)
            count += 1
    classes = {str(actor.instance_id): actor.class_name for actor in world.actors}
    index_path.write_text(json.dumps({"images": count, "classes": classes}))


def _write(picture: Picture, stem: Path, rng: Generator) -> None:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*_JPEG_QUALITY))]
    bgr = cv2.cvtColor(np.asarray(picture.rgb), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(stem.with_suffix(".jpg")), bgr, quality)
    cv2.imwrite(str(stem.with_suffix(".png")), picture.instance_id)


if __name__ == "__main__":
    run_program(main)
