import json
from pathlib import Path

import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d.detect import build_detector, detect_scene
from cm3d.errors import InputError
from cm3d.tables import Boxes2D, Cameras


def test_a_simulated_scene_is_the_same_every_time(
    sim_root: Path,
    cameras: Cameras,
    detect2d: params.Detect2D,
    execution: params.Execution,
    tmp_path: Path,
) -> None:
    simulated = detect2d.model_copy(update={"backend": "simulated"})
    files = [tmp_path / "first.parquet", tmp_path / "second.parquet"]
    for path, images in zip(files, (cameras, cameras[::-1]), strict=True):
        detector = build_detector(simulated, execution, 0, sim_root)
        detect_scene(detector, "scene", images, detect2d).table.write(path)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(Boxes2D.read(files[0])) > 0


def precomputed(detect2d: params.Detect2D, path: Path) -> params.Detect2D:
    return detect2d.model_copy(update={"backend": "precomputed", "precomputed_file": str(path)})


def test_precomputed_detections_pass_the_same_gates(
    tmp_path: Path, cameras: Cameras, detect2d: params.Detect2D, execution: params.Execution
) -> None:
    entry = {"image_id": "front", "category_id": 6, "bbox": [-5, 0, 25, 50], "score": 0.4}
    path = tmp_path / "d.json"
    path.write_text(json.dumps([entry, entry, entry | {"score": 0.01}]))
    chosen = precomputed(detect2d, path)
    detector = build_detector(chosen, execution, 0, tmp_path)
    boxes = detect_scene(detector, "scene", cameras, chosen).table
    assert boxes.class_name.tolist() == ["pedestrian"]
    np.testing.assert_array_equal(boxes.box_px, [[0, 0, 20, 50]])


def test_relative_files_start_at_the_workspace(
    tmp_path: Path,
    detect2d: params.Detect2D,
    execution: params.Execution,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "d.json").write_text("[]")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    build_detector(precomputed(detect2d, Path("d.json")), execution, 0, tmp_path)


def test_a_missing_file_names_the_parameter(
    tmp_path: Path, detect2d: params.Detect2D, execution: params.Execution
) -> None:
    with pytest.raises(InputError, match=r"detect2d\.precomputed_file"):
        build_detector(precomputed(detect2d, tmp_path / "absent.json"), execution, 0, tmp_path)
