"""What a model says of the ground: a mask per keyframe and class, for each threshold."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte
from cm3d.geometry.ground_map import MAP_CLASSES, MASK_SIZE
from cm3d.tables import rules
from cm3d.tables.columns import Binary, Text
from cm3d.tables.rules import Rule, Values
from cm3d.tables.table import Table

# Of probabilities, BEVFusion's.
MAP_THRESHOLDS: Final = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)

_PIXELS: Final = MASK_SIZE**2
_COUNTS: Final = bytes(range(len(MAP_THRESHOLDS) + 1))


def _are_masks(values: Values) -> NDArrayBool:
    sound = [len(pixels) == _PIXELS and not pixels.translate(None, _COUNTS) for pixels in values]
    return np.array(sound, dtype=bool)


_MASK: Final = Rule(f"{_PIXELS} bytes from 0 to {len(MAP_THRESHOLDS)}", _are_masks)


@dataclass(frozen=True, eq=False)
class MapPredictions(Table):
    """One row per keyframe and class.

    Whether a probability reaches a threshold is all that the metric asks, so that this is stored,
    and nothing is rounded. Parquet's compression makes short work of the runs.

    Args:
        sample_token: The keyframe.
        class_name: One of `MAP_CLASSES`.
        reached: A byte per pixel, row by row as `GroundMap.masks` has them: how many of
            `MAP_THRESHOLDS` its probability reaches, equal to it or above.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("sample_token", "class_name")
    key: ClassVar[tuple[str, ...]] = ("sample_token", "class_name")

    sample_token: Annotated[Text, rules.TOKEN]
    class_name: Annotated[Text, rules.one_of(MAP_CLASSES)]
    reached: Annotated[Binary, _MASK]

    @classmethod
    def of_frame(cls, sample_token: str, reached: NDArrayByte) -> Self:
        """Of one keyframe (classes, rows, columns)."""
        return cls.from_columns(
            sample_token=[sample_token] * len(MAP_CLASSES),
            class_name=list(MAP_CLASSES),
            reached=[pixels.astype(np.uint8).tobytes() for pixels in reached],
        )

    def masks(self) -> NDArrayByte:
        """`reached` of each row, (N, rows, columns)."""
        pixels = np.frombuffer(b"".join(self.reached), dtype=np.uint8)
        return pixels.reshape(-1, MASK_SIZE, MASK_SIZE)
