"""The embedded data set with Waymo's sensors, in Waymo's format; docs/waymo.md."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path

from cm3d.datasets.nuscenes.lanes import index_lanes
from cm3d.datasets.nuscenes.map_areas import index_map_areas
from cm3d.datasets.nuscenes.maps import MapExpansion, read_map
from cm3d.datasets.waymo import CARD, Waymo
from cm3d.datasets.waymo.conversion import Places, convert
from cm3d.datasets.waymo_sim.recording import record_segment, segment_of
from cm3d.execution.scenes import map_scenes
from cm3d.params import Params
from cm3d.simulation.database.assembly import write_surroundings
from cm3d.simulation.schedule import scene_plan
from cm3d.tables import Lanes
from cm3d.tables.map_areas import MapAreas
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True, eq=False)
class WaymoSim(Waymo):
    """Simulated segments, whose towns have maps; meets `protocol.DataSet`.

    Args:
        locations: Names of maps, by segment.
    """

    locations: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _map(self) -> Callable[[str], MapExpansion]:
        """One map by its location; the last one is kept, as lanes and areas are asked in turn."""
        return lru_cache(maxsize=1)(partial(read_map, self.root))

    def location(self, name: str) -> str:
        """Town of a segment."""
        return self.locations[name]

    def lanes(self, location: str, step_m: float) -> Lanes:
        """Centrelines of one town."""
        return index_lanes(self._map(location), step_m)

    def map_areas(self, location: str) -> MapAreas:
        """What one town has on the ground."""
        return index_map_areas(self._map(location))


def open_dataset(params: Params, taxonomy: Taxonomy, raw: Path) -> WaymoSim:
    """Drive through the simulated towns and write segments, then read them as Waymo's are read."""
    plans = {plan.scene_name: plan for plan in scene_plan(params.simulation)}
    record = partial(record_segment, plans=plans, params=params, raw=raw)
    map_scenes(record, plans, params.execution, "simulate")
    segments = {n: segment_of(plan, raw / params.dataset.version) for n, plan in plans.items()}
    places = Places(raw)
    convert_one = partial(convert, segments=segments, places=places)
    map_scenes(convert_one, plans, params.execution, "convert")
    write_surroundings(raw, list(plans.values()), params.seed)
    for of_work in ("records", "converted"):
        shutil.rmtree(raw / of_work)
    card = CARD.model_copy(update={"name": "waymo_sim", "embedded": True})
    locations = {name: plan.location for name, plan in plans.items()}
    return WaymoSim(segments, places, params.dataset.past_sweeps, taxonomy, {}, card, locations)
