"""Parameters of boxes from LiDAR alone, and of their fusion with lifted ones."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cm3d.params.fields import Count, NonNegative, Positive, Precision, Section, Share, ShelfModel


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"range {list(ends)} ends before it starts")
    return ends


Range = Annotated[tuple[NonNegative, NonNegative], AfterValidator(_ascending)]


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
    prompt_spacing_m: Positive
    min_iou: Share
    min_stability: Share
    nms_iou: Share
    prompt_batch: Count


class Components(Section):
    """Connected patches of the bird's-eye image."""

    connectivity: Literal[4, 8]


class Sam3D(Section):
    """LiDAR-only proposals."""

    segmenter: Literal["components", "sam"]
    components: Components
    sam: MaskGenerator
    range_m: Positive
    pixel_m: Annotated[float, Field(ge=0.01)]
    sweeps: Count
    ego_half_extent_m: NonNegative
    ground_clearance_m: NonNegative
    dilation_px: Count
    rectangle: Literal["closeness", "min_area"]
    complete: bool
    bottom: Literal["ground", "points"]
    score_by_points: bool
    groups: Annotated[list[str], Field(min_length=1)]
    sizes: dict[str, SizeGroup]

    @model_validator(mode="after")
    def _groups_have_sizes(self) -> "Sam3D":
        if unknown := [name for name in self.groups if name not in self.sizes]:
            raise ValueError(f"groups: no sizes for {', '.join(unknown)}")
        return self


class Fuse(Section):
    """Late fusion."""

    labels: Literal["lifted", "imported"]
    proposals: bool
    min_iou: Share
    temperature: Positive | Literal["fit"]
    temperatures: Annotated[list[Positive], Field(min_length=1)]
    center: Literal["lifted", "surer"]
    score: Literal["lifted", "surer"]


class ImportLabels(Section):
    """3D labels that another program made."""

    file: str | None
