from pathlib import Path

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.lift.shape_priors import (
    CHATGPT,
    DATASET,
    Sizes,
    barriers_across,
    fills_its_box,
    load_priors,
    shape_priors,
    size_spread,
)
from cm3d.params import parse_params, read_yaml
from cm3d.tables.vocabulary import CLASS_NAMES


def names(*class_names: str) -> np.ndarray:
    return np.array(class_names, dtype=object)


def test_car_of_table_8() -> None:
    prior = CHATGPT["car"]
    assert (prior.length_m, prior.width_m, prior.height_m) == (4.5, 1.8, 1.5)
    prior = DATASET["car"]
    assert (prior.length_m, prior.width_m, prior.height_m) == (4.62, 1.91, 1.68)


@pytest.mark.parametrize("priors", [CHATGPT, DATASET])
def test_every_class_has_a_size_and_is_not_wider_than_long(priors: dict) -> None:
    assert set(priors) == set(CLASS_NAMES)
    assert all(prior.length_m >= prior.width_m > 0 for prior in priors.values())


def test_columns_by_class_name() -> None:
    sizes = shape_priors(names("bus", "pedestrian", "bus"), CHATGPT)
    assert sizes.length_m.tolist() == [12.0, 0.7, 12.0]
    assert sizes.width_m.tolist() == [2.5, 0.4, 2.5]
    assert sizes.height_m.tolist() == [4.0, 1.7, 4.0]


def test_no_boxes() -> None:
    assert [column.shape for column in shape_priors(names(), DATASET)] == [(0,)] * 3


def test_unknown_class() -> None:
    with pytest.raises(InputError, match="unknown class 'tram'"):
        shape_priors(names("car", "tram"), CHATGPT)


def written(path: Path, **changes: object) -> Path:
    """A file of priors, every class 2 m x 1 m x 1 m but for the changes; None leaves it out."""
    classes = dict.fromkeys(CLASS_NAMES, "{length_m: 2, width_m: 1, height_m: 1}") | changes
    path.write_text("".join(f"{name}: {value}\n" for name, value in classes.items() if value))
    return path


def test_table_8_by_name() -> None:
    assert load_priors("chatgpt") is CHATGPT
    assert load_priors("dataset") is DATASET


def test_priors_of_a_file(tmp_path: Path) -> None:
    file = written(tmp_path / "mine.yaml", bus="{width_m: 3, height_m: 3.5, length_m: 14}")
    sizes = shape_priors(names("bus", "car"), load_priors(str(file)))
    assert [column.tolist() for column in sizes] == [[14, 2], [3, 1], [3.5, 1]]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"bus": None}, "'bus'; every class needs length_m, width_m and height_m"),
        ({"bus": "{length_m: 2, width_m: 1}"}, "height_m.*; every class needs"),
        ({"bus": "{length_m: 2, width_m: 1, height_m: 1, depth_m: 1}"}, "depth_m.*; every class"),
        ({"bus": "[2, 1, 1]"}, "; every class needs"),
        ({"bus": "{length_m: long, width_m: 1, height_m: 1}"}, "'long'; every class needs"),
        ({"bus": "{length_m: -2, width_m: 1, height_m: 1}"}, "a size is no positive number"),
        ({"bus": "{length_m: 0, width_m: 1, height_m: 1}"}, "a size is no positive number"),
        ({"bus": "{length_m: .nan, width_m: 1, height_m: 1}"}, "a size is no positive number"),
        ({"bus": "{length_m: .inf, width_m: 1, height_m: 1}"}, "a size is no positive number"),
    ],
)
def test_fault_of_a_file_is_one_line(
    tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    file = written(tmp_path / "mine.yaml", **changes)
    with pytest.raises(InputError, match=f"mine.yaml: .*{complaint}") as caught:
        load_priors(str(file))
    assert "\n" not in str(caught.value)


def test_numbers_in_quotes_are_numbers(tmp_path: Path) -> None:
    file = written(tmp_path / "mine.yaml", bus='{length_m: "14", width_m: 3, height_m: 3}')
    assert shape_priors(names("bus"), load_priors(str(file))).length_m.tolist() == [14.0]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lift\.shape_prior: there is no file .*mine\.yaml"):
        load_priors(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(("prior", "known"), [("nonsense", False), ("dataset", True)])
def test_params_refuse_a_prior_that_is_no_name_and_no_file(
    project: Path, prior: str, known: bool
) -> None:
    values = read_yaml(project / "params.yaml")
    values["lift"]["shape_prior"] = prior
    if known:
        assert parse_params(values).lift.shape_prior == prior
    else:
        with pytest.raises(InputError, match=r"lift: .*shape_prior: chatgpt, dataset, or the path"):
            parse_params(values)


def test_what_else_is_known_of_classes() -> None:
    assert size_spread(names("truck", "car")).tolist() == [0.25, 0.1]
    filled = fills_its_box(np.array(CLASS_NAMES, dtype=object))
    hollow = [name for name, fills in zip(CLASS_NAMES, filled, strict=True) if not fills]
    assert hollow == ["pedestrian", "motorcycle", "bicycle"]


def test_barriers_are_wide_and_nothing_else_is_turned() -> None:
    size = Sizes(np.array([2.0, 0.5, 4.0]), np.array([0.5, 2.0, 2.0]), np.array([1.0, 1.0, 1.5]))
    turned = barriers_across(size, names("barrier", "barrier", "car"))
    assert turned.length_m.tolist() == [0.5, 0.5, 4.0]
    assert turned.width_m.tolist() == [2.0, 2.0, 2.0]
    assert turned.height_m is size.height_m
