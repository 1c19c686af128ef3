"""`fuse.temperature: fit` sees the ground truth of the labelled part and no other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.params import Fuse, Labels
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout
from cm3d.tables.table import columns_of
from stages.fuse import chosen_temperature

MakeBoxes = Callable[..., Boxes3D]
LABELS = Labels(fraction=0.5, draw=0, sampling="uniform", frames_file=None)
# rank of each keyframe: the first is labelled, the second is not, the third is val
RANKS = {"labelled": 0.2, "unlabelled": 0.7, "val": 1.0}


def fuse_params(temperature: Any) -> Fuse:
    return Fuse(min_iou=0.2, temperature=temperature, temperatures=[8.0, 0.25], center="lifted")


def at_every_frame(make_boxes: MakeBoxes, **columns: Any) -> Boxes3D:
    rows = len(RANKS)
    values = {name: value * rows for name, value in columns.items()}
    return make_boxes([(10, 0)] * rows, sample_token=list(RANKS), **values)


def write_truth(boxes: Boxes3D) -> None:
    columns = {name: getattr(boxes, name) for name in columns_of(Boxes3D)}
    GroundTruth.from_columns(
        **columns,
        instance_token=["car"] * len(boxes),
        num_lidar_points=[9] * len(boxes),
        num_radar_points=[0] * len(boxes),
        visibility=[4] * len(boxes),
    ).write(layout.GROUND_TRUTH / "scene.parquet")


@pytest.fixture
def project(tmp_path: Path, make_boxes: MakeBoxes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three keyframes of a car 6 m long: lifted it is 4 m, to SAM3D 6 m, which so must win."""
    monkeypatch.chdir(tmp_path)
    rows = len(RANKS)
    Frames.from_columns(
        sample_token=list(RANKS),
        scene_name=["scene"] * rows,
        timestamp_us=list(range(rows)),
        split=["train", "train", "val"],
        location=[""] * rows,
        global_SE3_ego=[(1.0, 0, 0, 0, 0, 0, 0)] * rows,
        label_rank=list(RANKS.values()),
    ).write(layout.FRAMES / "scene.parquet")
    Boxes3D.empty().write(layout.BICYCLE_RACKS / "scene.parquet")
    at_every_frame(make_boxes, score=[0.6]).write(layout.LIFTED / "scene.parquet")
    proposals = at_every_frame(make_boxes, score=[0.7], class_name=["object"], length_m=[6.0])
    proposals.write(layout.SAM3D / "scene.parquet")
    write_truth(at_every_frame(make_boxes, length_m=[6.0]))
    return tmp_path


def report(project: Path) -> dict[str, Any]:
    return dict(json.loads((project / "metrics/fuse_temperature.json").read_text()))


def test_the_temperature_whose_boxes_are_better(project: Path) -> None:
    # at 0.25 the proposal's 0.7 is above the lifted 0.6, at 8 it is 0.53
    assert chosen_temperature(fuse_params("fit"), LABELS) == 0.25
    assert report(project)["frames"] == 1
    assert report(project)["NDS"]["0.25"] > report(project)["NDS"]["8"]


def test_other_ground_truth_changes_nothing(project: Path, make_boxes: MakeBoxes) -> None:
    chosen_temperature(fuse_params("fit"), LABELS)
    before = report(project)
    truth = at_every_frame(make_boxes, length_m=[4.0])
    truth.length_m[0] = 6.0
    truth.center_m[1:] += 1.0
    write_truth(truth)
    chosen_temperature(fuse_params("fit"), LABELS)
    assert report(project) == before
    write_truth(at_every_frame(make_boxes, length_m=[4.0]))
    assert chosen_temperature(fuse_params("fit"), LABELS) == 8.0


def test_nothing_to_fit_on_is_named(project: Path) -> None:
    with pytest.raises(InputError, match=r"labels\.fraction: 0\.1 .*fuse\.temperature"):
        chosen_temperature(fuse_params("fit"), LABELS.model_copy(update={"fraction": 0.1}))


def test_given_temperature_reads_no_truth(project: Path) -> None:
    (project / layout.GROUND_TRUTH / "scene.parquet").unlink()
    assert chosen_temperature(fuse_params(3.0), LABELS) == 3.0
    assert report(project) == {"temperature": 3.0}
