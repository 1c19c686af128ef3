"""Parameters of what looks at images: 2D detection and masks."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cm3d.params.fields import (
    Count,
    NonNegative,
    Positive,
    Precision,
    Section,
    Share,
    ShelfModel,
)

# A sentence around a phrase, for a text encoder.
Template = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$")]


class SimulatedDetector(Section):
    """Error model of the simulated 2D detector."""

    max_recall: Share
    half_recall_height_px: Positive
    half_recall_visibility: Share
    plain_prompt_recall: Share
    confusion: Share
    double_classes: Share
    parts: Share
    groups: Share
    persistence: Share
    box_jitter: NonNegative
    false_positives_per_image: NonNegative
    lasting_false_positives: Share
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


class Simnet(Section):
    """The embedded data set's own detector."""

    nms_iou: Share


class Precomputed(Section):
    """What another program made."""

    file: str | None


class Detect2D(Section):
    """2D detection; every backend has a section of its name."""

    backend: Literal["simnet", "grounding_dino", "owlv2", "detic", "precomputed", "simulated"]
    precision: Precision
    max_side_px: Count
    prompts: str
    min_score: Share
    nms_iou: Share
    simnet: Simnet
    precomputed: Precomputed
    grounding_dino: GroundingDino
    owlv2: Owlv2
    detic: Detic
    simulated: SimulatedDetector

    @model_validator(mode="after")
    def _file_is_named(self) -> "Detect2D":
        if self.backend == "precomputed" and self.precomputed.file is None:
            raise ValueError("backend: precomputed needs precomputed.file")
        return self

    @property
    def is_network(self) -> bool:
        """Whether the backend is a network, which has use for a GPU."""
        return self.backend not in ("precomputed", "simulated")


class Sam(Section):
    """Segment Anything and what is prompted like it, from either of two libraries."""

    use: Literal["sam", "sam2", "promptable"]
    library: Literal["transformers", "segment_anything"]
    checkpoint: str | None
    models: dict[Literal["sam", "sam2", "promptable"], ShelfModel]

    @model_validator(mode="after")
    def _choice_is_complete(self) -> "Sam":
        if self.library == "segment_anything" and self.checkpoint is None:
            raise ValueError("library: segment_anything needs checkpoint")
        if self.library == "segment_anything" and self.use != "sam":
            raise ValueError(f"library: segment_anything has no {self.use}; use transformers")
        if self.use not in self.models:
            raise ValueError(f"models: no {self.use}")
        return self

    @property
    def model(self) -> ShelfModel:
        """The model that `use` names."""
        return self.models[self.use]


class GrabCut(Section):
    """GrabCut masks."""

    iterations: Count
    margin: NonNegative
    core: Share
    max_side_px: Count


class Nothing(Section):
    """A backend without knobs."""


class Segment(Section):
    """Masks from boxes; every backend has a section of its name."""

    backend: Literal["simnet", "sam", "grabcut", "box", "precomputed"]
    precision: Precision
    max_width_px: Count
    simnet: Nothing
    sam: Sam
    grabcut: GrabCut
    box: Nothing
    precomputed: Precomputed

    @model_validator(mode="after")
    def _file_is_named(self) -> "Segment":
        if self.backend == "precomputed" and self.precomputed.file is None:
            raise ValueError("backend: precomputed needs precomputed.file")
        return self

    @property
    def is_network(self) -> bool:
        """Whether the backend is a network, which has use for a GPU."""
        return self.backend in ("simnet", "sam")
