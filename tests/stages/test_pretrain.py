"""The stage `pretrain` where no frame is left to learn from."""

from pathlib import Path

import pytest
import torch

from cm3d.detectors.registry import build_detector
from cm3d.params import load_params
from cm3d.tables import Cameras, Frames, Sweeps, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import load_model
from experiments.overrides import write_overrides
from experiments.preset import load_preset
from stages import pretrain
from stages.shared.training import seed_of


def write_index() -> None:
    """A keyframe with two cameras."""
    Frames.from_columns(
        sample_token=["t0"],
        scene_name=["scene"],
        timestamp_us=[0],
        split=["train"],
        location=[""],
        global_SE3_ego=[(1.0, 0, 0, 0, 0, 0, 0)],
    ).write(layout.FRAMES / "scene.parquet")
    Sweeps.empty().write(layout.SWEEPS / "scene.parquet")
    Cameras.from_columns(
        camera_token=["c1", "c0"],
        sample_token=["t0"] * 2,
        channel=["CAM_FRONT", "CAM_BACK"],
        path=["1.jpg", "0.jpg"],
        width_px=[160] * 2,
        height_px=[90] * 2,
        intrinsics_px=[[100.0, 0, 80, 0, 100, 45, 0, 0, 1]] * 2,
        global_SE3_camera=[(1.0, 0, 0, 0, 0, 0, 0)] * 2,
    ).write(layout.CAMERAS / "scene.parquet")


def test_with_all_labels_the_model_is_left_as_it_begins(
    bare_workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"pillar_channels": 4, "block_channels": [4, 4, 4], "neck_channels": 4}
    values = {f"detector.{name}": value for name, value in small.items()}
    write_overrides(Path("params.yaml"), {"labels.fraction": 1.0, **values})
    write_index()

    pretrain.main()

    assert capsys.readouterr().out.startswith("note: pretrain: every train frame has labels")
    params, taxonomy = load_params(), load_taxonomy("nuscenes")
    model = load_model(layout.MODELS / "pretrain", params.network, taxonomy)
    seed = seed_of(params, "pretrain")
    begun = build_detector(params.network, taxonomy, seed)
    for name, value in begun.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert (layout.METRICS / "pretrain.json").is_file()
    assert (layout.PLOTS / "pretrain.csv").is_file()


def test_a_model_of_cameras_that_is_left_as_it_begins_knows_its_rig(bare_workspace: Path) -> None:
    values = load_preset("bevfusion_c") | {"bevfusion.cameras.weights": "random"}
    write_overrides(Path("params.yaml"), values | {"labels.fraction": 1.0})
    write_index()
    pretrain.main()
    model = load_model(layout.MODELS / "pretrain", load_params().network, load_taxonomy("nuscenes"))
    assert model.rig == ("CAM_BACK", "CAM_FRONT")
