import json
from pathlib import Path

import pytest
import torch

from cm3d.errors import InputError
from cm3d.models.centerpoint import build_centerpoint
from cm3d.params import Detector
from cm3d.training.checkpoint import load_model, save_model


def test_there_and_back(detector: Detector, tmp_path: Path) -> None:
    model = build_centerpoint(detector, 0)
    model.backbone.blocks[0][0][1].running_mean.fill_(0.5)
    save_model(tmp_path, model, detector)
    again = load_model(tmp_path, detector)
    assert not again.training
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_the_same_model_gives_the_same_bytes(detector: Detector, tmp_path: Path) -> None:
    for name in ("first", "second"):
        save_model(tmp_path / name, build_centerpoint(detector, 0), detector)
    for file in ("model.safetensors", "detector.json"):
        first, second = (tmp_path / name / file for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_thresholds_may_change_but_shapes_may_not(detector: Detector, tmp_path: Path) -> None:
    save_model(tmp_path, build_centerpoint(detector, 0), detector)
    load_model(tmp_path, detector.model_copy(update={"min_score": 0.4, "max_boxes": 7}))
    with pytest.raises(InputError, match=r"detector\.cell_m was 0\.4 .* is 0\.2 now"):
        load_model(tmp_path, detector.model_copy(update={"cell_m": 0.2}))


@pytest.mark.parametrize("file", ["model.safetensors", "detector.json"])
def test_missing_and_truncated_files_are_named(
    detector: Detector, tmp_path: Path, file: str
) -> None:
    save_model(tmp_path, build_centerpoint(detector, 0), detector)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=file):
        load_model(tmp_path, detector)
    (tmp_path / file).unlink()
    with pytest.raises(InputError, match=f"{file}: missing"):
        load_model(tmp_path, detector)


def test_weights_of_another_shape_are_refused(detector: Detector, tmp_path: Path) -> None:
    wide = detector.model_copy(update={"head_channels": 24})
    save_model(tmp_path, build_centerpoint(wide, 0), wide)
    (tmp_path / "detector.json").write_text(json.dumps(detector.model_dump()))
    with pytest.raises(InputError, match=r"model\.safetensors: not the weights"):
        load_model(tmp_path, detector)
