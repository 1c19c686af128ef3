"""What one writes first with a library: image after image, alone, in float32."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from benchmarks.shelf.images import Scene
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat
from cm3d.segment.common.scene import encode, shrink
from cm3d.segment.sam.adapter import SamSegmenter
from cm3d.sensors.images import read_image

# What processors say of an image for their own post-processing; SAM 2's has the first alone.
_SIZES: Final = ("original_sizes", "reshaped_input_sizes")


@dataclass(frozen=True, eq=False)
class DetectionLoop:
    """Boxes by the processor and the model of an open-vocabulary detector of transformers.

    Args:
        model: In float32, on its device.
        processor: The library's own, images and text.
        text: What to look for, tokenized with every image.
        max_side_px: Images are shrunk to this, as ours are.
        thresholds: Of the library's post-processing.
    """

    model: Any
    processor: Any
    text: Sequence[str]
    max_side_px: int
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, scene: Scene) -> list[NDArrayFloat]:
        """Boxes (N, 4) on each image, in its pixels."""
        found = []
        for path, _ in scene.images():
            image = Image.open(path).convert("RGB")
            (boxes,) = self.processor.post_process_grounded_object_detection(
                self._look(image), target_sizes=[image.size[::-1]], **self.thresholds
            )
            found.append(boxes["boxes"].cpu().numpy())
        return found

    def score_after(self, rank: int, scene: Scene) -> float:
        """What so many boxes of the first image exceed, or half of them if there are few."""
        path, _ = next(scene.images())
        logits = self._look(Image.open(path).convert("RGB")).logits
        scores = logits[0].sigmoid().amax(dim=1)
        # Between two scores, lest rounding decides.
        return float(scores.topk(min(rank, len(scores) // 2) + 1).values[-2:].mean())

    @torch.inference_mode()
    def _look(self, image: Image.Image) -> Any:
        small = image.copy()
        small.thumbnail((self.max_side_px, self.max_side_px))
        inputs = self.processor(images=small, text=[list(self.text)], return_tensors="pt")
        return self.model(**inputs.to(self.model.device))


@dataclass(frozen=True, eq=False)
class MaskLoop:
    """Masks by the processor and the model of SAM or a relative of transformers.

    Args:
        model: In float32, on its device.
        processor: The library's own.
        max_width_px: Images are shrunk to this, as ours are.
    """

    model: Any
    processor: Any
    max_width_px: int

    def __call__(self, scene: Scene) -> list[list[bytes]]:
        """Run lengths of the masks on each image; all its boxes are prompts of one call."""
        images = scene.images()
        return [encode(self._outline(*shrunk(*one, self.max_width_px))) for one in images]

    @torch.inference_mode()
    def _outline(self, image: NDArrayByte, boxes_px: NDArrayFloat) -> NDArrayBool:
        prompts = [boxes_px.tolist()]
        inputs = self.processor(images=image, input_boxes=prompts, return_tensors="pt")
        sizes = [inputs.pop(name) for name in _SIZES if name in inputs]
        inputs = inputs.to(self.model.device)
        logits = self.model(**inputs, multimask_output=False).pred_masks
        (masks,) = self.processor.post_process_masks(logits, *sizes)
        return np.asarray(masks[:, 0].cpu().numpy())


@dataclass(frozen=True, eq=False)
class PredictorLoop:
    """Masks by the predictor of the package `segment_anything`.

    Args:
        predictor: Its model is in float32, on its device.
        max_width_px: Images are shrunk to this, as ours are.
    """

    predictor: Any
    max_width_px: int

    @torch.inference_mode()
    def __call__(self, scene: Scene) -> list[list[bytes]]:
        """Run lengths of the masks on each image; all its boxes are prompts of one call."""
        found = []
        for one in scene.images():
            image, boxes_px = shrunk(*one, self.max_width_px)
            self.predictor.set_image(image)
            prompts = torch.from_numpy(boxes_px).float().to(self.predictor.device)
            prompts = self.predictor.transform.apply_boxes_torch(prompts, image.shape[:2])
            masks, _, _ = self.predictor.predict_torch(None, None, prompts, multimask_output=False)
            found.append(encode(masks[:, 0].cpu().numpy()))
        return found


@dataclass(frozen=True, eq=False)
class ModelLoop:
    """Masks where the library's processor cannot be had: its model alone, around it our own.

    Args:
        segmenter: In float32.
        max_width_px: Images are shrunk to this.
    """

    segmenter: SamSegmenter
    max_width_px: int

    def __call__(self, scene: Scene) -> list[list[bytes]]:
        """Run lengths of the masks on each image."""
        found = []
        for one in scene.images():
            image, boxes_px = shrunk(*one, self.max_width_px)
            (masks,) = self.segmenter.segment([self.segmenter.prepare(image)], [boxes_px])
            found.append(encode(masks))
        return found


def shrunk(path: Path, boxes_px: NDArrayFloat, width_px: int) -> tuple[NDArrayByte, NDArrayFloat]:
    """The image of at most this width, and boxes (N, 4) in its pixels."""
    image = read_image(path)
    small = shrink(image, width_px)
    return small, boxes_px * np.tile(np.divide(small.shape[1::-1], image.shape[1::-1]), 2)
