"""Bring the data set here and index it, so that no later stage opens its metadata again.

What lies elsewhere stays there: `data/raw` then holds manifests alone.
"""

from pathlib import Path

import numpy as np

from cm3d.datasets.checks import check_scene, check_splits, check_tokens
from cm3d.datasets.guest import open_dataset
from cm3d.datasets.keyframes import with_counted_points
from cm3d.datasets.protocol import DataSet, IndexedScene
from cm3d.errors import InputError
from cm3d.execution.publication import publication
from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.sensors.card import Sensors
from cm3d.sensors.images import image_size_px
from cm3d.sensors.lidar import is_whole
from cm3d.tables import layout
from cm3d.taxonomy import load_taxonomy

_NAMED = 5


def main() -> None:
    """Run the stage."""
    params = load_params()
    taxonomy = load_taxonomy(params.taxonomy)
    with publication("download") as made:
        dataset = open_dataset(params, taxonomy, made.folder(layout.RAW))
        index = made.empty_folder(layout.INDEX)
        counts = write_index(dataset, index, params.dataset.lane_step_m)
        made.json(layout.METRICS / "download.json", counts)


def write_index(dataset: DataSet, index: Path, lane_step_m: float) -> dict[str, int]:
    """Index every scene of both splits and every map; returns what was counted.

    Raises:
        InputError: A scene or one of its files is broken; the message names it.
    """
    scenes = dataset.scenes()
    check_splits(scenes)
    dataset.card.write(index / layout.CARD.name)
    sensors = Sensors(dataset.root, dataset.card.lidar)
    split_of = {name: split for split, names in scenes.items() for name in names}
    counts, locations = {"scenes": len(split_of)}, set[str]()
    owners: dict[tuple[str, str], str] = {}
    for name, split in split_of.items():
        try:
            scene = dataset.scene(name)
        except InputError as error:
            raise InputError(f"scene {name}: {error}") from error
        check_scene(name, split, scene)
        check_tokens(name, scene, owners)
        check_sensor_files(dataset, scene)
        check_image_sizes(dataset, scene)
        scene = with_counted_points(scene, sensors)
        locations |= set(scene.frames.location) - {""}
        for table, rows in write_scene(scene, index, name).items():
            counts[table] = counts.get(table, 0) + rows
    for folder in (layout.LANES, layout.MAP_AREAS):
        (index / folder.name).mkdir(exist_ok=True)
    for location in sorted(locations):
        lanes = dataset.lanes(location, lane_step_m)
        lanes.write(index / layout.LANES.name / f"{location}.parquet")
        areas = dataset.map_areas(location)
        areas.write(index / layout.MAP_AREAS.name / f"{location}.parquet")
    for note in dataset.notes(sorted(locations)):
        print(f"note: {note}")
    return counts


def check_sensor_files(dataset: DataSet, scene: IndexedScene) -> None:
    """Check that the sensor files of a scene are there and not cut short.

    Raises:
        InputError: Some are not; the message names the first few.
    """
    root, lidar = dataset.root, dataset.card.lidar
    sweeps, images = sorted(set(scene.sweeps.path)), sorted(set(scene.cameras.path))
    missing = [path for path in sweeps if not is_whole(root / path, lidar)]
    missing += [path for path in images if not _has_content(root / path)]
    if missing:
        total, more = len(sweeps) + len(images), len(missing) - _NAMED
        raise InputError(
            f"{root}: {len(missing)} of {total} sensor files of scene {scene.frames.scene_name[0]} "
            f"are missing or cut short: {', '.join(missing[:_NAMED])}"
            f"{f' and {more} more' if more > 0 else ''}; unpack the data set there, keyframes and "
            "sweeps, or correct dataset.root"
        )


def check_image_sizes(dataset: DataSet, scene: IndexedScene) -> None:
    """Check the first image of each camera of a scene against the size that the index has.

    Raises:
        InputError: A size is another one; the message names the file.
    """
    cameras = scene.cameras
    for row in np.unique(cameras.channel.astype(str), return_index=True)[1]:
        path = dataset.root / cameras.path[row]
        declared_px = (int(cameras.width_px[row]), int(cameras.height_px[row]))
        width_px, height_px = image_size_px(path)
        if (width_px, height_px) != declared_px:
            raise InputError(
                f"{path}: {width_px} x {height_px} px, but scene {scene.frames.scene_name[0]} has "
                f"{declared_px[0]} x {declared_px[1]} px for camera {cameras.channel[row]}; "
                "correct the size, and the intrinsics with it"
            )


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def write_scene(scene: IndexedScene, index: Path, name: str) -> dict[str, int]:
    """Write the tables of one scene; returns their lengths."""
    tables = {
        layout.FRAMES.name: scene.frames,
        layout.SWEEPS.name: scene.sweeps,
        layout.CAMERAS.name: scene.cameras,
        layout.GROUND_TRUTH.name: scene.ground_truth,
        layout.BICYCLE_RACKS.name: scene.bicycle_racks,
    }
    for folder, table in tables.items():
        table.write(index / folder / f"{name}.parquet")
    return {folder: len(table) for folder, table in tables.items()}


if __name__ == "__main__":
    run_stage(main)
