from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.lift.priors import (
    Priors,
    Sizes,
    load_priors,
    turned_across,
)
from cm3d.taxonomy import Taxonomy
from tests.lift.known import CHATGPT, CLASS_NAMES, DATASET, TAXONOMY


def names(*class_names: str) -> np.ndarray:
    return np.array(class_names, dtype=object)


def sizes_of(*class_names: str, priors: Priors) -> list[list[float]]:
    """Length, width and height of each."""
    size = priors.known(names(*class_names)).size
    return np.column_stack([size.length_m, size.width_m, size.height_m]).tolist()


def test_car_of_table_8() -> None:
    for priors, sides in ((CHATGPT, [4.5, 1.8, 1.5]), (DATASET, [4.62, 1.91, 1.68])):
        (prior,) = sizes_of("car", priors=priors)
        assert prior == sides


@pytest.mark.parametrize("priors", [CHATGPT, DATASET])
def test_every_class_has_a_size_and_is_not_wider_than_long(priors: Priors) -> None:
    size = priors.of_class.size
    assert len(size) == len(CLASS_NAMES)
    assert ((size.length_m >= size.width_m) & (size.width_m > 0)).all()


def test_columns_by_class_name() -> None:
    sizes = CHATGPT.known(names("bus", "pedestrian", "bus")).size
    assert sizes.length_m.tolist() == [12.0, 0.7, 12.0]
    assert sizes.width_m.tolist() == [2.5, 0.4, 2.5]
    assert sizes.height_m.tolist() == [4.0, 1.7, 4.0]


def test_no_boxes() -> None:
    assert len(DATASET.known(names()).size) == 0


def test_unknown_class() -> None:
    with pytest.raises(InputError, match="unknown class 'tram'"):
        CHATGPT.known(names("car", "tram"))


def written(path: Path, **changes: object) -> Path:
    """A file of priors, every class 2 m x 1 m x 1 m but for the changes; None leaves it out."""
    classes = dict.fromkeys(CLASS_NAMES, "{length_m: 2, width_m: 1, height_m: 1}") | changes
    path.write_text("".join(f"{name}: {value}\n" for name, value in classes.items() if value))
    return path


def test_set_that_a_class_lacks_names_all_three() -> None:
    values = TAXONOMY.model_dump()
    del values["classes"]["bus"]["sizes"]["dataset"]
    partly = Taxonomy.model_validate(values)
    message = r"lift\.shape_prior: class bus of taxonomy nuscenes has no sizes 'dataset'"
    with pytest.raises(InputError, match=message):
        load_priors("dataset", partly)
    assert len(load_priors("chatgpt", partly).of_class) == 10


def test_priors_of_a_file(tmp_path: Path) -> None:
    file = written(tmp_path / "mine.yaml", bus="{width_m: 3, height_m: 3.5, length_m: 14}")
    priors = load_priors("chatgpt", TAXONOMY, str(file))
    assert sizes_of("bus", "car", priors=priors) == [[14, 3, 3.5], [2, 1, 1]]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"bus": None}, "no 'bus'; every class of taxonomy nuscenes needs length_m"),
        ({"bus": "{length_m: 2, width_m: 1}"}, "bus.height_m: Field required"),
        ({"bus": "{length_m: 2, width_m: 1, height_m: 1, depth_m: 1}"}, "bus.depth_m: Extra"),
        ({"bus": "[2, 1, 1]"}, "bus: Input should be a valid dictionary"),
        ({"bus": "{length_m: long, width_m: 1, height_m: 1}"}, "bus.length_m: .* valid number"),
        ({"bus": "{length_m: -2, width_m: 1, height_m: 1}"}, "bus.length_m: .* 0.01"),
        ({"bus": "{length_m: 0, width_m: 1, height_m: 1}"}, "bus.length_m: .* 0.01"),
        ({"bus": "{length_m: .nan, width_m: 1, height_m: 1}"}, "bus.length_m: .* finite"),
        ({"bus": "{length_m: .inf, width_m: 1, height_m: 1}"}, "bus.length_m: .* finite"),
        ({"bus": "{length_m: 1.0e+9, width_m: 1, height_m: 1}"}, "bus.length_m: .* 100"),
    ],
)
def test_fault_of_a_file_is_one_line(
    tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    file = written(tmp_path / "mine.yaml", **changes)
    with pytest.raises(InputError, match=f"mine.yaml: .*{complaint}") as caught:
        load_priors("chatgpt", TAXONOMY, str(file))
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.yaml: missing; correct lift\.shape_prior_file"):
        load_priors("chatgpt", TAXONOMY, str(tmp_path / "mine.yaml"))


def test_word_that_is_no_set_is_told_the_sets() -> None:
    with pytest.raises(InputError, match=r"no sizes 'nonsense'; .*: chatgpt, dataset"):
        load_priors("nonsense", TAXONOMY)


def test_what_else_is_known_of_classes() -> None:
    assert CHATGPT.known(names("truck", "car")).length_spread.tolist() == [0.25, 0.1]
    known = CHATGPT.of_class
    hollow = known.class_name[~known.fills_its_box].tolist()
    assert hollow == ["pedestrian", "motorcycle", "bicycle"]
    assert known.class_index.tolist() == list(range(10))
    assert known[known.longer_side_across].class_name.tolist() == ["barrier"]


def test_barriers_are_wide_and_nothing_else_is_turned() -> None:
    known = CHATGPT.known(names("barrier", "barrier", "car"))
    size = Sizes(np.array([2.0, 0.5, 4.0]), np.array([0.5, 2.0, 2.0]), np.array([1.0, 1.0, 1.5]))
    turned = turned_across(replace(known, size=size))
    assert turned.length_m.tolist() == [0.5, 0.5, 4.0]
    assert turned.width_m.tolist() == [2.0, 2.0, 2.0]
    assert turned.height_m is size.height_m


def test_attribute_of_each_class() -> None:
    attributes = CHATGPT.of_class.attribute_name.tolist()
    assert attributes == [
        *["vehicle.stopped"] * 5,
        "pedestrian.standing",
        *["cycle.without_rider"] * 2,
        *[""] * 2,
    ]
    assert set(attributes) - {""} <= set(TAXONOMY.attribute_names)
