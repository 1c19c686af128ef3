"""Where the stages keep their tables, relative to the project's root."""

from pathlib import Path
from typing import Final

from cm3d.errors import InputError
from cm3d.tables.index import Cameras, Frames
from cm3d.tables.parquet import remedy
from cm3d.tables.table import read_scenes, scene_names

RAW: Final = Path("data/raw")
INDEX: Final = Path("data/index")
FRAMES: Final = INDEX / "frames"
SWEEPS: Final = INDEX / "sweeps"
CAMERAS: Final = INDEX / "cameras"
GROUND_TRUTH: Final = INDEX / "ground_truth"
BICYCLE_RACKS: Final = INDEX / "bicycle_racks"
LANES: Final = INDEX / "lanes"
MAP_AREAS: Final = INDEX / "map_areas"
CARD: Final = INDEX / "dataset.json"

BOXES2D: Final = Path("data/boxes2d")
MASKS: Final = Path("data/masks")
LIFTED: Final = Path("data/lifted")
LIFT_EXPLAINED: Final = Path("data/lift_explained")
IMPORTED: Final = Path("data/imported")
SAM3D: Final = Path("data/sam3d")
PSEUDO_LABELS: Final = Path("data/pseudo_labels")
MODELS: Final = Path("data/models")
PREDICTIONS: Final = Path("data/predictions")
MAP_PREDICTIONS: Final = Path("data/map_predictions")

METRICS: Final = Path("metrics")
EVALUATION: Final = METRICS / "evaluate"
PLOTS: Final = Path("metrics/plots")


def relabelled(number: int) -> Path:
    """Pseudo-labels of a round of self-training."""
    return Path(f"data/pseudo_labels_r{number}")


def all_scenes() -> list[str]:
    """Every scene of the index.

    Raises:
        InputError: Sweeps or images of a scene are listed, as far as they are there, and its
            keyframes are not: they are lost.
    """
    found = scene_names(FRAMES)
    for folder in (SWEEPS, CAMERAS):
        listed = {path.stem for path in folder.glob("*.parquet")}
        if lost := sorted(listed - set(found)):
            path = FRAMES / f"{lost[0]}.parquet"
            raise InputError(
                f"{path}: missing, and {folder} has the scene; rebuild it with {remedy(path)}"
            )
    return found


def images_per_scene() -> dict[str, int]:
    """How many camera images each scene of the index has."""
    return {name: len(Cameras.read(CAMERAS / f"{name}.parquet")) for name in all_scenes()}


def split_per_scene() -> dict[str, str]:
    """The split of each scene of the index."""
    return {name: str(Frames.read(FRAMES / f"{name}.parquet").split[0]) for name in all_scenes()}


def split_frames(split: str, wanted_by: str = "scoring.split") -> Frames:
    """The keyframes of a split, over all its scenes.

    Args:
        split: `train` or `val`.
        wanted_by: The stage or parameter that wants them, to name it in the message.

    Raises:
        InputError: The split has none.
    """
    frames = read_scenes(Frames, FRAMES, all_scenes())
    chosen = frames[frames.split == split]
    if len(chosen) == 0:
        raise InputError(
            f"{wanted_by}: the data set has no {split!r} frames; use another split or data set"
        )
    return chosen
