"""The class list as a value: a row per class, read from `taxonomies/NAME.yaml`.

Whatever depends on a class is a column of it. Class names stand in tables; inside, a class is its
index in the file's order, computed once where names come in (`Taxonomy.indices`).
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, ValidationError, model_validator

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.params.fields import Phrase, Positive, Section
from cm3d.params.files import faults_of, read_yaml

FOLDER: Final = Path("taxonomies")

# Boxes that know no class: SAM3D's proposals and the class-agnostic protocols.
OBJECT_CLASS: Final = "object"

ErrorName = Literal["ATE", "ASE", "AOE", "AVE", "AAE"]


class Size(Section):
    """Extents of a class's objects."""

    length_m: Positive
    width_m: Positive
    height_m: Positive


class Attributes(Section):
    """What objects of one kind do, as annotations call it."""

    constant: str
    unknown: str
    never_moved: str
    rests: str
    moves: str


class ClassRow(Section):
    """One class; `taxonomies/nuscenes.yaml` explains the columns."""

    categories: Annotated[tuple[str, ...], Field(min_length=1)]
    phrases: dict[str, Annotated[tuple[Phrase, ...], Field(min_length=1)]]
    sizes: dict[str, Size]
    length_spread: Positive
    fills_its_box: bool
    longer_side_across: bool
    motion: str
    follows_lanes: bool
    attributes: str | None
    mobile: bool
    range_m: Positive
    errors: tuple[ErrorName, ...]
    symmetric: bool
    stands_in_racks: bool
    suppression_m: Positive
    head: Annotated[int, Field(ge=0)]
    pasted: Annotated[int, Field(ge=0)]


class Taxonomy(Section):
    """Classes in the order of their indices.

    Args:
        name: Of the file.
        attribute_names: Of annotations.
        attributes: Kinds of what objects do, by name.
        classes: Rows by class name.
    """

    name: str
    attribute_names: tuple[str, ...]
    attributes: dict[str, Attributes]
    classes: Annotated[dict[str, ClassRow], Field(min_length=1)]

    @model_validator(mode="after")
    def _rows_agree(self) -> Self:
        if OBJECT_CLASS in self.classes:
            raise ValueError(f"classes: {OBJECT_CLASS!r} is what a box without a class is called")
        _refuse_doubles("category", {n: row.categories for n, row in self.classes.items()})
        sets = {name for row in self.classes.values() for name in row.phrases}
        for name in sets:
            if lacking := [n for n, row in self.classes.items() if name not in row.phrases]:
                raise ValueError(f"classes.{lacking[0]}.phrases: no set {name!r}")
            _refuse_doubles("phrase", {n: row.phrases[name] for n, row in self.classes.items()})
        for name, row in self.classes.items():
            if row.attributes is not None and row.attributes not in self.attributes:
                raise ValueError(f"classes.{name}.attributes: no kind {row.attributes!r}")
        return self

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of indices."""
        return tuple(self.classes)

    @cached_property
    def name_array(self) -> NDArrayObject:
        """(C,) the same, to be indexed by class indices."""
        return np.array(self.class_names, dtype=object)

    @cached_property
    def category_classes(self) -> dict[str, str]:
        """Class by category of a data set's annotations."""
        return {c: name for name, row in self.classes.items() for c in row.categories}

    @cached_property
    def heads(self) -> list[list[str]]:
        """Classes that share a head of a detector, in the order of heads and of indices."""
        numbers = sorted({row.head for row in self.classes.values()})
        return [[n for n, row in self.classes.items() if row.head == k] for k in numbers]

    def indices(self, class_names: NDArrayObject) -> NDArrayInt:
        """Class index (N,) of each name.

        Raises:
            InputError: A name is none of the classes.
        """
        known = pa.array(self.class_names, pa.string())
        found = pc.index_in(pa.array(class_names, pa.string()), value_set=known).fill_null(-1)
        indices = np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)
        if (indices < 0).any():
            unknown = class_names[np.argmin(indices)]
            raise InputError(
                f"unknown class {unknown!r}; the classes of taxonomy {self.name} are "
                f"{', '.join(self.class_names)}"
            )
        return indices

    def floats(self, column: str) -> NDArrayFloat:
        """A column of numbers (C,)."""
        return np.array([getattr(row, column) for row in self.classes.values()], dtype=np.float64)

    def flags(self, column: str) -> NDArrayBool:
        """A column of switches (C,)."""
        return np.array([getattr(row, column) for row in self.classes.values()], dtype=bool)

    def named(self, column: str) -> tuple[str, ...]:
        """Names of the classes whose switch is on."""
        return tuple(n for n, row in self.classes.items() if getattr(row, column))

    def attribute(self, case: str) -> NDArrayObject:
        """Attribute (C,) of each class in one case of `Attributes`; empty where it has none."""
        kinds = [row.attributes for row in self.classes.values()]
        names: Any = ["" if k is None else getattr(self.attributes[k], case) for k in kinds]
        return np.array(names, dtype=object)

    def phrases(self, prompts: str) -> dict[str, tuple[str, ...]]:
        """Phrases by class of one set.

        Raises:
            InputError: There is no such set.
        """
        first = next(iter(self.classes.values()))
        if prompts not in first.phrases:
            raise InputError(
                f"detect2d.prompts: taxonomy {self.name} has no set {prompts!r}, only "
                f"{', '.join(first.phrases)}"
            )
        return {name: row.phrases[prompts] for name, row in self.classes.items()}


def load_taxonomy(name: str, folder: Path = FOLDER) -> Taxonomy:
    """Read `<folder>/<name>.yaml`.

    Raises:
        InputError: There is no such file, or it is wrong; every error is listed by its path.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in folder.glob("*.yaml"))) or "none"
        raise InputError(
            f"taxonomy: no {path}; there are {there}; name one, or write it "
            "and `git add` it, since `dvc exp run --temp` copies what Git knows"
        )
    try:
        return Taxonomy.model_validate({"name": name, **read_yaml(path)})
    except ValidationError as error:
        raise InputError(f"{path}: {faults_of(error)}") from error


def _refuse_doubles(what: str, words: dict[str, tuple[str, ...]]) -> None:
    owner: dict[str, str] = {}
    for class_name, of_class in words.items():
        for word in of_class:
            if word in owner:
                raise ValueError(
                    f"classes.{class_name}: {what} {word!r} stands for {owner[word]} already"
                )
            owner[word] = class_name
