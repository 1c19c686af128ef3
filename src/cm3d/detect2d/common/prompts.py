"""Prompt engineering (paper, Table 2): from classes to phrases, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.detect2d.common.protocol import ImageBoxes
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt

NO_PHRASE = -1


@dataclass(frozen=True)
class Vocabulary:
    """What an open-vocabulary detector is asked for (paper, appendix A).

    Args:
        phrases: In the order of the classes; each once.
        class_names: The class of each phrase.
    """

    phrases: tuple[str, ...]
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, phrases: Mapping[str, Sequence[str]]) -> Self:
        """The phrases by class of one set, as `Taxonomy.phrases` gives them."""
        pairs = [(phrase, name) for name, of_class in phrases.items() for phrase in of_class]
        return cls(tuple(phrase for phrase, _ in pairs), tuple(name for _, name in pairs))

    def sentences(self, template: str, separator: str = " ") -> list[str]:
        """What a text encoder reads for each phrase.

        Args:
            template: A sentence with {} for the phrase.
            separator: Stands between the words of a phrase.
        """
        return [template.format(phrase.replace(" ", separator)) for phrase in self.phrases]

    def label(
        self,
        phrase: NDArrayInt,
        score: NDArrayFloat,
        box_px: NDArrayFloat,
        said: Sequence[str] = (),
    ) -> ImageBoxes:
        """Detections by class instead of phrase.

        Args:
            phrase: (N,) index of each box's phrase; `NO_PHRASE` drops the box.
            score: (N,).
            box_px: (N, 4).
            said: What the detector said of the dropped boxes.
        """
        known = phrase != NO_PHRASE
        names = np.array(self.class_names, dtype=object)[phrase[known]]
        return ImageBoxes(
            names, score[known].astype(np.float64), box_px[known].astype(np.float64), tuple(said)
        )
