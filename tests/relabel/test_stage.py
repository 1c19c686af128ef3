"""The stage `relabel`: whose boxes it asks for, what it keeps, what it writes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.params import Params, load_params
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout
from experiments.overrides import write_overrides
from stages import relabel

MakeBoxes = Callable[..., Boxes3D]
LABELLED, OUT = ["f0", "f1"], layout.relabelled(1)


class Model:
    """Stands for `write_detections`: a car per keyframe, half a metre from where it is."""

    def __init__(self, make_boxes: MakeBoxes) -> None:
        self.make_boxes = make_boxes
        self.calls: list[tuple[str, list[str], bool]] = []

    def __call__(
        self, title: str, model_name: str, frames: Frames, folder: Path, params: Params
    ) -> None:
        if (folder / "scene.parquet").exists():
            return  # finished scenes are not made again
        tokens = list(frames.sample_token)
        self.calls.append((model_name, tokens, params.predict.double_flip))
        boxes = self.make_boxes(*[(10.5, 0)] * len(tokens), sample_token=tokens)
        boxes.replace(score=np.linspace(0.3, 0.6, len(tokens))).write(folder / "scene.parquet")


@pytest.fixture
def model(
    bare_workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_boxes: MakeBoxes,
    make_frames: Callable[[int], Frames],
    as_truth: Callable[..., GroundTruth],
) -> Model:
    """Six keyframes of a standing car, the first two labelled; what is asked of the model."""
    (bare_workspace / "labelled.json").write_text(json.dumps(LABELLED))
    override({"labels.frames_file": "labelled.json", "execution.engine": "serial"})
    frames = make_frames(6)
    cars = make_boxes(*[(10, 0)] * 6, sample_token=list(frames.sample_token))
    frames.write(layout.FRAMES / "scene.parquet")
    as_truth(cars).write(layout.GROUND_TRUTH / "scene.parquet")
    cars.replace(score=np.full(6, 0.8)).write(layout.PSEUDO_LABELS / "scene.parquet")
    monkeypatch.setattr("sys.argv", ["relabel", "--round", "1"])
    found = Model(make_boxes)
    monkeypatch.setattr(relabel, "write_detections", found)
    return found


def override(knobs: dict[str, Any]) -> None:
    write_overrides(Path("params.yaml"), knobs)


def written() -> Boxes3D:
    return Boxes3D.read(OUT / "scene.parquet")


def test_the_model_looks_everywhere_and_the_unlabelled_part_is_written(model: Model) -> None:
    relabel.main()
    ((name, tokens, flips),) = model.calls
    assert name == "finetune"
    assert tokens == [f"f{step}" for step in range(6)]
    assert flips and not load_params().predict.double_flip
    labels = written()
    assert list(labels.sample_token) == ["f2", "f3", "f4", "f5"]
    assert ((labels.center_m[:, 0] > 10) & (labels.center_m[:, 0] < 10.5)).all()
    assert (labels.score > 0.8).all()
    report = json.loads((layout.METRICS / "relabel_r1.json").read_text())
    assert report["frames"] == 4
    assert report["boxes"] == report["before"]["boxes"] == 1.0
    assert report["labelled_frames"]["recall"] == 1.0
    assert report["classes"]["car"]["true_in_labelled_frames"] == 1.0
    assert not list(Path(".cache/resume").iterdir())


def test_it_is_asked_once_however_often_the_stage_is_begun(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(relabel, "refined_labels", interrupted)
        with pytest.raises(KeyboardInterrupt):
            relabel.main()
    assert not OUT.exists()
    relabel.main()
    assert len(model.calls) == 1
    assert len(written()) == 4
    relabel.main()
    assert len(model.calls) == 2


def test_tracks_and_flips_can_be_left_out(model: Model) -> None:
    knobs = {"double_flip": False, "tracks": False, "calibration": "none", "merge": False}
    override({f"relabel.{name}": value for name, value in knobs.items()})
    relabel.main()
    assert not model.calls[0][2]
    np.testing.assert_allclose(written().score, np.linspace(0.3, 0.6, 6)[2:])


def test_paper_writes_what_the_model_sees_in_the_unlabelled_part(model: Model) -> None:
    override({"selftrain.recipe": "paper"})
    relabel.main()
    assert model.calls == [("finetune", ["f2", "f3", "f4", "f5"], False)]
    np.testing.assert_allclose(written().score, np.linspace(0.3, 0.6, 4))
    report = json.loads((layout.METRICS / "relabel_r1.json").read_text())
    assert report["boxes"] == 1.0
    assert "precision" not in report["labelled_frames"]


def test_hidden_truth_changes_no_byte(model: Model) -> None:
    relabel.main()
    path, metrics = OUT / "scene.parquet", layout.METRICS / "relabel_r1.json"
    before = path.read_bytes(), metrics.read_bytes()
    truth = GroundTruth.read(layout.GROUND_TRUTH / "scene.parquet")
    known = np.isin(truth.sample_token.astype(str), LABELLED)
    truth[known].write(layout.GROUND_TRUTH / "scene.parquet")
    relabel.main()
    assert (path.read_bytes(), metrics.read_bytes()) == before


def test_later_rounds_ask_the_model_before(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["relabel", "--round", "3"])
    relabel.main()
    assert model.calls[0][0] == "selftrain_r2"
    assert layout.relabelled(3).is_dir() and not OUT.exists()
