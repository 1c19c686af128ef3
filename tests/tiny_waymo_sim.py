"""Two tiny segments of the embedded Waymo data."""

from typing import Final

from cm3d.params import Params, load_params

TRAIN: Final = "scene-0001"
VAL: Final = "scene-0003"
VERSION: Final = "v2"


def params_of(name: str) -> Params:
    """Two scenes of two keyframes, which are six frames, with poses written as they are."""
    values = load_params()
    small = {"train_scenes": 1, "val_scenes": 1, "keyframes_per_scene": 2, "image_scale": 0.1}
    true = {f"{n}_error_{u}": 0.0 for n in ("camera_mounting", "ego_pose") for u in ("deg", "m")}
    return values.model_copy(
        update={
            "dataset": values.dataset.model_copy(update={"name": name, "version": VERSION}),
            "simulation": values.simulation.model_copy(update=small | true),
            "execution": values.execution.model_copy(update={"engine": "serial"}),
        }
    )
