"""From the parameters to a detector, or to the one line that says what it lacks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d.common.network import NetworkDetector
from cm3d.detect2d.common.protocol import Setting
from cm3d.detect2d.common.scene import build_detector, count_unused, detect_scene
from cm3d.errors import InputError
from cm3d.tables import Boxes2D, Cameras
from tests.detect2d.conftest import Change


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("grounding_dino", r"detect2d\.grounding_dino\.revision: .* not pinned; run `make weights"),
        ("owlv2", r"detect2d\.owlv2\.revision: .* not pinned; run `make weights MODEL=detect2d"),
        ("detic", r"detect2d\.backend: detic needs detectron2"),
        ("simulated", r"embedded\.json: no seed; detect2d\.backend: simulated needs the embedded"),
    ],
)
def test_what_a_detector_lacks_is_said_in_one_line(
    defaults: params.Params, changed: Change, backend: str, message: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("cm3d.detect2d.detic.model.find_spec", lambda name: None)
    sections = {name: getattr(defaults.detect2d, name) for name in ("grounding_dino", "owlv2")}
    unpinned = {name: s.model_copy(update={"revision": None}) for name, s in sections.items()}
    with pytest.raises(InputError, match=message) as caught:
        build_detector(changed(backend=backend, **unpinned))
    assert "\n" not in str(caught.value)


def test_a_network_is_loaded_once_per_process(changed: Change, owlv2_folder: Path) -> None:
    section = params.Owlv2(model=str(owlv2_folder), revision=None, template="a {}")
    detector = build_detector(changed(backend="owlv2", owlv2=section))
    assert isinstance(detector, NetworkDetector)
    assert build_detector(changed(backend="owlv2", owlv2=section)) is detector
    plain = changed(backend="owlv2", owlv2=section, prompts="plain")
    assert build_detector(plain) is not detector


def test_a_simulated_scene_is_the_same_every_time(
    sim_root: Path, cameras: Cameras, changed: Change, tmp_path: Path
) -> None:
    simulated = changed(sim_root, backend="simulated")
    files = [tmp_path / "first.parquet", tmp_path / "second.parquet"]
    for path, images in zip(files, (cameras, cameras[::-1]), strict=True):
        detector = build_detector(simulated)
        detect_scene(detector, "scene", images, simulated).table.write(path)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(Boxes2D.read(files[0])) > 0


ENTRY = {"image_id": "front", "category_id": 6, "bbox": [-5, 0, 25, 50], "score": 0.4}


def test_precomputed_detections_pass_the_same_gates(
    tmp_path: Path, cameras: Cameras, precomputed: Setting
) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps([ENTRY, ENTRY, ENTRY | {"score": 0.01}]))
    boxes = detect_scene(build_detector(precomputed), "scene", cameras, precomputed).table
    assert boxes.class_name.tolist() == ["pedestrian"]
    np.testing.assert_array_equal(boxes.box_px, [[0, 0, 20, 50]])


def test_what_is_unused_of_a_file_is_counted(tmp_path: Path, precomputed: Setting) -> None:
    entries = [ENTRY, 3, ENTRY | {"category_id": 11}, ENTRY | {"image_id": "nowhere"}]
    (tmp_path / "d.json").write_text(json.dumps(entries))
    assert count_unused(precomputed) == {
        "malformed_entries": 1,
        "entries_of_unknown_categories": 1,
        "entries_on_unknown_images": 1,
        "entries_outside_their_images": 0,
    }


def test_a_network_leaves_nothing_unused(default_setting: Setting) -> None:
    assert count_unused(default_setting) == {}


def test_relative_files_start_at_the_current_folder(
    tmp_path: Path, precomputed: Setting, changed: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d.json").write_text("[]")
    monkeypatch.chdir(tmp_path)
    section = params.Precomputed(file="d.json")
    relative = changed(backend="precomputed", precomputed=section)
    build_detector(replace(relative, cameras=precomputed.cameras))


def test_a_missing_file_names_the_parameter(precomputed: Setting) -> None:
    with pytest.raises(InputError, match=r"d\.json: .*correct detect2d\.precomputed\.file"):
        build_detector(precomputed)
