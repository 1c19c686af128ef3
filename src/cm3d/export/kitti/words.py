"""KITTI's types for our classes."""

from typing import Final

from cm3d.taxonomy import Taxonomy

# `Misc` is KITTI's own type for what has no other; it has no busses, motorcycles or cones.
_OTHERS: Final = "Misc"
_TYPES: Final = {
    "car": "Car",
    "vehicle": "Car",  # Waymo's and so mostly cars
    "van": "Van",
    "truck": "Truck",
    "pickup_truck": "Truck",
    "medium_sized_truck": "Truck",
    "semi_truck": "Truck",
    "tram": "Tram",
    "pedestrian": "Pedestrian",
    "pedestrian_with_object": "Pedestrian",
    "adult": "Pedestrian",
    "child": "Pedestrian",
    "construction_worker": "Pedestrian",
    "police_officer": "Pedestrian",
    "bicycle": "Cyclist",
    "cyclist": "Cyclist",
}


def kitti_types(taxonomy: Taxonomy) -> dict[str, str]:
    """Type by class."""
    return {name: _TYPES.get(name, _OTHERS) for name in taxonomy.class_names}
