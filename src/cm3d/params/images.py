"""Parameters of what looks at images: 2D detection and masks."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cm3d.params.fields import (
    ClassName,
    Count,
    NonNegative,
    Positive,
    Precision,
    Section,
    Share,
    ShelfModel,
    lacking_classes,
)


def _spelled(phrase: str) -> str:
    if phrase != " ".join(phrase.lower().split()) or not phrase or set(phrase) & set("._?"):
        raise ValueError("words in lower case, one space apart, without . ? _")
    return phrase


def _unambiguous(phrases: dict[ClassName, tuple[str, ...]]) -> dict[ClassName, tuple[str, ...]]:
    if missing := lacking_classes(phrases):
        raise ValueError(f"no phrases for {missing}")
    known: dict[str, str] = {}
    for class_name, of_class in phrases.items():
        for phrase in of_class:
            if phrase in known:
                raise ValueError(f"{phrase!r} stands for {known[phrase]} and for {class_name}")
            known[phrase] = class_name
    return phrases


# What stands for each class in the prompt of an open-vocabulary detector.
Phrases = Annotated[
    dict[
        ClassName,
        Annotated[tuple[Annotated[str, AfterValidator(_spelled)], ...], Field(min_length=1)],
    ],
    AfterValidator(_unambiguous),
]

# A sentence around a phrase, for a text encoder.
Template = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$")]


class SimulatedDetector(Section):
    """Error model of the simulated 2D detector."""

    max_recall: Share
    half_recall_height_px: Positive
    half_recall_visibility: Share
    plain_prompt_recall: Share
    confusion: Share
    box_jitter: NonNegative
    false_positives_per_image: NonNegative
    score_noise: NonNegative


class GroundingDino(ShelfModel):
    """GroundingDINO."""

    text_threshold: Share


class Owlv2(ShelfModel):
    """OWLv2."""

    template: Template


class Detic(Section):
    """Detic."""

    folder: str
    config: str
    weights: str
    template: Template
    separator: str
    clip: ShelfModel


class Detect2D(Section):
    """2D detection."""

    backend: Literal["simnet", "grounding_dino", "owlv2", "detic", "precomputed", "simulated"]
    precision: Precision
    max_side_px: Count
    precomputed_file: str | None
    prompts: str
    min_score: Share
    nms_iou: Share
    vocabulary: dict[str, Phrases]
    grounding_dino: GroundingDino
    owlv2: Owlv2
    detic: Detic
    simulated: SimulatedDetector

    @model_validator(mode="after")
    def _choices_are_complete(self) -> "Detect2D":
        if self.backend == "precomputed" and self.precomputed_file is None:
            raise ValueError("backend: precomputed needs precomputed_file")
        if self.prompts not in self.vocabulary:
            sets = ", ".join(self.vocabulary)
            raise ValueError(f"prompts: vocabulary has no set {self.prompts!r}, only {sets}")
        return self

    @property
    def phrases(self) -> Phrases:
        """The vocabulary that `prompts` names."""
        return self.vocabulary[self.prompts]

    @property
    def is_network(self) -> bool:
        """Whether the backend is a network, which has use for a GPU."""
        return self.backend not in ("precomputed", "simulated")


class Sam(ShelfModel):
    """Segment Anything, from either of two libraries."""

    library: Literal["transformers", "segment_anything"]
    checkpoint: str | None

    @model_validator(mode="after")
    def _checkpoint_is_named(self) -> "Sam":
        if self.library == "segment_anything" and self.checkpoint is None:
            raise ValueError("library: segment_anything needs checkpoint")
        return self


class GrabCut(Section):
    """GrabCut masks."""

    iterations: Count
    margin: NonNegative
    core: Share
    max_side_px: Count


class Segment(Section):
    """Masks from boxes."""

    backend: Literal["simnet", "sam", "sam2", "promptable", "grabcut", "box"]
    precision: Precision
    max_width_px: Count
    sam: Sam
    sam2: ShelfModel
    promptable: ShelfModel
    grabcut: GrabCut

    @property
    def is_network(self) -> bool:
        """Whether the backend is a network, which has use for a GPU."""
        return self.backend not in ("grabcut", "box")
