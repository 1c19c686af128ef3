"""From phrases of a prompt to the ten classes, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cm3d.detect2d.protocol import ImageBoxes
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.params import Phrases
from cm3d.tables.vocabulary import CLASS_NAMES

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
    def of(cls, phrases: Phrases) -> "Vocabulary":
        """The phrases of one set of `detect2d.vocabulary`."""
        pairs = [(phrase, name) for name in CLASS_NAMES for phrase in phrases[name]]
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
