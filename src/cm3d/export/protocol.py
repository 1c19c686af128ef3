"""What a format is to this project: a package beside this file with two functions.

What it reads of the index, besides keyframes, is its own affair. `stages.export` meets it, and
writes what it says.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, TypeAlias, cast

from cm3d.params import Params
from cm3d.tables import Boxes3D, Frames
from cm3d.taxonomy import Taxonomy

# Path below the output's folder, and content.
File: TypeAlias = tuple[str, bytes]

# What boxes may be made from.
INPUTS: Final = ("camera", "lidar", "map")


@dataclass(frozen=True, eq=False)
class Labels:
    """What is exported.

    Args:
        frames: Keyframes, each of which the output knows, if only as an empty one.
        boxes: Of these keyframes alone, in the global frame; or ground truth.
        split: What the command calls these keyframes.
        made_from: Of `INPUTS`, for formats that say it.
        params: All parameters.
        taxonomy: The classes.
    """

    frames: Frames
    boxes: Boxes3D
    split: str
    made_from: Collection[str]
    params: Params
    taxonomy: Taxonomy

    @property
    def scenes(self) -> list[str]:
        """Names of the drives, sorted."""
        return sorted(set(self.frames.scene_name))


class Format(Protocol):
    """The package of a format."""

    def class_names(self, taxonomy: Taxonomy) -> Collection[str]:
        """Classes of the taxonomy that the format has a word for."""
        ...

    def files(self, labels: Labels) -> Iterator[File]:
        """The files of an export, one after the other.

        Args:
            labels: Boxes of classes that it has a word for.

        Raises:
            InputError: The format cannot hold them, or a file that it needs is missing or broken.
        """
        ...


def open_format(name: str) -> Format:
    """The format of one of `formats`."""
    return cast(Format, import_module(f"cm3d.export.{name}"))


def formats() -> list[str]:
    """Names of the formats: packages beside this file."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py"))
