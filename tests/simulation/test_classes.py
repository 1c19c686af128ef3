"""The simulator's ten words in other class lists."""

from pathlib import Path

import pytest

from cm3d.simulation.classes import CATEGORY_OF, CLASS_NAMES, names_in
from cm3d.simulation.database.annotations import CATEGORIES
from cm3d.simulation.traffic.catalogue import KINDS
from cm3d.taxonomy import Taxonomy, load_taxonomy


def test_in_the_ten_classes_of_nuscenes_they_are_themselves(taxonomy: Taxonomy) -> None:
    assert taxonomy.class_names == CLASS_NAMES
    assert names_in(taxonomy) == {name: name for name in CLASS_NAMES}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("car", "vehicle"),
        ("construction_vehicle", "vehicle"),
        ("motorcycle", "vehicle"),
        ("pedestrian", "pedestrian"),
        ("bicycle", "cyclist"),
        ("traffic_cone", None),
        ("barrier", None),
    ],
)
def test_in_three_classes(project: Path, name: str, expected: str | None) -> None:
    assert names_in(load_taxonomy("waymo", project / "taxonomies")).get(name) == expected


def test_in_eighteen_classes_people_are_adults(project: Path) -> None:
    names = names_in(load_taxonomy("nuscenes18", project / "taxonomies"))
    assert names["pedestrian"] == "adult"
    assert sorted(names) == sorted(CLASS_NAMES)


def test_categories_are_those_of_the_objects_that_drive_and_walk() -> None:
    assert set(CATEGORY_OF.values()) <= set(CATEGORIES)
    for kind in KINDS.values():
        if kind.category_name != "human.pedestrian.construction_worker":
            assert kind.category_name == CATEGORY_OF[kind.class_name]
