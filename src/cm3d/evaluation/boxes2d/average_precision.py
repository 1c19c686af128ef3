"""How good 2D detections are: COCO's average precision at IoU 0.5.

There are no human 2D boxes, so 3D ground truth is projected. Its outlines are amodal, a
detector's are not: objects less than 40% visible (nuScenes' level 1), and those without a LiDAR
or radar return, are neither asked for nor held against a detector (COCO's `iscrowd`).
"""

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import outline_boxes
from cm3d.geometry.cuboids import box_corners
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes2D, Cameras, GroundTruth
from cm3d.tables.words import positions, rows_by_word

RECALL: Final = np.linspace(0, 1, 101).round(2).tolist()
_MIN_IOU: Final = 0.5
_MAX_DETECTIONS_PER_IMAGE: Final = 500
_HARDLY_VISIBLE: Final = 1


@dataclass(frozen=True, eq=False)
class ProjectedTruth:
    """Ground truth on images.

    Args:
        boxes: Outlines; the score is 1.
        ignored: (N,) neither asked for nor held against a detector.
    """

    boxes: Boxes2D
    ignored: NDArrayBool


@dataclass(frozen=True, eq=False)
class ClassScores:
    """One class at IoU 0.5.

    Args:
        average_precision: Mean of `precision`.
        recall: Share of the objects that is found.
        precision: (101,) over `RECALL`.
    """

    average_precision: float
    recall: float
    precision: NDArrayFloat


def score_boxes2d(
    classes: Mapping[str, ClassScores], detections: int, images: int
) -> dict[str, float]:
    """Headline numbers: means over the classes that occur, absent where none does.

    Args:
        classes: Scores of the classes that occur.
        detections: How many there are.
        images: How many there are, also without detections.
    """
    scores = {}
    if classes:
        scores["map50"] = float(np.mean([found.average_precision for found in classes.values()]))
        scores["recall50"] = float(np.mean([found.recall for found in classes.values()]))
    return scores | {"detections_per_image": detections / max(images, 1)}


@dataclass(frozen=True, eq=False)
class Found2D:
    """What became of detections, without their boxes: little enough to keep of a whole split.

    Args:
        score: (N,) of those that are not matched to what is ignored, image by image.
        class_index: (N,).
        hit: (N,) whether each is matched to an object.
        positives: (classes,) number of objects that are asked for.
    """

    score: NDArrayFloat
    class_index: NDArrayInt
    hit: NDArrayBool
    positives: NDArrayInt

    @classmethod
    def of(cls, evaluation: COCOeval) -> Self:
        """What `match_boxes2d` has found."""
        images = [image for image in evaluation.evalImgs if image is not None]
        index = [image["category_id"] - 1 for image in images]
        positives = np.zeros(len(evaluation.params.catIds), dtype=np.int64)
        np.add.at(positives, index, [np.count_nonzero(image["gtIgnore"] == 0) for image in images])
        sizes = [len(image["dtScores"]) for image in images]
        counts = ~np.concatenate([[], *(image["dtIgnore"][0] for image in images)]).astype(bool)
        return cls(
            np.concatenate([[], *(image["dtScores"] for image in images)])[counts],
            np.repeat(np.array(index, dtype=np.int64), sizes)[counts],
            np.concatenate([[], *(image["dtMatches"][0] for image in images)])[counts] > 0,
            positives,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Of several groups of images, at least one."""
        return cls(
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.class_index for part in parts]),
            np.concatenate([part.hit for part in parts]),
            np.sum([part.positives for part in parts], axis=0),
        )


def score_classes2d(
    detections: Boxes2D, ground_truth: GroundTruth, cameras: Cameras, class_names: Sequence[str]
) -> dict[str, ClassScores]:
    """Scores of each class that occurs.

    Args:
        detections: Boxes on `cameras`.
        ground_truth: Boxes of their keyframes.
        cameras: All images, also those without detections.
        class_names: All classes.
    """
    return score_found2d(find_boxes2d(detections, ground_truth, cameras, class_names), class_names)


def find_boxes2d(
    detections: Boxes2D, ground_truth: GroundTruth, cameras: Cameras, class_names: Sequence[str]
) -> Found2D:
    """What becomes of detections; arguments as of `score_classes2d`."""
    truth = project_truth(ground_truth, cameras)
    return Found2D.of(match_boxes2d(detections, truth, cameras.camera_token, class_names))


def score_found2d(found: Found2D, class_names: Sequence[str]) -> dict[str, ClassScores]:
    """Scores of each class that occurs, as `COCOeval.accumulate` has them."""
    best_first = np.argsort(-found.score, kind="stable")
    scores = {}
    for index, name in enumerate(class_names):
        if positives := int(found.positives[index]):
            hits = np.cumsum(found.hit[best_first[found.class_index[best_first] == index]])
            recall = hits / positives
            precision = hits / (np.arange(1, len(hits) + 1) + np.spacing(1))
            best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
            at = np.searchsorted(recall, RECALL)
            over_recall = np.append(best_from_here, 0.0)[at]
            reached = float(recall[-1]) if len(recall) else 0.0
            scores[name] = ClassScores(float(over_recall.mean()), reached, over_recall)
    return scores


def match_boxes2d(
    detections: Boxes2D,
    truth: ProjectedTruth,
    camera_tokens: Iterable[str],
    class_names: Sequence[str],
) -> COCOeval:
    """Detections matched to objects by COCO's rules at IoU 0.5, image by image.

    Args:
        detections: Boxes on these images.
        truth: Objects on these images; object i has the COCO id i + 1.
        camera_tokens: All images, also those with neither.
        class_names: All classes; class i has the COCO id i + 1.

    Raises:
        InputError: A box has another class.
    """
    image_ids = {token: row for row, token in enumerate(sorted(camera_tokens), start=1)}
    nothing_ignored = np.zeros(len(detections), dtype=bool)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            _coco(truth.boxes, truth.ignored, image_ids, class_names),
            _coco(detections, nothing_ignored, image_ids, class_names),
            "bbox",
        )
        evaluation.params.iouThrs = np.array([_MIN_IOU])
        evaluation.params.maxDets = [_MAX_DETECTIONS_PER_IMAGE]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
    return evaluation


def project_truth(ground_truth: GroundTruth, cameras: Cameras) -> ProjectedTruth:
    """Outlines of ground truth on every image of its keyframe that it appears on."""
    boxes, ignored = [Boxes2D.empty()], [np.empty(0, dtype=bool)]
    tokens, frame = np.unique(cameras.sample_token.astype(str), return_inverse=True)
    rows_of_frame = rows_by_word(ground_truth.sample_token, tokens.tolist())
    for row in range(len(cameras)):
        camera, truth = cameras[row : row + 1], ground_truth[rows_of_frame[frame[row]]]
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
    corners_m = box_corners(truth.cuboids)
    camera_SE3_global = SE3.from_pose(camera.global_SE3_camera[0]).inverse()
    in_camera_m = camera_SE3_global.transform_points(corners_m.reshape(-1, 3)).reshape(-1, 8, 3)
    intrinsics_px = camera.intrinsics_px[0].reshape(3, 3)
    return outline_boxes(
        in_camera_m, intrinsics_px, int(camera.width_px[0]), int(camera.height_px[0])
    )


def _coco(
    boxes: Boxes2D,
    ignored: NDArrayBool,
    image_ids: Mapping[str, int],
    class_names: Sequence[str],
) -> COCO:
    category = positions(boxes.class_name, class_names)
    if (category < 0).any():
        unknown = boxes.class_name[np.argmin(category)]
        raise InputError(
            f"boxes on images: class {unknown!r} is none of {', '.join(class_names)}; rerun "
            "their stage"
        )
    sizes_px = boxes.box_px[:, 2:] - boxes.box_px[:, :2]
    xywh_px = np.concatenate([boxes.box_px[:, :2], sizes_px], axis=1)
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image_id} for image_id in image_ids.values()],
        "categories": [{"id": index + 1, "name": name} for index, name in enumerate(class_names)],
        "annotations": [
            {
                "id": row + 1,
                "image_id": image_ids[boxes.camera_token[row]],
                "category_id": int(category[row]) + 1,
                "bbox": xywh_px[row].tolist(),
                "area": float(sizes_px[row].prod()),
                "iscrowd": int(ignored[row]),
                "score": float(boxes.score[row]),
            }
            for row in range(len(boxes))
        ],
    }
    coco.createIndex()
    return coco
