"""What its class tells of an object before anything is seen of it.

Sizes are those that a language model or the training data tell (paper, Table 8). The table writes
width, length, height; here every number has its name.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.geometry.rows import Rows
from cm3d.params import NO_FILE, faults_of, read_yaml
from cm3d.taxonomy import Size, Taxonomy


@dataclass(frozen=True, eq=False)
class Sizes(Rows):
    """Sizes of N objects, each (N,)."""

    length_m: NDArrayFloat
    width_m: NDArrayFloat
    height_m: NDArrayFloat


@dataclass(frozen=True, eq=False)
class Known(Rows):
    """What is known of N objects by their classes; columns of the taxonomy, each (N,).

    Args:
        class_index: Of the taxonomy.
        class_name: The same as a word.
        size: Of the set that `lift.shape_prior` names, or of `lift.shape_prior_file`.
        length_spread: Standard deviation of the logarithm of lengths.
        fills_its_box: Whether points lie on the sides of a box, not around its middle.
        longer_side_across: Whether annotators draw the heading across the longer side.
        follows_lanes: Whether the nearest lane gives the heading.
        suppression_m: Boxes of one class that are nearer are one object.
        attribute_name: That of all objects of the class; empty where it has none.
    """

    class_index: NDArrayInt
    class_name: NDArrayObject
    size: Sizes
    length_spread: NDArrayFloat
    fills_its_box: NDArrayBool
    longer_side_across: NDArrayBool
    follows_lanes: NDArrayBool
    suppression_m: NDArrayFloat
    attribute_name: NDArrayObject


@dataclass(frozen=True, eq=False)
class Priors:
    """What is known of all classes.

    Args:
        taxonomy: The class list.
        of_class: (C,) by class index.
    """

    taxonomy: Taxonomy
    of_class: Known

    def known(self, class_names: NDArrayObject) -> Known:
        """What is known of objects by their class names (N,).

        Raises:
            InputError: A name is none of the classes.
        """
        return self.of_class[self.taxonomy.indices(class_names)]

    def motion_group(self, class_index: NDArrayInt) -> NDArrayInt:
        """Group of motion (N,) of classes (N,); objects of different groups are never one."""
        groups = [row.motion for row in self.taxonomy.classes.values()]
        numbers = np.unique(groups, return_inverse=True)[1].reshape(-1)
        return np.asarray(numbers[class_index], dtype=np.int64)


def load_priors(name: str, taxonomy: Taxonomy, file: str = NO_FILE) -> Priors:
    """The priors of a class list with the sizes of one of its sets, or of a YAML file.

    Args:
        name: Of a set of sizes of the taxonomy.
        taxonomy: The class list.
        file: To use instead if one is named; it maps each class to `length_m`, `width_m` and
            `height_m`.

    Raises:
        InputError: A class lacks the set; the file is missing, or lacks a class or has a size that
            no object has.
    """
    if file == NO_FILE:
        sides_m = _sides_of_set(name, taxonomy)
    else:
        sides_m = _sides_of_file(Path(file), taxonomy)
    of_class = Known(
        class_index=np.arange(len(taxonomy.classes)),
        class_name=taxonomy.name_array,
        size=Sizes(*np.ascontiguousarray(sides_m.T)),
        length_spread=taxonomy.floats("length_spread"),
        fills_its_box=taxonomy.flags("fills_its_box"),
        longer_side_across=taxonomy.flags("longer_side_across"),
        follows_lanes=taxonomy.flags("follows_lanes"),
        suppression_m=taxonomy.floats("suppression_m"),
        attribute_name=taxonomy.attribute("constant"),
    )
    return Priors(taxonomy, of_class)


def turned_across(known: Known) -> Sizes:
    """Sizes with the longer side as the width, where annotators draw the heading across it.

    nuScenes' annotators drew the heading of a barrier across its row. Table 8 and the paper's
    release have it along.
    """
    size, across = known.size, known.longer_side_across
    return replace(
        size,
        length_m=np.where(across, np.minimum(size.length_m, size.width_m), size.length_m),
        width_m=np.where(across, np.maximum(size.length_m, size.width_m), size.width_m),
    )


def _sides_of_set(name: str, taxonomy: Taxonomy) -> NDArrayFloat:
    """Length, width and height (C, 3) of a set of sizes."""
    if lacking := [c for c, row in taxonomy.classes.items() if name not in row.sizes]:
        sets = sorted({known for row in taxonomy.classes.values() for known in row.sizes})
        raise InputError(
            f"lift.shape_prior: class {lacking[0]} of taxonomy {taxonomy.name} has no sizes "
            f"{name!r}; add them there or name another set: {', '.join(sets) or 'it has none'}"
        )
    return _sides_m(row.sizes[name] for row in taxonomy.classes.values())


def _sides_of_file(path: Path, taxonomy: Taxonomy) -> NDArrayFloat:
    """Length, width and height (C, 3) of a file."""
    content = read_yaml(path, "correct lift.shape_prior_file")
    try:
        sizes = TypeAdapter(dict[str, Size]).validate_python(content)
    except ValidationError as error:
        raise InputError(f"{path}: {faults_of(error)}") from error
    if lacking := [name for name in taxonomy.class_names if name not in sizes]:
        raise InputError(
            f"{path}: no {lacking[0]!r}; every class of taxonomy {taxonomy.name} needs length_m, "
            "width_m and height_m"
        )
    return _sides_m(sizes[name] for name in taxonomy.class_names)


def _sides_m(sizes: Iterable[Size]) -> NDArrayFloat:
    return np.array([(size.length_m, size.width_m, size.height_m) for size in sizes], dtype=float)
