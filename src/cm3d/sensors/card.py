"""What a data set says of its files, so that no stage after `download` has to know its name."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from cm3d import params
from cm3d.errors import InputError
from cm3d.params import data_root, faults_of, read_json
from cm3d.params.fields import Name, Positive, Section
from cm3d.tables import layout


class LidarFormat(Section):
    """How a LiDAR file becomes points.

    Args:
        file: `binary`: rows of numbers without a header; `npy`: an array (N, columns) of numpy.
        dtype: Of one number.
        columns: What a row holds, x, y, z in metres in the sensor's frame among it. Without
            `intensity` all points have 0.
        full_intensity: Value of the brightest return.
    """

    file: Literal["binary", "npy"]
    dtype: Literal["float32", "float64"]
    columns: Annotated[tuple[str, ...], Field(min_length=3, strict=False)]
    full_intensity: Positive

    @model_validator(mode="after")
    def _has_positions(self) -> Self:
        if missing := [name for name in ("x", "y", "z") if name not in self.columns]:
            raise ValueError(f"columns: no {', '.join(missing)}")
        if len(set(self.columns)) < len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise ValueError(f"columns: {twice} twice")
        return self


class ImageFormat(Section):
    """How an image file becomes pixels of a pinhole camera.

    Args:
        model: Images are undistorted; no other model is known yet.
    """

    model: Literal["pinhole"]


class DataCard(Section):
    """One data set.

    Args:
        name: Its package in `cm3d.datasets`.
        embedded: Whether its files are outputs of `download` rather than lying elsewhere.
        scorer: Of 3D boxes, as its own benchmark has it.
        lidar: Its LiDAR files.
        images: Its image files.
    """

    name: Name
    embedded: bool
    scorer: Name
    lidar: LidarFormat
    images: ImageFormat

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.model_dump(), indent=2) + "\n")


def read_card(path: Path = layout.CARD) -> DataCard:
    """Read what `download` wrote.

    Raises:
        InputError: The file is missing or malformed.
    """
    missing = "run `dvc repro download`" if not path.exists() else "rerun `download`"
    content = read_json(path, missing)
    try:
        return DataCard.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise InputError(f"{path}: {faults_of(error)}; rerun `download`") from error


@dataclass(frozen=True)
class Sensors:
    """Where sensor files are and how they are read.

    Args:
        root: Folder that paths in tables start from.
        lidar: How LiDAR files become points.
    """

    root: Path
    lidar: LidarFormat


def open_sensors(dataset: params.Dataset) -> Sensors:
    """The sensor files of the indexed data set.

    Raises:
        InputError: The index or the data set is not there.
    """
    card = read_card()
    return Sensors(layout.RAW if card.embedded else data_root(dataset), card.lidar)
