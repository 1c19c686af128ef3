import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cm3d.errors import InputError
from cm3d.params import load_params
from cm3d.tables import layout
from stages import view
from stages.shared.scene_layers import first_scene, frame_index, read_scene
from tests.stages.conftest import SCENE, TOKENS


@pytest.fixture
def run(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Run the command with these words; the lines that it prints."""

    def run(*words: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["view", *words])
        view.main()
        return capsys.readouterr().out.splitlines()

    return run


def pixels(image: Any, color: tuple[int, int, int], tolerance: int) -> int:
    return int((np.abs(image.astype(int) - color).max(axis=2) < tolerance).sum())


def test_the_first_keyframe_of_val_is_shown(run: Any) -> None:
    lines = run()
    assert lines[0] == "view.png: drive-val, keyframe 0 (first)"
    assert lines[1:] == [
        "note: no lanes: the data set has no map of this scene",
        "note: CAM_BACK: data/raw/samples/CAM_BACK/first.jpg: image is missing; restore it or "
        "rerun `dvc repro download`",
    ]
    image = np.asarray(Image.open("view.png"))
    assert image.shape[1] == 1500
    assert pixels(image, (90, 120, 150), 4) > 10000  # the photograph
    for color in ((84, 214, 100), (80, 200, 255), (255, 105, 200), (250, 225, 90)):
        assert pixels(image, color, 30) > 5, color  # true, fused, predicted, tracks


def test_what_is_not_there_is_left_out_with_a_note(run: Any) -> None:
    file = f"{SCENE}.parquet"
    folders = (layout.LIFTED, layout.PSEUDO_LABELS, layout.MASKS, layout.BOXES2D, layout.SWEEPS)
    for folder in (*folders, layout.PREDICTIONS / "finetune", layout.GROUND_TRUTH):
        (folder / file).unlink()
    notes = "\n".join(run("--scene", SCENE, "--frame", "second", "--out", "a/b.png"))
    assert Path("a/b.png").is_file()
    for what in ("lifted boxes", "fused boxes", "masks", "2D detections", "sweeps", "true boxes"):
        assert f"note: no {what}: data/" in notes
    assert "`dvc repro lift` makes it" in notes
    assert "no model has predicted" in notes


def test_scenes_that_no_model_sees_say_so(run: Any) -> None:
    notes = "\n".join(run("--scene", "drive-train"))
    assert "no predicted boxes: models predict in val alone" in notes


def test_boxes_that_score_too_little_are_noted(run: Any) -> None:
    lines = run("--min-score", "0.6")
    assert "note: predicted: none of 3 boxes scores 0.6 (--min-score), the best 0.44" in lines
    assert not any("lifted" in line for line in lines)


def test_a_broken_sweep_is_a_note(run: Any) -> None:
    (layout.RAW / "samples/LIDAR_TOP/first.bin").unlink()
    assert any(line.startswith("note: sweeps: data/raw/samples/LIDAR_TOP") for line in run())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scene", "drive"], "--scene drive: no such scene; data/index/frames has drive-train"),
        (["--frame", "2"], "--frame 2: drive-val has no such keyframe; give 0 to 1, or a sample"),
        (["--out", "a.jpg"], "--out a.jpg: a picture's name ends in .png"),
        (["--range", "0"], "--range 0: give 1 to 500 metres"),
        (["--rerun", "params.yaml"], "--rerun params.yaml: a recording's name ends in .rrd"),
        (["--min-score", "nan"], "--min-score nan: give 0 to 1"),
        (["--sweeps", "0"], "--sweeps 0: give 1 to 1000"),
        (["--frame", "9" * 5000], "drive-val has no such keyframe"),
        (["--explain", "--class", "tram"], "no 'tram' in the keyframe; it has bus, car, ped"),
        (["--explain", "--scene", "drive-train"], "--explain: drive-train has no lifted boxes"),
    ],
)
def test_bad_arguments_are_one_line(run: Any, words: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(*words)
    assert not Path("view.png").exists()


def test_it_explains_lifted_boxes(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    text = "\n".join(run("--explain", "--frame", "1", "--class", "car"))
    assert "drive-val, keyframe 1" in text
    assert "15.0, 4.0" in text and "30.0" not in text


def test_tracks_are_ways_of_lifted_boxes(workspace: Path) -> None:
    layers = read_scene(SCENE, load_params())
    ways = layers.tracks_m()
    assert [way.shape for way in ways] == [(2, 2), (2, 2)]
    lifted = layers.boxes["lifted"]
    assert np.array_equal(ways[1], lifted.center_m[lifted.class_name == "bus"][:, :2])


def test_tracks_go_on_in_time_whatever_the_tokens(workspace: Path) -> None:
    layers = read_scene(SCENE, load_params())
    backwards = replace(layers, frames=layers.frames[np.arange(len(layers.frames))[::-1]])
    for way, other in zip(layers.tracks_m(), backwards.tracks_m(), strict=True):
        assert np.array_equal(way, other[::-1])


def test_evidence_of_other_boxes_is_refused(workspace: Path) -> None:
    file = layout.LIFT_EXPLAINED / f"{SCENE}.parquet"
    read_scene(SCENE, load_params()).why[:1].write(file)
    with pytest.raises(InputError, match="of other boxes; rerun `lift`"):
        read_scene(SCENE, load_params())


def test_scenes_and_keyframes_are_found(workspace: Path) -> None:
    assert first_scene("val") == SCENE
    assert first_scene("test") == "drive-train"  # a data set may have no val
    frames = read_scene(SCENE, load_params()).frames
    assert [frame_index(frames, wanted) for wanted in ("1", *TOKENS)] == [1, 0, 1]


@pytest.mark.view
def test_a_recording_has_all_layers(run: Any) -> None:
    rerun = pytest.importorskip("rerun", reason="no rerun-sdk; install requirements-view.txt")
    lines = run("--rerun", "out.rrd")
    assert lines[0] == "out.rrd: 2 keyframes of drive-val; rerun out.rrd"
    assert not Path(".out.rrd.partial").exists()
    recording = rerun.dataframe.load_recording("out.rrd")
    paths = {str(column.entity_path) for column in recording.schema().component_columns()}
    boxes = {f"/world/boxes/{name}" for name in ("true", "lifted", "fused", "predicted")}
    camera = {f"/world/cameras/CAM_FRONT{part}" for part in ("", "/masks", "/detections")}
    assert boxes | camera | {"/world/sweeps", "/world/tracks", "/evidence"} <= paths


def test_a_recording_needs_rerun(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(InputError, match=r"pip install -r requirements-view\.txt"):
        run("--rerun", "out.rrd")
    assert not Path("out.rrd").exists()
