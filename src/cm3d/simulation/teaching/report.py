"""What 2D detections and masks of a simulated data set are worth, and where they fail.

    PYTHONPATH=src python -m cm3d.simulation.teaching.report

Reads `data/` of the current folder, whatever detector and mask model wrote it, and prints JSON.
Truth is what instance-id images show; objects of fewer than 16 visible pixels do not count.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.evaluation.boxes2d.average_precision import score_classes2d
from cm3d.evaluation.masks.measures import decode, instance_iou
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayObject
from cm3d.sensors.instances import instance_image_path, read_instances
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.simulation.teaching.matching import (
    FULL_WIDTH_PX,
    Matching,
    Shown,
    full_size,
    shown_in_scene,
)
from cm3d.tables import Boxes2D, Cameras, GroundTruth, Masks, layout, read_scenes

# COCO's bounds of the area of boxes, in pixels of 1600x900.
_SIZES: Final = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, np.inf)}
# nuScenes' levels of visibility.
_VISIBILITIES: Final = {
    "0-40%": (0.0, 0.4),
    "40-60%": (0.4, 0.6),
    "60-80%": (0.6, 0.8),
    "80-100%": (0.8, np.inf),
}


def main() -> None:
    """Print the report of the current folder's data."""
    parser = Arguments("cm3d.simulation.teaching.report", __doc__)
    parser.add_argument("--split", choices=["train", "val", "all"], default="all")
    print(json.dumps(report(layout.RAW, parser.parse_args().split), indent=2))


def report(root: Path, split: str) -> dict[str, Any]:
    """Everything that is measured, over the scenes of a split."""
    splits = ("train", "val") if split == "all" else (split,)
    scenes = sorted({name for part in splits for name in layout.split_frames(part).scene_name})
    cameras = read_scenes(Cameras, layout.CAMERAS, scenes)
    detections = read_scenes(Boxes2D, layout.BOXES2D, scenes)
    truth = read_scenes(GroundTruth, layout.GROUND_TRUTH, scenes)
    shown = Shown.concatenate([shown_in_scene(root, scene) for scene in scenes])
    projected = score_classes2d(detections, truth, cameras, CLASS_NAMES)
    return {
        "images": len(cameras),
        "detections_per_image": len(detections) / len(cameras),
        "projected_ap50": _with_mean({n: s.average_precision for n, s in projected.items()}),
        "boxes": boxes_report(Matching.of(full_size(detections, cameras), shown), shown),
        "masks": masks_report([part for scene in scenes for part in _outlines(root, scene)]),
    }


def boxes_report(matching: Matching, shown: Shown) -> dict[str, Any]:
    """Average precision by class; recall by class, size and visibility."""
    precision = dict(zip(CLASS_NAMES, matching.average_precision.tolist(), strict=True))
    area_px = np.prod(shown.boxes.box_px[:, 2:] - shown.boxes.box_px[:, :2], axis=1)
    by_class = {name: matching.recall(shown.boxes.class_name == name) for name in CLASS_NAMES}
    return {
        "objects": int(matching.counts.sum()),
        "ap50": _with_mean(precision),
        "recall50": _with_mean(by_class),
        "recall50_by_size": {
            name: matching.recall(_within(area_px, *bounds)) for name, bounds in _SIZES.items()
        },
        "recall50_by_visibility": {
            name: matching.recall(_within(shown.visible_share, *bounds))
            for name, bounds in _VISIBILITIES.items()
        },
        "false_detections": matching.false_detections,
    }


@dataclass(frozen=True, eq=False)
class Outlines:
    """Masks of one image against true outlines.

    Args:
        class_name: (N,).
        area_px: (N,) of the boxes, in pixels of 1600x900.
        iou: (N,) NaN where there is no object like the box.
    """

    class_name: NDArrayObject
    area_px: NDArrayFloat
    iou: NDArrayFloat


def masks_report(parts: list[Outlines]) -> dict[str, Any]:
    """Mean overlap by class and size."""
    iou = np.concatenate([np.empty(0), *(part.iou for part in parts)])
    area_px = np.concatenate([np.empty(0), *(part.area_px for part in parts)])
    class_name = np.concatenate([np.empty(0, object), *(part.class_name for part in parts)])
    mean_where = partial(_mean_where, iou)
    return {
        "masks": len(iou),
        "iou": mean_where(np.ones(len(iou), dtype=bool)),
        "iou_by_class": _with_mean({name: mean_where(class_name == name) for name in CLASS_NAMES}),
        "iou_by_size": {
            name: mean_where(_within(area_px, *bounds)) for name, bounds in _SIZES.items()
        },
    }


def _outlines(root: Path, scene: str) -> Iterator[Outlines]:
    name = f"{scene}.parquet"
    cameras, boxes = Cameras.read(layout.CAMERAS / name), Boxes2D.read(layout.BOXES2D / name)
    masks = Masks.read(layout.MASKS / name)
    for token, width_px in zip(cameras.camera_token, cameras.width_px, strict=True):
        on_image = masks[masks.camera_token == token]
        if len(on_image) == 0:
            continue
        detected = boxes[np.isin(boxes.detection_id, on_image.detection_id)].sorted()
        scale = on_image.width_px[0] / width_px
        ids = read_instances(root / instance_image_path(token))
        area_px = np.prod(detected.box_px[:, 2:] - detected.box_px[:, :2], axis=1)
        yield Outlines(
            on_image.class_name,
            area_px * (FULL_WIDTH_PX / width_px) ** 2,
            instance_iou(decode(on_image), detected.box_px * scale, ids),
        )


def _within(values: NDArrayFloat, low: float, high: float) -> NDArrayBool:
    return np.asarray((values >= low) & (values < high))


def _mean_where(values: NDArrayFloat, chosen: NDArrayBool) -> float:
    known = values[chosen & np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _with_mean(by_class: dict[str, float]) -> dict[str, float]:
    return {"mean": float(np.nanmean(list(by_class.values()))), **by_class}


if __name__ == "__main__":
    run_program(main)
