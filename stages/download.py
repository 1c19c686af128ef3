"""Bring the data set here and index it, so that no later stage opens its metadata again.

Simulates the embedded data set, or checks (and on request fetches) nuScenes, whose files stay
where they are: `data/raw` then holds a manifest alone.
"""

from functools import partial
from pathlib import Path

from cm3d.datasets.database import NuScenesTables
from cm3d.datasets.fetch import fetch
from cm3d.datasets.lanes import index_lanes
from cm3d.datasets.manifest import metadata_manifest
from cm3d.datasets.nuscenes import IndexedScene, index_scene
from cm3d.datasets.root import dataset_root
from cm3d.datasets.splits import label_ranks, scene_names
from cm3d.datasets.verify import check_sensor_files, check_tables, missing_maps
from cm3d.execution.files import write_json
from cm3d.execution.resume import resumable_folder
from cm3d.execution.scenes import map_scenes
from cm3d.execution.stage import run_stage
from cm3d.params import Params, load_params
from cm3d.simulation.database.assembly import assemble_database
from cm3d.simulation.scene import simulate_scene
from cm3d.simulation.schedule import ScenePlan, scene_plan
from cm3d.tables import layout


def main() -> None:
    """Run the stage."""
    params = load_params()
    with (
        resumable_folder("download", layout.RAW) as raw,
        resumable_folder("download", layout.INDEX) as index,
    ):
        if params.dataset.name == "sim":
            simulate(raw, params)
            counts = write_index(raw, index, params)
        else:
            root = dataset_root(params.dataset)
            check_nuscenes(root, raw, params)
            counts = write_index(root, index, params)
    write_json(layout.METRICS / "download.json", counts)


def simulate(root: Path, params: Params) -> None:
    """Drive through the simulated towns, scene by scene, and write their database."""
    plans = {plan.scene_name: plan for plan in scene_plan(params.simulation)}
    drive = partial(_drive, plans=plans, params=params, root=root)
    map_scenes(drive, plans, params.execution, "simulate")
    assemble_database(
        root, params.dataset.version, list(plans.values()), params.seed, params.simulation
    )


def _drive(scene: str, plans: dict[str, ScenePlan], params: Params, root: Path) -> None:
    simulate_scene(plans[scene], params.seed, params.simulation, root)


def check_nuscenes(root: Path, raw: Path, params: Params) -> None:
    """Fetch v1.0-mini on request, make sure that the metadata is there, identify it."""
    if params.dataset.fetch:
        fetch(root, params.dataset.version)
    check_tables(root, params.dataset.version)
    write_json(raw / "manifest.json", metadata_manifest(root, params.dataset.version))


def write_index(root: Path, index: Path, params: Params) -> dict[str, int]:
    """Index every scene of both splits and every map; returns what was counted."""
    tables = NuScenesTables(root, params.dataset.version)
    ranks = label_ranks(tables, params.seed)
    names = [name for split in scene_names(tables).values() for name in split]
    counts: dict[str, int] = {"scenes": len(names)}
    for name in names:
        scene = index_scene(tables, name, params.dataset.past_sweeps, ranks)
        check_sensor_files(root, params.dataset.version, [*scene.sweeps.path, *scene.cameras.path])
        for table, rows in write_scene(scene, index, name).items():
            counts[table] = counts.get(table, 0) + rows
    locations = {tables.location(name) for name in names}
    for location in sorted(locations):
        lanes = index_lanes(root, location, params.dataset.lane_step_m)
        lanes.write(index / layout.LANES.name / f"{location}.parquet")
    if warning := missing_maps(root, locations):
        print(f"note: {warning}")
    return counts


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
