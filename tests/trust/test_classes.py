"""Boxes and masks of classes that the taxonomy does not have: refused by the stage they enter."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.evaluation.boxes2d import Boxes2DScorer
from cm3d.evaluation.nuscenes.filtering import read_truth
from cm3d.params import Params, load_params
from cm3d.segment.common.protocol import Setting
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes2D, Boxes3D, Cameras, Frames, GroundTruth, Masks, Sweeps, Table, layout
from cm3d.taxonomy import Taxonomy
from stages.fuse import fuse_scene
from stages.lift import read_keyframes
from stages.segment import segment_one
from tests.trust.refusal import content_of, refuses
from tests.trust.test_own_tables import SCENE, SOUND

FILE: Final = f"{SCENE}.parquet"


def segment(params: Params, taxonomy: Taxonomy) -> object:
    chosen = params.segment.model_copy(update={"backend": "box"})
    return segment_one(SCENE, Setting(chosen, params.execution, taxonomy, Path("data/raw")))


def lift(params: Params, taxonomy: Taxonomy) -> object:
    frames, sensors = Frames.read(layout.FRAMES / FILE), Sensors(layout.RAW, CARD.lidar)
    return next(read_keyframes(SCENE, frames, sensors, params.lift, taxonomy))


def fuse(labels: str) -> Callable[[Params, Taxonomy], object]:
    def run(params: Params, taxonomy: Taxonomy) -> object:
        chosen = params.fuse.model_copy(update={"labels": labels})
        return fuse_scene(SCENE, None, chosen, taxonomy)

    return run


def score_boxes2d(params: Params, taxonomy: Taxonomy) -> object:
    return Boxes2DScorer(taxonomy).score(layout.BOXES2D, Frames.read(layout.FRAMES / FILE))


def score_boxes3d(params: Params, taxonomy: Taxonomy) -> object:
    return read_truth(Frames.read(layout.FRAMES / FILE), taxonomy)


# What enters where, and what makes it anew.
ENTRANCES: dict[str, tuple[type[Table], Path, str, Callable[[Params, Taxonomy], object]]] = {
    "segment": (Boxes2D, layout.BOXES2D, "detect2d", segment),
    "lift": (Masks, layout.MASKS, "segment", lift),
    "fuse lifted": (Boxes3D, layout.LIFTED, "lift", fuse("lifted")),
    "fuse imported": (Boxes3D, layout.IMPORTED, "import", fuse("imported")),
    "evaluate, its truth": (GroundTruth, layout.GROUND_TRUTH, "download", score_boxes3d),
    "evaluate@boxes2d": (Boxes2D, layout.BOXES2D, "detect2d", score_boxes2d),
}
UNKNOWN: Final = ("tram", "object", "Car", "vehicle.car")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scene with an index; what enters a stage is written by the test."""
    monkeypatch.chdir(tmp_path)
    for table in (Frames, Sweeps, Cameras):
        folder, columns = SOUND[table]
        table.from_columns(**columns).write(Path("data") / folder / FILE)
    return tmp_path


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_class_of_nobody(
    entrance: str, name: str, workspace: Path, project: Path, taxonomy: Taxonomy
) -> None:
    table, folder, stage, enter = ENTRANCES[entrance]
    columns: dict[str, Any] = SOUND[table][1] | {"class_name": ["car", name]}
    table.from_columns(**columns).write(folder / FILE)
    before = content_of(workspace)
    params = load_params(project / "params.yaml")
    refuses(
        lambda: enter(params, taxonomy),
        f"{folder / FILE}: row 1: unknown class {name!r}",
        f"`dvc repro {stage}`",
    )
    assert content_of(workspace) == before


@pytest.mark.parametrize("labels", ["lifted", "imported"])
def test_known_classes_are_fused(
    labels: str, workspace: Path, project: Path, taxonomy: Taxonomy
) -> None:
    Boxes3D.from_columns(**SOUND[Boxes3D][1]).write(Path("data") / labels / FILE)
    fused = fuse(labels)(load_params(project / "params.yaml"), taxonomy)
    assert isinstance(fused, Boxes3D)
    assert fused.class_name.tolist() == ["car", "bus"]


def test_images_of_two_scenes_that_share_a_token_are_refused(
    workspace: Path, taxonomy: Taxonomy
) -> None:
    frames = Frames.read(layout.FRAMES / FILE)
    other = frames.replace(
        scene_name=["another"] * len(frames),
        sample_token=[f"another-{token}" for token in frames.sample_token],
    )
    Cameras.read(layout.CAMERAS / FILE).write(layout.CAMERAS / "another.parquet")
    refuses(
        lambda: Boxes2DScorer(taxonomy).score(layout.BOXES2D, Frames.concatenate([frames, other])),
        "share the camera_token",
    )
