"""Class lists as files."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from nuscenes.eval.common.config import config_factory
from nuscenes.eval.detection.utils import category_to_detection_name

from cm3d.errors import InputError
from cm3d.params import load_params
from cm3d.simulation.database.annotations import CATEGORIES
from cm3d.taxonomy import Taxonomy, load_taxonomy

FOLDER = Path(__file__).resolve().parents[1] / "taxonomies"
FILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_a_taxonomy_that_params_go_with(name: str) -> None:
    taxonomy, params = load_taxonomy(name, FOLDER), load_params()
    assert taxonomy.name == name
    for row in taxonomy.classes.values():
        assert params.lift.shape_prior in row.sizes
        assert row.motion in params.lift.tracks.motion
        assert params.detect2d.prompts in row.phrases
        assert set(row.errors) >= {"ATE", "ASE"}
    assert sorted(chain.from_iterable(taxonomy.heads)) == sorted(taxonomy.class_names)


def test_ten_classes_are_those_of_the_devkit(taxonomy: Taxonomy) -> None:
    for category in CATEGORIES:
        assert taxonomy.category_classes.get(category) == category_to_detection_name(category)
    config = config_factory("detection_cvpr_2019")
    assert set(taxonomy.class_names) == set(config.class_names)
    for name, row in taxonomy.classes.items():
        assert row.range_m == config.class_range[name]


def test_eighteen_classes_split_people_and_add_the_long_tail() -> None:
    taxonomy = load_taxonomy("nuscenes18", FOLDER)
    assert len(taxonomy.class_names) == 18
    assert taxonomy.category_classes["human.pedestrian.child"] == "child"
    assert taxonomy.category_classes["vehicle.emergency.police"] == "emergency_vehicle"
    assert (taxonomy.floats("range_m") == 50).all()


def test_three_classes_take_motorcycles_for_vehicles() -> None:
    taxonomy = load_taxonomy("waymo", FOLDER)
    assert taxonomy.class_names == ("vehicle", "pedestrian", "cyclist")
    assert taxonomy.category_classes["vehicle.motorcycle"] == "vehicle"
    assert taxonomy.category_classes["vehicle.bicycle"] == "cyclist"


PANDASET_LABELS = (
    *("Car", "Pickup Truck", "Medium-sized Truck", "Semi-truck", "Towed Object", "Motorcycle"),
    *("Other Vehicle - Construction Vehicle", "Other Vehicle - Uncommon"),
    *("Other Vehicle - Pedicab", "Emergency Vehicle", "Bus", "Personal Mobility Device"),
    *("Motorized Scooter", "Bicycle", "Train", "Trolley", "Tram / Subway", "Pedestrian"),
    *("Pedestrian with Object", "Animals - Bird", "Animals - Other", "Pylons", "Road Barriers"),
    *("Signs", "Cones", "Construction Signs", "Temporary Construction Barriers"),
    "Rolling Containers",
)


def test_pandasets_labels_as_ten_classes_and_as_its_own(taxonomy: Taxonomy) -> None:
    ten, own = load_taxonomy("pandaset", FOLDER), load_taxonomy("pandaset25", FOLDER)
    assert ten.class_names == taxonomy.class_names
    assert taxonomy.category_classes.items() <= ten.category_classes.items()
    assert ten.category_classes["Pickup Truck"] == "truck"
    assert ten.category_classes["Towed Object"] == "trailer"
    assert set(ten.category_classes) - set(taxonomy.category_classes) < set(PANDASET_LABELS)
    assert len(own.class_names) == 25
    assert set(own.category_classes) == set(PANDASET_LABELS)
    assert own.category_classes["Animals - Bird"] == "animal"


def test_names_become_indices_in_the_order_of_the_file(taxonomy: Taxonomy) -> None:
    names = np.array(["barrier", "car", "bus"], dtype=object)
    assert taxonomy.indices(names).tolist() == [9, 0, 2]
    assert taxonomy.name_array[taxonomy.indices(names)].tolist() == names.tolist()
    assert taxonomy.indices(np.empty(0, dtype=object)).shape == (0,)
    with pytest.raises(InputError, match="unknown class 'tram'; the classes of taxonomy nuscenes"):
        taxonomy.indices(np.array(["car", "tram"], dtype=object))


def test_columns(taxonomy: Taxonomy) -> None:
    assert taxonomy.floats("suppression_m")[5] == 0.41833
    assert taxonomy.flags("follows_lanes").tolist() == [True] * 5 + [False] * 5
    assert taxonomy.named("stands_in_racks") == ("motorcycle", "bicycle")
    assert taxonomy.attribute("rests").tolist()[:6] == ["vehicle.stopped"] * 5 + [
        "pedestrian.standing"
    ]
    assert taxonomy.attribute("moves").tolist()[8:] == ["", ""]
    assert taxonomy.heads[1] == ["truck", "construction_vehicle"]


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = (FOLDER / "nuscenes.yaml").read_text()
    assert old in text
    (tmp_path / "mine.yaml").write_text(text.replace(old, new, 1))
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("length_spread: 0.10", "length_spread: wide", r"classes\.car\.length_spread: "),
        ("    motion: vehicle\n", "", r"classes\.car\.motion: Field required"),
        ("plain: [truck]", "plain: [car]", "phrase 'car' stands for car already"),
        ("      plain: [truck]\n", "", r"classes\.truck\.phrases: no set 'plain'"),
        ("[vehicle.truck]", "[vehicle.car]", "category 'vehicle.car' stands for car already"),
        ("attributes: vehicle", "attributes: boat", r"classes\.car\.attributes: no kind 'boat'"),
        ("  car:\n", "  object:\n", "'object' is what a box without a class is called"),
        ("synonyms: [car, sedan]", "synonyms: [Car.]", "words in lower case"),
        ("classes:", "klasses:", "classes: Field required"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_taxonomy("mine", edited(tmp_path, old, new))
    assert "mine.yaml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"taxonomy: no .*trams\.yaml; there are nuscenes, "):
        load_taxonomy("trams", FOLDER)
