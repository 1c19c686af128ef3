"""Everything that decides what is learned from given keyframes."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from cm3d import params
from cm3d.detectors.protocol import Detector
from cm3d.detectors.registry import build_detector
from cm3d.params import Schedule, Training
from cm3d.taxonomy import Taxonomy
from cm3d.training.frames import TrainingFrame


@dataclass(frozen=True)
class Recipe:
    """How a detector is trained.

    Args:
        detector: Its section of the parameters.
        taxonomy: Classes that it learns.
        schedule: Optimiser and augmentation of this training.
        training: What all trainings share.
        seed: Of random weights, order and augmentation.
    """

    detector: params.Network
    taxonomy: Taxonomy
    schedule: Schedule
    training: Training
    seed: int

    @property
    def epochs(self) -> int:
        """How often each frame is seen."""
        return self.schedule.epochs * self.training.schedule

    def build(self) -> Detector:
        """The detector with random weights.

        Raises:
            InputError: Its section does not fit together, or a library is missing.
        """
        return build_detector(self.detector, self.taxonomy, self.seed)

    def fingerprint(self, frames: Sequence[TrainingFrame], weights: Mapping[str, Tensor]) -> str:
        """Identifies a training by the recipe, the labels and the first weights."""
        digest = 0
        for frame in frames:
            digest = zlib.crc32(frame.sample_token.encode(), digest)
            digest = zlib.crc32(frame.boxes.center_m.tobytes(), digest)
            digest = zlib.crc32(frame.boxes.score.tobytes(), digest)
        for weight in weights.values():
            digest = zlib.crc32(weight.contiguous().cpu().numpy().tobytes(), digest)
        sections = (self.detector, self.taxonomy, self.schedule, self.training)
        return json.dumps([*(section.model_dump() for section in sections), self.seed, digest])
