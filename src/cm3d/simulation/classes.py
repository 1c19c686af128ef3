"""The ten classes that the simulator, its networks and its error model speak of.

They are what the networks were trained on, whatever class list the pipeline works with: `names_in`
translates at the door, by nuScenes' categories.
"""

from typing import Final

from cm3d.taxonomy import Taxonomy

# Commonest category of each class; the order is that of the detector's heatmaps.
CATEGORY_OF: Final = {
    "car": "vehicle.car",
    "truck": "vehicle.truck",
    "bus": "vehicle.bus.rigid",
    "trailer": "vehicle.trailer",
    "construction_vehicle": "vehicle.construction",
    "pedestrian": "human.pedestrian.adult",
    "motorcycle": "vehicle.motorcycle",
    "bicycle": "vehicle.bicycle",
    "traffic_cone": "movable_object.trafficcone",
    "barrier": "movable_object.barrier",
}
CLASS_NAMES: Final = tuple(CATEGORY_OF)


def names_in(taxonomy: Taxonomy) -> dict[str, str]:
    """The taxonomy's class for each of the ten, but for those whose category no class holds."""
    known = taxonomy.category_classes
    return {name: known[category] for name, category in CATEGORY_OF.items() if category in known}
