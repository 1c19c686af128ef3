"""How good 2D detections are: COCO's average precision at IoU 0.5.

There are no human 2D boxes, so 3D ground truth is projected. Its outlines are amodal, a
detector's are not: objects less than 40% visible (nuScenes' level 1), and those without a LiDAR
or radar return, are neither asked for nor held against a detector (COCO's `iscrowd`).
"""

import contextlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.boxes import box_corners
from cm3d.geometry.outlines import outline_boxes
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes2D, Cameras, GroundTruth
from cm3d.tables.vocabulary import CLASS_NAMES, class_indices

_MIN_IOU = 0.5
_MAX_DETECTIONS_PER_IMAGE = 500
_HARDLY_VISIBLE = 1


@dataclass(frozen=True, eq=False)
class ProjectedTruth:
    """Ground truth on images.

    Args:
        boxes: Outlines; the score is 1.
        ignored: (N,) neither asked for nor held against a detector.
    """

    boxes: Boxes2D
    ignored: NDArrayBool


def score_boxes2d(
    detections: Boxes2D, ground_truth: GroundTruth, cameras: Cameras
) -> dict[str, float]:
    """Headline numbers of 2D detections.

    Args:
        detections: Boxes on `cameras`.
        ground_truth: Boxes of their keyframes.
        cameras: All images, also those without detections.

    Returns:
        `map50` and `recall50`, means over the classes that occur, absent where none does;
        `detections` and `detections_per_image`.
    """
    classes = score_classes2d(detections, ground_truth, cameras)
    scores = {
        "detections": float(len(detections)),
        "detections_per_image": len(detections) / max(len(cameras), 1),
    }
    if classes:
        scores["map50"] = float(np.mean([ap for ap, _ in classes.values()]))
        scores["recall50"] = float(np.mean([recall for _, recall in classes.values()]))
    return scores


def score_classes2d(
    detections: Boxes2D, ground_truth: GroundTruth, cameras: Cameras
) -> dict[str, tuple[float, float]]:
    """Average precision and recall at IoU 0.5 of each class that occurs."""
    truth = project_truth(ground_truth, cameras)
    result = match_boxes2d(detections, truth, cameras.camera_token).eval
    average_precision = result["precision"][0, :, :, 0, 0].mean(axis=0)
    recall = result["recall"][0, :, 0, 0]
    return {
        name: (float(average_precision[index]), float(recall[index]))
        for index, name in enumerate(CLASS_NAMES)
        if recall[index] >= 0
    }


def match_boxes2d(
    detections: Boxes2D, truth: ProjectedTruth, camera_tokens: Iterable[str]
) -> COCOeval:
    """Detections matched to objects by COCO's rules at IoU 0.5, accumulated over images.

    Args:
        detections: Boxes on these images.
        truth: Objects on these images; object i has the COCO id i + 1.
        camera_tokens: All images, also those with neither.
    """
    image_ids = {token: row for row, token in enumerate(sorted(camera_tokens), start=1)}
    nothing_ignored = np.zeros(len(detections), dtype=bool)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            _coco(truth.boxes, truth.ignored, image_ids),
            _coco(detections, nothing_ignored, image_ids),
            "bbox",
        )
        evaluation.params.iouThrs = np.array([_MIN_IOU])
        evaluation.params.maxDets = [_MAX_DETECTIONS_PER_IMAGE]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def project_truth(ground_truth: GroundTruth, cameras: Cameras) -> ProjectedTruth:
    """Outlines of ground truth on every image of its keyframe that it appears on."""
    boxes, ignored = [Boxes2D.empty()], [np.empty(0, dtype=bool)]
    for row in range(len(cameras)):
        camera = cameras[row : row + 1]
        truth = ground_truth[ground_truth.sample_token == camera.sample_token[0]]
        box_px = _outlines(truth, camera)
        seen = box_px[:, 2] > box_px[:, 0]
        count = int(seen.sum())
        boxes.append(
            Boxes2D.from_columns(
                camera_token=np.repeat(camera.camera_token, count),
                detection_id=np.arange(count),
                class_name=truth.class_name[seen],
                score=np.ones(count),
                box_px=box_px[seen],
            )
        )
        unseen = truth.num_lidar_points + truth.num_radar_points == 0
        ignored.append((unseen | (truth.visibility == _HARDLY_VISIBLE))[seen])
    return ProjectedTruth(Boxes2D.concatenate(boxes), np.concatenate(ignored))


def _outlines(truth: GroundTruth, camera: Cameras) -> NDArrayFloat:
    corners_m = box_corners(
        truth.center_m, truth.length_m, truth.width_m, truth.height_m, truth.yaw_rad
    )
    camera_SE3_global = SE3.from_pose(camera.global_SE3_camera[0]).inverse()
    in_camera_m = camera_SE3_global.transform_points(corners_m.reshape(-1, 3)).reshape(-1, 8, 3)
    intrinsics_px = camera.intrinsics_px[0].reshape(3, 3)
    return outline_boxes(
        in_camera_m, intrinsics_px, int(camera.width_px[0]), int(camera.height_px[0])
    )


def _coco(boxes: Boxes2D, ignored: NDArrayBool, image_ids: Mapping[str, int]) -> COCO:
    sizes_px = boxes.box_px[:, 2:] - boxes.box_px[:, :2]
    xywh_px = np.concatenate([boxes.box_px[:, :2], sizes_px], axis=1)
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image_id} for image_id in image_ids.values()],
        "categories": [{"id": index + 1, "name": name} for index, name in enumerate(CLASS_NAMES)],
        "annotations": [
            {
                "id": row + 1,
                "image_id": image_ids[boxes.camera_token[row]],
                "category_id": int(category) + 1,
                "bbox": xywh_px[row].tolist(),
                "area": float(sizes_px[row].prod()),
                "iscrowd": int(ignored[row]),
                "score": float(boxes.score[row]),
            }
            for row, category in enumerate(class_indices(boxes.class_name))
        ],
    }
    coco.createIndex()
    return coco
