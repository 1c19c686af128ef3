"""Where pre-training starts from: a model of ours, or a checkpoint of mmdet3d."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from cm3d.detectors.mmdet3d import convert_from_mmdet3d, weights_from_mmdet3d
from cm3d.detectors.registry import build_detector
from cm3d.errors import InputError
from cm3d.params import Detector, Params, load_params
from cm3d.taxonomy import Taxonomy
from cm3d.training.checkpoint import save_model
from stages.pretrain import initial_weights
from tests.tiny_detector import tiny_detector, tiny_taxonomy


@pytest.fixture
def detector() -> Detector:
    return tiny_detector(range_m=3.2, block_channels=[8, 8], block_layers=[1, 0])


def _params(detector: Detector, checkpoint: str) -> Params:
    params = load_params()
    start = params.pretrain.model_copy(update={"init_checkpoint": checkpoint})
    return params.model_copy(update={"detector": detector, "pretrain": start})


@pytest.fixture(autouse=True)
def three_classes(classes: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage's taxonomy is the tiny one."""
    monkeypatch.setattr("stages.pretrain.load_taxonomy", lambda _: classes)


def _renamed(detector: Detector) -> dict[str, torch.Tensor]:
    return renamed_for_mmdet3d(build_detector(detector, tiny_taxonomy(), 1).state_dict())


def renamed_for_mmdet3d(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of the tiny detector as mmdet3d would name them."""
    names = {
        "encoder.linear": "pts_voxel_encoder.pfn_layers.0.linear",
        "encoder.norm": "pts_voxel_encoder.pfn_layers.0.norm",
        "head.shared.0": "pts_bbox_head.shared_conv.conv",
        "head.shared.1": "pts_bbox_head.shared_conv.bn",
    }
    terms = ("heatmap", "reg", "height", "dim", "rot", "vel")
    for branch in range(12):
        there = f"pts_bbox_head.task_heads.{branch // 6}.{terms[branch % 6]}.0"
        names[f"head.final.{branch}"] = there
    for block, layers in ((0, 2), (1, 1)):
        for layer in range(layers):
            for part in (0, 1):
                own = f"backbone.blocks.{block}.{layer}.{part}"
                names[own] = f"pts_backbone.blocks.{block}.{3 * layer + part}"
        for part in (0, 1):
            names[f"neck.resamplers.{block}.{part}"] = f"pts_neck.deblocks.{block}.{part}"
    renamed = {}
    for name, value in state.items():
        layer, _, leaf = name.rpartition(".")
        renamed[f"{names[layer]}.{leaf}"] = value
    return renamed


def test_nothing_to_start_from(detector: Detector) -> None:
    assert initial_weights(_params(detector, "data/none")) is None


def test_a_model_folder_of_ours(
    detector: Detector, classes: Taxonomy, tmp_path: Path, monkeypatch
) -> None:
    model = build_detector(detector, tiny_taxonomy(), 3)
    save_model(tmp_path / "models" / "first", model, detector, classes)
    params = _params(detector, "models/first")
    monkeypatch.chdir(tmp_path)
    found = initial_weights(params)
    assert found is not None
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


def test_a_checkpoint_of_mmdet3d(detector: Detector, tmp_path: Path) -> None:
    path = tmp_path / "centerpoint.pth"
    torch.save({"state_dict": _renamed(detector), "meta": {"epoch": 20}}, path)
    found = initial_weights(_params(detector, str(path)))
    assert found is not None
    own = build_detector(detector, tiny_taxonomy(), 1).state_dict()
    assert found.keys() == own.keys()
    for name, value in own.items():
        if name != "encoder.linear.weight":
            assert torch.equal(found[name], value), name
    # x in units of 3.2 m, intensity of 255, offsets from the mean of 0.4 m, of z of 4 m
    ratio = found["encoder.linear.weight"] / own["encoder.linear.weight"]
    expected = torch.tensor([3.2, 3.2, 4.0, 255.0, 1.0, 0.4, 0.4, 0.4, 0.4, 0.4, 4.0])
    torch.testing.assert_close(ratio, expected.expand_as(ratio), atol=1e-4, rtol=1e-4)


def test_kernels_of_spconv_1_are_turned(detector: Detector) -> None:
    voxels = detector.model_copy(update={"encoder": "voxels"})
    old = torch.rand(3, 1, 1, 8, 16)
    name = "pts_middle_encoder.conv_out.0.weight"
    new = convert_from_mmdet3d({name: old}, voxels, 2)["encoder.flatten.0.weight"]
    assert new.shape == (16, 3, 1, 1, 8)
    assert new[5, 2, 0, 0, 7] == old[2, 0, 0, 7, 5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        ({"epoch": 3}, "no state_dict"),
        ({"state_dict": {"a.weight": torch.zeros(2)}}, r"another network.*a\.weight"),
    ],
)
def test_what_is_no_such_checkpoint_is_named(
    detector: Detector, classes: Taxonomy, tmp_path: Path, content, message: str
) -> None:
    path = tmp_path / "other.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=message) as caught:
        weights_from_mmdet3d(path, detector, classes)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="missing"):
        weights_from_mmdet3d(tmp_path / "none.pth", detector, classes)


def test_a_checkpoint_of_other_classes_is_refused(detector: Detector, tmp_path: Path) -> None:
    path = tmp_path / "centerpoint.pth"
    torch.save(_renamed(detector), path)
    with pytest.raises(InputError, match=r"head\.final\.6\.weight is of shape"):
        weights_from_mmdet3d(path, detector, tiny_taxonomy("car", "pedestrian"))
