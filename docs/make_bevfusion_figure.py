"""Draw docs/images/bevfusion_map.jpg: what a trained BEVFusion makes of one keyframe's images.

`PYTHONPATH=src python docs/make_bevfusion_figure.py`, in a workspace where `finetune` has trained
the preset `bevfusion_small`. Left the images as the network sees them; in the middle the map that
the camera branch makes of them, as the norm of its channels; right that of the points.
"""

from pathlib import Path
from typing import Any, Final

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import PowerNorm

from cm3d.detectors.bevfusion import BevFusion
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.inputs import Sample, stack_inputs
from cm3d.detectors.lidar.encoder import encode, voxelize
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import bev_corners
from cm3d.params import load_params
from cm3d.sensors.card import open_sensors
from cm3d.tables import Cameras, GroundTruth, Sweeps, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import load_model
from cm3d.training.frames import TrainingFrame, load_points, to_sensor, with_cameras
from cm3d.training.images import ImageAugmentation, load_images
from cm3d.training.labels import training_frames

IMAGE: Final = Path(__file__).parent / "images" / "bevfusion_map.jpg"
ORDER: Final = (
    *("CAM_FRONT_LEFT", "CAM_FRONT", "CAM_FRONT_RIGHT"),
    *("CAM_BACK_LEFT", "CAM_BACK", "CAM_BACK_RIGHT"),
)
TRUTH, FOUND = "tab:green", "tab:orange"
MIN_SCORE: Final = 0.3


def main() -> None:
    """Detect in the first scored keyframe and draw."""
    params, taxonomy = load_params(), load_taxonomy("nuscenes")
    model = load_model(layout.MODELS / "finetune", params.network, taxonomy)
    assert isinstance(model, BevFusion)
    assert model.needs.cameras is not None
    sensors, frame = open_sensors(params.dataset), first_keyframe(params.scoring.split)
    images, _ = load_images(
        frame, model.rig, sensors, model.needs.cameras,
        ImageAugmentation.none(model.needs.cameras), np.eye(4),
    )  # fmt: skip
    points = load_points(frame, sensors, model.needs)
    inputs = stack_inputs([Sample(frame.sample_token, points, SensorBoxes.empty(), images)])
    with torch.inference_mode():
        (found,) = model.detect(inputs, params.predict)
        voxels = voxelize(model.encoder, inputs)
        seen = model.cameras(inputs.images, voxels.held)[0].norm(dim=0).numpy()
        felt = encode(model.encoder, voxels, inputs.frames)[0].norm(dim=0).numpy()
    truth = to_sensor(frame.boxes, frame.global_SE3_lidar, model.class_names)
    draw(
        {channel: images.pixels[model.rig.index(channel)].numpy() for channel in ORDER},
        {"cameras": seen, "points": felt},
        params.detector.range_m,
        {TRUTH: truth, FOUND: found[found.score >= MIN_SCORE]},
    )


def first_keyframe(split: str) -> TrainingFrame:
    """With its images and its truth."""
    frames = layout.split_frames(split, wanted_by="make_bevfusion_figure")[:1]
    scene = frames.scene_name[0]
    sweeps, truth, cameras = (
        table.read(folder / f"{scene}.parquet")
        for table, folder in (
            (Sweeps, layout.SWEEPS), (GroundTruth, layout.GROUND_TRUTH), (Cameras, layout.CAMERAS),
        )
    )  # fmt: skip
    (frame,) = with_cameras(training_frames(frames, sweeps, truth), cameras)
    return frame


def draw(
    photographs: dict[str, NDArrayFloat],
    maps: dict[str, NDArrayFloat],
    range_m: float,
    boxes: dict[str, SensorBoxes],
) -> None:
    """Images in two rows, then the maps with boxes."""
    figure, axes = plt.subplot_mosaic(
        [["0", "1", "2", "cameras", "points"], ["3", "4", "5", "cameras", "points"]],
        figsize=(19, 4.6), layout="constrained", width_ratios=[1, 1, 1, 1.3, 1.3],
    )  # fmt: skip
    for place, (channel, pixels) in enumerate(photographs.items()):
        axes[str(place)].imshow(pixels.transpose(1, 2, 0))
        axes[str(place)].set_title(channel, fontsize=8)
        axes[str(place)].axis("off")
    for name, values in maps.items():
        extent = (-range_m, range_m, -range_m, range_m)
        brightness = PowerNorm(0.5, vmax=np.quantile(values, 0.995))  # far cells are weak
        axes[name].imshow(values, origin="lower", extent=extent, cmap="magma", norm=brightness)
        for color, of_color in boxes.items():
            outline(axes[name], of_color, color)
        axes[name].set_title(f"map of the {name}; m from the LiDAR", fontsize=8)
        axes[name].set(xlim=extent[:2], ylim=extent[2:])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=80, pil_kwargs={"quality": 88})
    print(f"drawn: {IMAGE}")


def outline(axes: Any, boxes: SensorBoxes, color: str) -> None:
    """Boxes from above."""
    for corners in bev_corners(boxes.cuboids):
        axes.plot(*corners[[0, 1, 2, 3, 0]].T, color=color, linewidth=0.8)


if __name__ == "__main__":
    main()
