"""What a training refuses before it begins."""

from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.params import load_params
from cm3d.tables import Boxes3D, Cameras, Frames, Sweeps, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.frames import TrainingFrame
from cm3d.training.recipe import Recipe
from experiments.overrides import write_overrides
from experiments.preset import load_preset
from stages.shared.training import training_job

STANDING = (1.0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("preset", ["bevfusion", "bevfusion_c"])
def test_a_detector_of_cameras_on_a_data_set_without_images(
    bare_workspace: Path, preset: str
) -> None:
    write_overrides(Path("params.yaml"), load_preset(preset))
    Frames.from_columns(
        sample_token=["t0"],
        scene_name=["scene"],
        timestamp_us=[0],
        split=["train"],
        location=[""],
        global_SE3_ego=[STANDING],
    ).write(layout.FRAMES / "scene.parquet")
    Sweeps.empty().write(layout.SWEEPS / "scene.parquet")
    Cameras.empty().write(layout.CAMERAS / "scene.parquet")
    params, frames = load_params(), [TrainingFrame("t0", Sweeps.empty(), Boxes3D.empty())]
    recipe = Recipe(
        params.network, load_taxonomy(params.taxonomy), params.finetune, params.training, 0
    )
    with pytest.raises(InputError, match=r"data/index/cameras: no keyframe that finetune .* image"):
        training_job("finetune", 0, frames, recipe, recipe.build().needs, params, None, None)
