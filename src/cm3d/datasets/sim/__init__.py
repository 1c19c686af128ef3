"""The embedded data set: simulated on the spot (`cm3d.simulation`), in nuScenes' format."""

from functools import partial
from pathlib import Path

from cm3d.datasets.nuscenes import CARD, NuScenes
from cm3d.execution.scenes import map_scenes
from cm3d.params import Params
from cm3d.simulation.database.assembly import assemble_database
from cm3d.simulation.recorder import simulate_scene
from cm3d.simulation.schedule import ScenePlan, scene_plan
from cm3d.taxonomy import Taxonomy


def open_dataset(params: Params, taxonomy: Taxonomy, raw: Path) -> NuScenes:
    """Drive through the simulated towns, scene by scene, and write their database."""
    plans = {plan.scene_name: plan for plan in scene_plan(params.simulation)}
    drive = partial(_drive, plans=plans, params=params, raw=raw)
    map_scenes(drive, plans, params.execution, "simulate")
    version = params.dataset.version
    assemble_database(raw, version, list(plans.values()), params.seed)
    card = CARD.model_copy(update={"name": "sim", "embedded": True})
    return NuScenes(raw, version, params.dataset.past_sweeps, taxonomy, card)


def _drive(scene: str, plans: dict[str, ScenePlan], params: Params, raw: Path) -> None:
    simulate_scene(plans[scene], params.seed, params.simulation, raw)
