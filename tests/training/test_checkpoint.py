import json
from pathlib import Path

import pytest
import torch

from cm3d.detectors.registry import build_detector
from cm3d.errors import InputError
from cm3d.params import Detector
from cm3d.taxonomy import Taxonomy
from cm3d.training.checkpoint import load_model, save_model
from tests.tiny_detector import tiny_taxonomy


@pytest.fixture(scope="module")
def classes() -> Taxonomy:
    return tiny_taxonomy()


def test_there_and_back(detector: Detector, classes: Taxonomy, tmp_path: Path) -> None:
    model = build_detector(detector, classes, 0)
    model.backbone.blocks[0][0][1].running_mean.fill_(0.5)
    save_model(tmp_path, model, detector, classes)
    again = load_model(tmp_path, detector, classes)
    assert not again.training
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_the_same_model_gives_the_same_bytes(
    detector: Detector, classes: Taxonomy, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        save_model(tmp_path / name, build_detector(detector, classes, 0), detector, classes)
    for file in ("model.safetensors", "detector.json"):
        first, second = (tmp_path / name / file for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_whoever_may_read_the_folder_may_read_the_weights(
    detector: Detector, classes: Taxonomy, tmp_path: Path
) -> None:
    save_model(tmp_path, build_detector(detector, classes, 0), detector, classes)
    (tmp_path / "any").write_text("")
    mode = (tmp_path / "any").stat().st_mode
    assert (tmp_path / "model.safetensors").stat().st_mode == mode


def test_losses_may_change_but_shapes_may_not(
    detector: Detector, classes: Taxonomy, tmp_path: Path
) -> None:
    save_model(tmp_path, build_detector(detector, classes, 0), detector, classes)
    load_model(tmp_path, detector.model_copy(update={"box_loss_weight": 0.4}), classes)
    with pytest.raises(InputError, match=r"detector\.cell_m was 0\.4 .* is 0\.2 now"):
        load_model(tmp_path, detector.model_copy(update={"cell_m": 0.2}), classes)


@pytest.mark.parametrize("names", [("car", "pedestrian"), ("car", "pedestrian", "barrier")])
def test_a_model_of_other_classes_is_refused_in_one_line(
    detector: Detector, classes: Taxonomy, tmp_path: Path, names: tuple[str, ...]
) -> None:
    save_model(tmp_path, build_detector(detector, classes, 0), detector, classes)
    with pytest.raises(
        InputError, match=r"detector\.json: trained on classes .*cone.*'car'"
    ) as caught:
        load_model(tmp_path, detector, tiny_taxonomy(*names))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["model.safetensors", "detector.json"])
def test_missing_and_truncated_files_are_named(
    detector: Detector, classes: Taxonomy, tmp_path: Path, file: str
) -> None:
    save_model(tmp_path, build_detector(detector, classes, 0), detector, classes)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=file):
        load_model(tmp_path, detector, classes)
    (tmp_path / file).unlink()
    with pytest.raises(InputError, match=f"{file}: missing"):
        load_model(tmp_path, detector, classes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[]", "not the configuration of a detector"),
        (b"[" * 100_000, "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b'{"heads": NaN}', "trained on classes nan"),
    ],
)
def test_a_configuration_that_is_none_is_named(
    detector: Detector, classes: Taxonomy, tmp_path: Path, content: bytes, words: str
) -> None:
    save_model(tmp_path, build_detector(detector, classes, 0), detector, classes)
    (tmp_path / "detector.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"detector\.json: {words}"):
        load_model(tmp_path, detector, classes)


def test_a_model_of_maps_is_no_detector_of_boxes(
    detector: Detector, classes: Taxonomy, tmp_path: Path
) -> None:
    save_model(tmp_path, build_detector(detector, classes, 0), detector, classes)
    stored = json.loads((tmp_path / "detector.json").read_text())
    (tmp_path / "detector.json").write_text(json.dumps(stored | {"task": "map"}))
    with pytest.raises(InputError, match=r"detector\.json: this model has not learned boxes"):
        load_model(tmp_path, detector, classes)


def test_weights_of_another_shape_are_refused(
    detector: Detector, classes: Taxonomy, tmp_path: Path
) -> None:
    wide = detector.model_copy(update={"head_channels": 24})
    save_model(tmp_path, build_detector(wide, classes, 0), wide, classes)
    (tmp_path / "detector.json").write_text(
        json.dumps(detector.model_dump() | {"heads": classes.heads})
    )
    with pytest.raises(InputError, match=r"model\.safetensors: head\.\S+ is of shape"):
        load_model(tmp_path, detector, classes)
