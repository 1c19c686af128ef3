"""Parameters of what looks at images: 2D detection and masks."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cm3d.params.fields import (
    NO_FILE,
    Few,
    Line,
    Name,
    NamedFile,
    Precision,
    Section,
    Share,
    ShelfModel,
    Side_px,
)

# Relative to a box, or to its size.
_Ratio = Annotated[float, Field(ge=0, le=10)]

# A sentence around a phrase, for a text encoder.
Template = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$")]


class SimulatedDetector(Section):
    """Error model of the simulated 2D detector."""

    max_recall: Share
    half_recall_height_px: Annotated[float, Field(ge=0.01, le=10_000)]
    half_recall_visibility: Share
    plain_prompt_recall: Share
    confusion: Share
    double_classes: Share
    parts: Share
    groups: Share
    persistence: Share
    box_jitter: _Ratio
    false_positives_per_image: Annotated[float, Field(ge=0, le=1000)]
    lasting_false_positives: Share
    score_noise: _Ratio


class GroundingDino(ShelfModel):
    """GroundingDINO."""

    text_threshold: Share


class Owlv2(ShelfModel):
    """OWLv2."""

    template: Template


class Detic(Section):
    """Detic."""

    folder: Line
    config: Line
    weights: Line
    template: Template
    separator: Annotated[str, Field(max_length=10)]
    clip: ShelfModel


class Simnet(Section):
    """The embedded data set's own detector."""

    nms_iou: Share


class Precomputed(Section):
    """What another program made."""

    file: NamedFile


class Detect2D(Section):
    """2D detection; every backend has a section of its name."""

    backend: Literal["simnet", "grounding_dino", "owlv2", "detic", "precomputed", "simulated"]
    precision: Precision
    max_side_px: Side_px
    prompts: Name
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
        if self.backend == "precomputed" and self.precomputed.file == NO_FILE:
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
    checkpoint: NamedFile
    models: dict[Literal["sam", "sam2", "promptable"], ShelfModel]

    @model_validator(mode="after")
    def _choice_is_complete(self) -> "Sam":
        if self.library == "segment_anything" and self.checkpoint == NO_FILE:
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

    iterations: Few
    margin: _Ratio
    core: Share
    max_side_px: Side_px


class Nothing(Section):
    """A backend without knobs."""


class Segment(Section):
    """Masks from boxes; every backend has a section of its name."""

    backend: Literal["simnet", "sam", "grabcut", "box", "precomputed"]
    precision: Precision
    max_width_px: Side_px
    simnet: Nothing
    sam: Sam
    grabcut: GrabCut
    box: Nothing
    precomputed: Precomputed

    @model_validator(mode="after")
    def _file_is_named(self) -> "Segment":
        if self.backend == "precomputed" and self.precomputed.file == NO_FILE:
            raise ValueError("backend: precomputed needs precomputed.file")
        return self

    @property
    def is_network(self) -> bool:
        """Whether the backend is a network, which has use for a GPU."""
        return self.backend in ("simnet", "sam")
