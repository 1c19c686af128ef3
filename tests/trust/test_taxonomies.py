"""What a class list must not hold, and class names that it does not have."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from cm3d.params import read_yaml
from cm3d.taxonomy import load_taxonomy
from tests.trust.refusal import refuses

FOLDER = Path(__file__).resolve().parents[2] / "taxonomies"
VALUES = read_yaml(FOLDER / "nuscenes.yaml")
TEXT = (FOLDER / "nuscenes.yaml").read_bytes()

# Path of a field, its value, words of the message beside the file.
FIELDS: list[tuple[str, Any, str]] = [
    ("classes/car/sizes/chatgpt/length_m", 1e9, "classes.car.sizes.chatgpt.length_m: "),
    ("classes/car/sizes/chatgpt/length_m", 0, "0.01"),
    ("classes/car/sizes/chatgpt/width_m", -1.8, "0.01"),
    ("classes/car/sizes/chatgpt/width_m", float("nan"), "finite"),
    ("classes/car/sizes/chatgpt/height_m", float("inf"), "finite"),
    ("classes/car/sizes/chatgpt/height_m", True, "valid number"),
    ("classes/car/sizes/chatgpt/height_m", "1.5", "valid number"),
    ("classes/car/sizes/chatgpt/height_m", 10**400, "valid number"),
    ("classes/car/sizes/chatgpt", None, "classes.car.sizes.chatgpt: "),
    ("classes/car/sizes/chatgpt", [4.5, 1.8, 1.5], "classes.car.sizes.chatgpt: "),
    ("classes/car/range_m", 1e-9, "classes.car.range_m: "),
    ("classes/car/range_m", 1e9, "1000"),
    ("classes/car/range_m", None, "valid number"),
    ("classes/car/length_spread", 0, "0.001"),
    ("classes/car/length_spread", 1e9, "classes.car.length_spread: "),
    ("classes/car/suppression_m", 0, "0.01"),
    ("classes/car/suppression_m", 1e9, "100"),
    ("classes/car/errors", ["ATE", "ATE"], "classes.car.errors: ATE stands twice; name it once"),
    ("classes/car/errors", ["ATE", "APE"], "classes.car.errors.1: "),
    ("classes/car/errors", "ATE", "classes.car.errors: "),
    ("classes/car/head", -1, "classes.car.head: "),
    ("classes/car/head", 10**9, "1000"),
    ("classes/car/head", True, "valid integer"),
    ("classes/car/pasted", 10**9, "1000"),
    ("classes/car/mobile", 1, "valid boolean"),
    ("classes/car/motion", "a/b", "classes.car.motion: "),
    ("classes/car/motion", None, "classes.car.motion: "),
    ("classes/car/categories", [], "classes.car.categories: "),
    ("classes/car/categories", [7], "classes.car.categories.0: "),
    ("classes/car/categories", [""], "classes.car.categories.0: "),
    ("classes/car/categories", ["vehicle.car", "vehicle.car"], "stands for car already"),
    ("classes/car/phrases/plain", [], "classes.car.phrases.plain: "),
    ("classes/car/phrases/plain", ["Car"], "words in lower case"),
    ("classes/car/attributes", "boat", "classes.car.attributes: no kind 'boat'"),
    ("classes/car", None, "classes.car: "),
    ("classes", {}, "classes: "),
    ("classes", None, "classes: "),
    ("classes", ["car"], "classes: "),
    ("attributes/vehicle/moves", "vehicle.flying",
     "attributes.vehicle.moves: 'vehicle.flying' is not among attribute_names; add it"),
    ("attributes/vehicle/constant", 3, "attributes.vehicle.constant: "),
    ("attributes/vehicle", None, "attributes.vehicle: "),
    ("attribute_names", [], "is not among attribute_names"),
    ("attribute_names", ["vehicle.moving"] * 2, "attribute_names: 'vehicle.moving' stands twice"),
    ("attribute_names", None, "attribute_names: "),
    ("name", "other", "name: "),
]  # fmt: skip


def written(folder: Path, field: str, value: Any) -> Path:
    """The ten classes with another value in one field."""
    content = YAML(typ="safe").load(TEXT)
    *parents, leaf = field.split("/")
    section = content
    for key in parents:
        section = section[key]
    section[leaf] = value
    with (folder / "mine.yaml").open("w") as file:
        YAML(typ="safe").dump(content, file)
    return folder


@pytest.mark.parametrize(("field", "value", "words"), FIELDS)
def test_fields(tmp_path: Path, field: str, value: Any, words: str) -> None:
    refuses(lambda: load_taxonomy("mine", written(tmp_path, field, value)), "mine.yaml: ", words)


FILES: list[tuple[str, bytes, str]] = [
    ("empty", b"", "not a mapping"),
    ("a list", b"- car\n", "not a mapping"),
    ("not UTF-8", TEXT.replace(b"# The", b"# Th\xe9", 1), "not valid YAML: 'utf-8'"),
    ("nests too deep", b"classes: " + b"[" * 2_000, "not valid YAML"),
    ("a class twice", TEXT + TEXT[TEXT.index(b"  car:") : TEXT.index(b"  truck:")],
     'duplicate key "car"'),
    ("a key unknown", TEXT + b"\ncolour: red\n", "colour: Extra inputs"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in FILES], ids=[r[0] for r in FILES]
)
def test_files(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "mine.yaml").write_bytes(content)
    refuses(lambda: load_taxonomy("mine", tmp_path), "mine.yaml: ", words)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + TEXT, TEXT.replace(b"\n", b"\r\n")])
def test_marks_and_line_ends_of_other_systems_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "nuscenes.yaml").write_bytes(content)
    assert load_taxonomy("nuscenes", tmp_path) == load_taxonomy("nuscenes", FOLDER)


def test_a_class_that_the_list_does_not_have_is_named_with_its_file() -> None:
    taxonomy = load_taxonomy("nuscenes", FOLDER)
    names = np.array(["car", "tram"], dtype=object)
    words = ("data/masks/s.parquet: row 1: ", "unknown class 'tram'", "taxonomy nuscenes", "rerun")
    refuses(lambda: taxonomy.check(names, Path("data/masks/s.parquet"), "rerun it"), *words)
    taxonomy.check(names[:1], Path("data/masks/s.parquet"), "rerun it")
