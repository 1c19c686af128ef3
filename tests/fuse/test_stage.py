"""What `stages.fuse` reads: whose labels, and of ground truth the labelled part and no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.params import Params, load_params
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout
from cm3d.tables.table import columns_of
from cm3d.taxonomy import Taxonomy
from stages.fuse import check_unmatched, chosen_temperature, fuse_scene

MakeBoxes = Callable[..., Boxes3D]
TOKENS = ["labelled", "unlabelled", "val"]
SCENES = {"scene": TOKENS[:2], "other": TOKENS[2:]}


@pytest.fixture
def params(project: Path) -> Params:
    """The project's own with two temperatures to fit; `labelled.json` lists the labelled part."""
    params = load_params(project / "params.yaml")
    return with_fuse(
        with_labels(params, frames_file="labelled.json"),
        temperature="fit",
        temperatures=[8.0, 0.25],
        min_iou=0.2,
    )


def with_fuse(params: Params, **knobs: Any) -> Params:
    return params.model_copy(update={"fuse": params.fuse.model_copy(update=knobs)})


def with_labels(params: Params, **knobs: Any) -> Params:
    return params.model_copy(update={"labels": params.labels.model_copy(update=knobs)})


def at_every_frame(make_boxes: MakeBoxes, **columns: Any) -> Boxes3D:
    rows = len(TOKENS)
    values = {name: value * rows for name, value in columns.items()}
    return make_boxes([(10, 0)] * rows, sample_token=TOKENS, **values)


def write(table: Any, folder: Path) -> None:
    for scene, tokens in SCENES.items():
        rows = np.isin(table.sample_token.astype(str), tokens)
        table[rows].write(folder / f"{scene}.parquet")


def write_truth(boxes: Boxes3D) -> None:
    columns = {name: getattr(boxes, name) for name in columns_of(Boxes3D)}
    truth = GroundTruth.from_columns(
        **columns,
        instance_token=["car"] * len(boxes),
        num_lidar_points=[9] * len(boxes),
        num_radar_points=[0] * len(boxes),
        visibility=[4] * len(boxes),
    )
    write(truth, layout.GROUND_TRUTH)


@pytest.fixture
def folder(tmp_path: Path, make_boxes: MakeBoxes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three keyframes, two scenes, a car of 6 m: lifted it is 4 m, imported 3 m, to SAM3D 6 m."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    rows = len(TOKENS)
    frames = Frames.from_columns(
        sample_token=TOKENS,
        scene_name=["scene", "scene", "other"],
        timestamp_us=list(range(rows)),
        split=["train", "train", "val"],
        location=[""] * rows,
        global_SE3_ego=[(1.0, 0, 0, 0, 0, 0, 0)] * rows,
    )
    write(frames, layout.FRAMES)
    Path("labelled.json").write_text('["labelled"]')
    write(at_every_frame(make_boxes, score=[0.6]), layout.LIFTED)
    write(at_every_frame(make_boxes, score=[0.6], length_m=[3.0]), layout.IMPORTED)
    proposals = at_every_frame(make_boxes, score=[0.7], class_name=["object"], length_m=[6.0])
    write(proposals, layout.SAM3D)
    write_truth(at_every_frame(make_boxes, length_m=[6.0]))
    return tmp_path


def test_proposals_that_are_right_may_be_sure(folder: Path, params: Params) -> None:
    temperature, found = chosen_temperature(params)
    assert temperature == 0.25
    assert (found["temperature"], found["frames"], found["proposals"]) == (0.25, 1, 1)
    # the odds of 0.7, 7 to 3, become 2401 to 81
    assert found["negative_log_likelihood"]["0.25"] == pytest.approx(np.log(2482 / 2401))
    assert found["negative_log_likelihood"]["8"] > 0.6


def test_other_ground_truth_changes_nothing(
    folder: Path, params: Params, make_boxes: MakeBoxes
) -> None:
    before = chosen_temperature(params)
    truth = at_every_frame(make_boxes)
    truth.center_m[1:] += 30.0
    write_truth(truth)
    assert chosen_temperature(params) == before
    truth.center_m[0] += 30.0
    write_truth(truth)
    assert chosen_temperature(params)[0] == 8.0


def test_nothing_to_fit_on_is_named(folder: Path, params: Params) -> None:
    unlabelled = with_labels(params, frames_file="data/none", fraction=0.0)
    with pytest.raises(InputError, match=r"labels\.fraction: 0\.0 .*fuse\.temperature"):
        chosen_temperature(unlabelled)


def test_given_temperature_reads_no_truth(folder: Path, params: Params) -> None:
    (folder / layout.GROUND_TRUTH / "scene.parquet").unlink()
    given = with_fuse(params, temperature=3.0)
    assert chosen_temperature(given) == (3.0, {"temperature": 3.0})


@pytest.mark.parametrize(("labels", "unfused_m"), [("lifted", 4.0), ("imported", 3.0)])
def test_whose_labels_are_fused(
    folder: Path, params: Params, taxonomy: Taxonomy, labels: str, unfused_m: float
) -> None:
    chosen = with_fuse(params, labels=labels)
    # at 0.25 the proposal's 0.7 is above the 0.6 of the label, at 8 it is 0.53
    assert fuse_scene("scene", 0.25, chosen.fuse, taxonomy).length_m.tolist() == [6.0] * 2
    assert fuse_scene("scene", 8.0, chosen.fuse, taxonomy).length_m.tolist() == [unfused_m] * 2


def test_proposals_alone_may_be_the_labels(
    folder: Path, params: Params, taxonomy: Taxonomy
) -> None:
    (folder / layout.LIFTED / "scene.parquet").unlink()
    alone = with_fuse(params, labels="none", unmatched_class="car")
    labels = fuse_scene("scene", 1.0, alone.fuse, taxonomy)
    assert labels.class_name.tolist() == ["car"] * 2
    assert (labels.length_m.tolist(), labels.score.tolist()) == ([6.0] * 2, [0.7] * 2)


def test_proposals_are_kept_as_a_class_that_there_is(params: Params, taxonomy: Taxonomy) -> None:
    check_unmatched(params.fuse, taxonomy)
    check_unmatched(with_fuse(params, unmatched_class="car").fuse, taxonomy)
    with pytest.raises(InputError, match=r"fuse\.unmatched_class: 'vehicle' is no class of nusc"):
        check_unmatched(with_fuse(params, unmatched_class="vehicle").fuse, taxonomy)


def test_labels_pass_unfused_without_proposals(
    folder: Path, params: Params, taxonomy: Taxonomy
) -> None:
    (folder / layout.SAM3D / "scene.parquet").unlink()
    (folder / layout.GROUND_TRUTH / "scene.parquet").unlink()
    alone = with_fuse(params, proposals=False)
    assert chosen_temperature(alone) == (None, {})
    passed = fuse_scene("scene", None, alone.fuse, taxonomy)
    lifted = Boxes3D.read(layout.LIFTED / "scene.parquet")
    for name in columns_of(Boxes3D):
        assert getattr(passed, name).tolist() == getattr(lifted, name).tolist()
