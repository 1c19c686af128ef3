"""The class list as a value: a row per class, read from `taxonomies/NAME.yaml`.

Whatever depends on a class is a column of it. Class names stand in tables; inside, a class is its
index in the file's order, computed once where names come in (`Taxonomy.indices`).
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, ValidationError, model_validator

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.params.fields import FewOrNone, Line, Name, Phrase, Section
from cm3d.params.files import faults_of, read_yaml

FOLDER: Final = Path("taxonomies")

# Boxes that know no class: SAM3D's proposals and the class-agnostic protocols.
OBJECT_CLASS: Final = "object"

ErrorName = Literal["ATE", "ASE", "AOE", "AVE", "AAE"]

_SHOWN_NAMES: Final = 20

_Side = Annotated[float, Field(ge=0.01, le=100)]
_Words = Annotated[tuple[Line, ...], Field(strict=False, max_length=1000)]


class Size(Section):
    """Extents of a class's objects."""

    length_m: _Side
    width_m: _Side
    height_m: _Side


class Attributes(Section):
    """What objects of one kind do, as annotations call it."""

    constant: str
    unknown: str
    never_moved: str
    rests: str
    moves: str


class ClassRow(Section):
    """One class; `taxonomies/nuscenes.yaml` explains the columns."""

    categories: Annotated[_Words, Field(min_length=1)]
    phrases: dict[Name, Annotated[tuple[Phrase, ...], Field(min_length=1, strict=False)]]
    sizes: dict[Name, Size]
    length_spread: Annotated[float, Field(ge=0.001, le=3)]
    fills_its_box: bool
    longer_side_across: bool
    motion: Name
    follows_lanes: bool
    attributes: str | None
    mobile: bool
    range_m: Annotated[float, Field(ge=1, le=1000)]
    errors: Annotated[tuple[ErrorName, ...], Field(strict=False)]
    symmetric: bool
    stands_in_racks: bool
    suppression_m: Annotated[float, Field(ge=0.01, le=100)]
    head: FewOrNone
    pasted: FewOrNone


class Taxonomy(Section):
    """Classes in the order of their indices.

    Args:
        name: Of the file.
        attribute_names: Of annotations.
        attributes: Kinds of what objects do, by name.
        classes: Rows by class name.
    """

    name: str
    attribute_names: _Words
    attributes: dict[Name, Attributes]
    classes: Annotated[dict[Line, ClassRow], Field(min_length=1, max_length=1000)]

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
            if double := _double(row.errors):
                raise ValueError(f"classes.{name}.errors: {double} stands twice; name it once")
        if double := _double(self.attribute_names):
            raise ValueError(f"attribute_names: {double!r} stands twice; name it once")
        for kind, attributes in self.attributes.items():
            for case, word in attributes:
                if word and word not in self.attribute_names:
                    raise ValueError(
                        f"attributes.{kind}.{case}: {word!r} is not among attribute_names; add it "
                        "there or correct it"
                    )
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
        indices = self._found(class_names)
        if (indices < 0).any():
            raise InputError(self._unknown(class_names[np.argmin(indices)]))
        return indices

    def check(self, class_names: NDArrayObject, of: Path | str, remedy: str) -> None:
        """Check the names (N,) that a table has, row by row.

        Args:
            class_names: The whole column.
            of: The table, or what a message calls it.
            remedy: What makes it anew.

        Raises:
            InputError: A name is none of the classes; the message names the table and the row.
        """
        indices = self._found(class_names)
        if (indices < 0).any():
            row = int(np.argmin(indices))
            unknown = self._unknown(class_names[row])
            raise InputError(f"{of}: row {row}: {unknown}; set taxonomy back or {remedy}")

    def _found(self, class_names: NDArrayObject) -> NDArrayInt:
        """Class index (N,) of each name; -1 of others."""
        known = pa.array(self.class_names, pa.string())
        found = pc.index_in(pa.array(class_names, pa.string()), value_set=known).fill_null(-1)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)

    def _unknown(self, class_name: str) -> str:
        names = ", ".join(self.class_names[:_SHOWN_NAMES])
        names += ", ..." if len(self.class_names) > _SHOWN_NAMES else ""
        return f"unknown class {class_name!r}; the classes of taxonomy {self.name} are {names}"

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
    content = read_yaml(path)
    if "name" in content:
        raise InputError(f"{path}: name: a class list has that of its file; delete the key")
    try:
        return Taxonomy.model_validate({"name": name, **content})
    except ValidationError as error:
        raise InputError(f"{path}: {faults_of(error)}") from error


def _double(words: Iterable[str]) -> str | None:
    """A word that stands twice; None where each stands once."""
    return next((word for word, count in Counter(words).items() if count > 1), None)


def _refuse_doubles(what: str, words: dict[str, tuple[str, ...]]) -> None:
    owner: dict[str, str] = {}
    for class_name, of_class in words.items():
        for word in of_class:
            if word in owner:
                raise ValueError(
                    f"classes.{class_name}: {what} {word!r} stands for {owner[word]} already"
                )
            owner[word] = class_name
