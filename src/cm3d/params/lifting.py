"""Parameters of lifting masks to 3D boxes."""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from cm3d.params.fields import (
    Count,
    Few,
    FewOrNone,
    Name,
    NamedFile,
    NonNegative,
    Positive,
    Section,
    Share,
    Signed,
)

# Of an image's width: a kernel this wide leaves no mask.
_LARGEST_KERNEL: Final = 0.25


class MotionPrior(Section):
    """How one group of classes moves."""

    along_mps: Positive
    across_mps: Positive
    acceleration_mps2: NonNegative
    drift_lengths: NonNegative
    moving_mps: NonNegative


class Tracks(Section):
    """Boxes of a scene as tracks; the switches turn one effect each."""

    positions: bool
    velocity: bool
    heading: bool
    fronts: bool
    scores: bool
    fill_gaps: bool
    attributes: bool
    class_vote: bool
    class_share: NonNegative
    other_classes: bool
    sizes: bool
    max_gap_s: NonNegative
    max_link_s: NonNegative
    gate_sigma: Positive
    birth_density_per_m2: Positive
    standing_share: Annotated[float, Field(gt=0, lt=1)]
    class_change_cost: NonNegative
    outlier_dof: Positive
    moved_sigma: NonNegative
    max_axis_error_rad: NonNegative
    score_prior_boxes: NonNegative
    fill_points: Count
    fill_keyframes: FewOrNone
    fill_score: Share
    fill_range_m: NonNegative
    motion: dict[str, MotionPrior]


class FitWeights(Section):
    """Terms of the objective that boxes are fitted by."""

    tolerance_m: Positive
    points: NonNegative
    behind: NonNegative
    uncovered: NonNegative
    overhang: NonNegative
    free_space: NonNegative
    extent: NonNegative
    against_lane: NonNegative
    against_street: NonNegative


class Refine(Section):
    """What goes beyond the paper; the switches turn one effect each."""

    ground: bool
    cluster: bool
    newest: bool
    merge_cameras: bool
    fit: bool
    height: bool
    extent: bool
    orientation: bool
    free_space: bool
    score: bool
    parts: bool
    free_standing: bool
    one_class: bool
    tracks: bool
    calibrate: bool
    ground_clearance_m: NonNegative
    link_m: NonNegative
    link_per_range: NonNegative
    enough_points: Count
    max_lane_distance_m: NonNegative
    height_trust: Share
    rounds: FewOrNone
    sample_points: Few
    sample_rays: Few
    weights: FitWeights


class Orientation(Section):
    """Where headings come from."""

    use_map: bool


class Calibration(Section):
    """From scores to probabilities, by their logits."""

    slope: Positive
    offset: Signed


class Lift(Section):
    """From masks and LiDAR to 3D boxes."""

    recipe: Literal["refined", "paper"]
    sweeps: Few
    erosion_kernel_px: FewOrNone
    erosion_width_px: Annotated[int, Field(ge=100, le=16_384)]
    min_points: Count
    min_depth_m: NonNegative
    ego_half_extent_m: NonNegative
    shape_prior: Name
    shape_prior_file: NamedFile
    orientation: Orientation
    medoid_compensation: bool
    nms: bool
    refine: Refine
    tracks: Tracks
    calibration: Calibration

    @model_validator(mode="after")
    def _masks_survive(self) -> "Lift":
        largest_px = int(_LARGEST_KERNEL * self.erosion_width_px)
        if self.erosion_kernel_px > largest_px:
            raise ValueError(
                f"erosion_kernel_px: {self.erosion_kernel_px} of an image {self.erosion_width_px} "
                f"px wide leaves no mask; choose {largest_px} or less"
            )
        return self
