"""Parameters of boxes from LiDAR alone, and of their fusion with lifted ones."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from cm3d.params.fields import (
    NO_FILE,
    Count,
    Few,
    Line,
    Name,
    NamedFile,
    NonNegative,
    Precision,
    Section,
    Share,
    ShelfModel,
)

_MOST_PIXELS: Final = 8192  # a side of the bird's-eye image

_Temperature = Annotated[float, Field(ge=0.001, le=1000)]


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"range {list(ends)} ends before it starts")
    return ends


Range = Annotated[tuple[NonNegative, NonNegative], Field(strict=False), AfterValidator(_ascending)]


class SizeGroup(Section):
    """What LiDAR sees of objects of about one size, and how large they are at least."""

    length_m: Range
    width_m: Range
    height_m: Range
    min_points: Count
    whole_length_m: NonNegative
    whole_width_m: NonNegative


class MaskGenerator(ShelfModel):
    """Segment Anything, prompted wherever an image shows something."""

    precision: Precision
    prompt_spacing_m: Annotated[float, Field(ge=0.1, le=1000)]
    min_iou: Share
    min_stability: Share
    nms_iou: Share
    prompt_batch: Annotated[int, Field(ge=1, le=10_000)]


class Components(Section):
    """Connected patches of the bird's-eye image."""

    connectivity: Literal[4, 8]


class Sam3D(Section):
    """LiDAR-only proposals."""

    segmenter: Literal["components", "sam"]
    components: Components
    sam: MaskGenerator
    range_m: Annotated[float, Field(ge=1, le=10_000)]
    pixel_m: Annotated[float, Field(ge=0.01, le=10)]
    sweeps: Few
    ego_half_extent_m: NonNegative
    ground_clearance_m: NonNegative
    dilation_px: Annotated[int, Field(ge=1, le=255)]
    rectangle: Literal["closeness", "min_area"]
    complete: bool
    bottom: Literal["ground", "points"]
    score_by_points: bool
    groups: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    sizes: dict[Name, SizeGroup]

    @model_validator(mode="after")
    def _groups_have_sizes(self) -> "Sam3D":
        if unknown := [name for name in self.groups if name not in self.sizes]:
            raise ValueError(f"groups: no sizes for {', '.join(unknown)}")
        return self

    @model_validator(mode="after")
    def _image_has_a_size(self) -> "Sam3D":
        pixels = 2 * self.range_m / self.pixel_m
        if pixels > _MOST_PIXELS:
            raise ValueError(
                f"pixel_m: {self.pixel_m:g} makes {pixels:.0f} pixels a side of 2 * range_m; "
                f"choose it so that they are at most {_MOST_PIXELS}"
            )
        return self


class Fuse(Section):
    """Late fusion."""

    labels: Literal["lifted", "imported", "none"]
    proposals: bool
    min_iou: Share
    temperature: _Temperature | Literal["fit"]
    temperatures: Annotated[list[_Temperature], Field(min_length=1, max_length=1000)]
    center: Literal["lifted", "surer"]
    score: Literal["lifted", "surer"]
    unmatched_class: Line | None

    @model_validator(mode="after")
    def _leaves_something(self) -> "Fuse":
        if self.labels == "none" and (self.unmatched_class is None or not self.proposals):
            raise ValueError(
                "labels: none leaves the proposals alone; set proposals to true and "
                "unmatched_class to their class"
            )
        return self


class ImportLabels(Section):
    """3D labels that another program made."""

    file: NamedFile

    @property
    def are_named(self) -> bool:
        """Whether there is a file."""
        return self.file != NO_FILE
