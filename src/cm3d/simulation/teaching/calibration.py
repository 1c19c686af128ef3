"""Scores that are shares: of the detections with score s, a share of about s is right."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit, logit

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.overlap import image_iou
from cm3d.simulation.networks.detector import DetectorNetwork, decode
from cm3d.simulation.teaching.drives import Photograph, VisibleObjects, visible_objects

_MIN_IOU: Final = 0.5
_MIN_SCORE: Final = 0.02  # lower maxima are too many, and none of them would be kept
_MULTIPLE_PX: Final = 32


@dataclass(frozen=True)
class Calibration:
    """Platt's: a detection's logit becomes `slope * logit + offset`."""

    slope: float
    offset: float

    def apply(self, network: DetectorNetwork) -> None:
        """Put it into the last layer of the heatmap."""
        with torch.no_grad():
            heatmap = network.heatmap
            assert heatmap.bias is not None
            heatmap.weight.mul_(self.slope)
            heatmap.bias.mul_(self.slope).add_(self.offset)


def calibrate(network: DetectorNetwork, photographs: Iterable[Photograph]) -> Calibration:
    """Fit to a network's detections on photographs that it was not trained on."""
    score, right = zip(*(_judged(network, photograph) for photograph in photographs), strict=True)
    return fit(np.concatenate(score), np.concatenate(right))


def fit(score: NDArrayFloat, right: NDArrayBool) -> Calibration:
    """Maximum likelihood for detections' scores (N,) and whether they are right (N,)."""
    raw = logit(np.clip(score, 1e-6, 1 - 1e-6))

    def surprise(parameters: NDArrayFloat) -> float:
        probability = np.clip(expit(parameters[0] * raw + parameters[1]), 1e-9, 1 - 1e-9)
        return -float(np.mean(np.where(right, np.log(probability), np.log(1 - probability))))

    slope, offset = minimize(surprise, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return Calibration(float(slope), float(offset))


def _judged(network: DetectorNetwork, photograph: Photograph) -> tuple[NDArrayFloat, NDArrayBool]:
    """Scores of the detections on an image, and whether they are right."""
    height_px, width_px = photograph.instance_id.shape
    padding = (0, -width_px % _MULTIPLE_PX, 0, -height_px % _MULTIPLE_PX)
    image = torch.from_numpy(photograph.rgb).permute(2, 0, 1).float() / 255
    with torch.inference_mode():
        logits, sides_px = network(torch.nn.functional.pad(image, padding, value=0.45)[None])
        found = decode(logits, sides_px, _MIN_SCORE)[0]
    score, class_index = found.score.numpy().astype(np.float64), found.class_index.numpy()
    return score, first_to_match(
        found.box_px.numpy().astype(np.float64), class_index, visible_objects(photograph)
    )


def first_to_match(
    box_px: NDArrayFloat, class_index: NDArrayBool, objects: VisibleObjects
) -> NDArrayBool:
    """Whether each detection (N, 4), best first, is the first on an object of its class."""
    same_class = class_index[:, None] == objects.class_index[None]
    overlap = image_iou(box_px, objects.box_px) * same_class
    right = np.zeros(len(box_px), dtype=bool)
    if overlap.size == 0:
        return right
    best = overlap.argmax(axis=1)
    close = overlap.max(axis=1) >= _MIN_IOU
    _, first = np.unique(best[close], return_index=True)
    right[np.flatnonzero(close)[first]] = True
    return right
