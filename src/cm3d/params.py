"""The models of params.yaml: every key known, every type checked, all errors at once."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cm3d.errors import InputError

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

ClassName = Literal[
    "car",
    "truck",
    "bus",
    "trailer",
    "construction_vehicle",
    "pedestrian",
    "motorcycle",
    "bicycle",
    "traffic_cone",
    "barrier",
]

# Classes that are easily confused: boxes of one group may be one object.
GroupName = Literal["vehicle", "pedestrian", "cycle", "cone", "barrier"]


def _lacks(values: dict[ClassName, Any]) -> str:
    return ", ".join(name for name in get_args(ClassName) if name not in values)


def _of_every_class(radius_m: dict[ClassName, float]) -> dict[ClassName, float]:
    if missing := _lacks(radius_m):
        raise ValueError(f"no radius for {missing}")
    return radius_m


RadiusByClass = Annotated[dict[ClassName, Positive], AfterValidator(_of_every_class)]


def _spelled(phrase: str) -> str:
    if phrase != " ".join(phrase.lower().split()) or not phrase or set(phrase) & set("._?"):
        raise ValueError("words in lower case, one space apart, without . ? _")
    return phrase


def _unambiguous(phrases: dict[ClassName, tuple[str, ...]]) -> dict[ClassName, tuple[str, ...]]:
    if missing := _lacks(phrases):
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


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __hash__(self) -> int:
        """By value, so that what is built from parameters can be cached by them."""
        return hash(self.model_dump_json())


class Execution(_Section):
    """How work is spread over the machine."""

    engine: Literal["serial", "processes", "ray"]
    workers: Count
    device: Literal["auto", "cpu", "cuda"]
    gpus_per_worker: NonNegative
    readers: Annotated[int, Field(ge=0)]
    image_batch: Count
    box_batch: Count
    max_unreadable: Share


# Of the matrix products of a network on a GPU; a CPU computes in fp32.
Precision = Literal["fp32", "bf16", "fp16"]


class Dataset(_Section):
    """Which data set, and what the index takes from it."""

    name: Literal["sim", "nuscenes"]
    root: str | None
    version: str
    fetch: bool
    past_sweeps: Annotated[int, Field(ge=0)]
    lane_step_m: Positive


class Simulation(_Section):
    """Scale and sensors of the embedded data set."""

    train_scenes: Count
    val_scenes: Count
    keyframes_per_scene: Annotated[int, Field(ge=2)]
    image_scale: Annotated[float, Field(gt=0, le=1)]
    lidar_range_noise_m: NonNegative
    lidar_dropout: Share
    traffic_density: NonNegative


class SimulatedDetector(_Section):
    """Error model of the simulated 2D detector."""

    max_recall: Share
    half_recall_height_px: Positive
    half_recall_visibility: Share
    plain_prompt_recall: Share
    confusion: Share
    box_jitter: NonNegative
    false_positives_per_image: NonNegative
    score_noise: NonNegative


class ShelfModel(_Section):
    """A pretrained model: a folder, or an id on the Hugging Face hub at one commit."""

    model: str
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None


class GroundingDino(ShelfModel):
    """GroundingDINO."""

    text_threshold: Share


class Owlv2(ShelfModel):
    """OWLv2."""

    template: Template


class Detic(_Section):
    """Detic."""

    folder: str
    config: str
    weights: str
    template: Template
    separator: str
    clip: ShelfModel


class Detect2D(_Section):
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


class GrabCut(_Section):
    """GrabCut masks."""

    iterations: Count
    margin: NonNegative
    core: Share
    max_side_px: Count


class Segment(_Section):
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


class MotionPrior(_Section):
    """How one group of classes moves."""

    along_mps: Positive
    across_mps: Positive
    acceleration_mps2: NonNegative
    drift_lengths: NonNegative
    moving_mps: NonNegative


class Tracks(_Section):
    """Boxes of a scene as tracks; the switches turn one effect each."""

    positions: bool
    velocity: bool
    heading: bool
    scores: bool
    fill_gaps: bool
    attributes: bool
    class_vote: bool
    sizes: bool
    max_gap_s: NonNegative
    max_link_s: NonNegative
    gate_sigma: Positive
    birth_density_per_m2: Positive
    class_change_cost: NonNegative
    moved_sigma: NonNegative
    max_axis_error_rad: NonNegative
    score_prior_boxes: NonNegative
    fill_keyframes: Annotated[int, Field(ge=0)]
    fill_score: Share
    fill_range_m: NonNegative
    motion: dict[GroupName, MotionPrior]

    @model_validator(mode="after")
    def _every_group_moves(self) -> "Tracks":
        if missing := [name for name in get_args(GroupName) if name not in self.motion]:
            raise ValueError(f"motion lacks {', '.join(missing)}")
        return self


class FitWeights(_Section):
    """Terms of the objective that boxes are fitted by."""

    tolerance_m: Positive
    points: NonNegative
    uncovered: NonNegative
    overhang: NonNegative
    free_space: NonNegative
    extent: NonNegative
    against_lane: NonNegative


class Refine(_Section):
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
    tracks: bool
    ground_clearance_m: NonNegative
    link_m: NonNegative
    link_per_range: NonNegative
    enough_points: Count
    max_lane_distance_m: NonNegative
    height_trust: Share
    rounds: Annotated[int, Field(ge=0)]
    sample_points: Count
    sample_rays: Count
    weights: FitWeights


class Orientation(_Section):
    """Where headings come from."""

    use_map: bool


class Lift(_Section):
    """From masks and LiDAR to 3D boxes."""

    recipe: Literal["refined", "paper"]
    sweeps: Count
    erosion_kernel_px: Annotated[int, Field(ge=0)]
    erosion_width_px: Count
    min_points: Count
    min_depth_m: NonNegative
    ego_half_extent_m: NonNegative
    shape_prior: str
    orientation: Orientation
    medoid_compensation: bool
    nms: bool
    nms_radius_m: RadiusByClass
    refine: Refine
    tracks: Tracks

    @model_validator(mode="after")
    def _prior_is_known(self) -> "Lift":
        if self.shape_prior not in ("chatgpt", "dataset") and "." not in self.shape_prior:
            raise ValueError("shape_prior: chatgpt, dataset, or the path of a YAML file")
        return self


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"range {list(ends)} ends before it starts")
    return ends


Range = Annotated[tuple[NonNegative, NonNegative], AfterValidator(_ascending)]


class SizeGroup(_Section):
    """What LiDAR sees of objects of about one size, and how large they are at least."""

    length_m: Range
    width_m: Range
    height_m: Range
    min_points: Count
    whole_length_m: NonNegative
    whole_width_m: NonNegative


class MaskGenerator(ShelfModel):
    """Segment Anything, prompted all over an image."""

    precision: Precision
    grid: Count
    min_iou: Share
    min_stability: Share
    nms_iou: Share
    prompt_batch: Count


class Sam3D(_Section):
    """LiDAR-only proposals."""

    segmenter: Literal["components", "sam"]
    sam: MaskGenerator
    range_m: Positive
    pixel_m: Positive
    sweeps: Count
    ego_half_extent_m: NonNegative
    ground_clearance_m: NonNegative
    dilation_px: Count
    rectangle: Literal["closeness", "min_area"]
    complete: bool
    groups: Annotated[list[str], Field(min_length=1)]
    sizes: dict[str, SizeGroup]

    @model_validator(mode="after")
    def _groups_have_sizes(self) -> "Sam3D":
        if unknown := [name for name in self.groups if name not in self.sizes]:
            raise ValueError(f"groups: no sizes for {', '.join(unknown)}")
        return self


class Fuse(_Section):
    """Late fusion."""

    min_iou: Share
    temperature: Positive | Literal["fit"]
    temperatures: Annotated[list[Positive], Field(min_length=1)]
    center: Literal["lifted", "surer"]


class Detector(_Section):
    """CenterPoint with pillars."""

    range_m: Positive
    min_z_m: float
    max_z_m: float
    pillar_m: Positive
    sweeps: Count
    ego_half_extent_m: NonNegative
    max_pillar_points: Count
    pillar_channels: Count
    block_channels: list[Count]
    block_layers: list[Annotated[int, Field(ge=0)]]
    block_strides: list[Count]
    neck_channels: Count
    head_channels: Count
    head_hidden_layers: Annotated[int, Field(ge=0)]
    tasks: list[list[ClassName]]
    gaussian_overlap: Share
    min_gaussian_radius_cells: Count
    box_loss_weight: NonNegative
    velocity_loss_weight: NonNegative
    min_score: Share
    max_boxes: Annotated[int, Field(ge=1, le=500)]
    nms_radius_m: RadiusByClass

    @model_validator(mode="after")
    def _shapes_agree(self) -> "Detector":
        depth = len(self.block_channels)
        if depth == 0 or {len(self.block_layers), len(self.block_strides)} != {depth}:
            raise ValueError("block_channels, block_layers and block_strides differ in length")
        classes = [name for task in self.tasks for name in task]
        if len(classes) != len(set(classes)):
            raise ValueError("a class stands in more than one task")
        if self.max_z_m <= self.min_z_m:
            raise ValueError("max_z_m must be above min_z_m")
        if unsuppressed := sorted(set(classes) - set(self.nms_radius_m)):
            raise ValueError(f"nms_radius_m lacks {', '.join(unsuppressed)}")
        return self

    @property
    def class_names(self) -> list[ClassName]:
        """Every class that is detected, in the order of the tasks."""
        return [name for task in self.tasks for name in task]


class Labels(_Section):
    """The labelled part of the train split."""

    fraction: Share


class Schedule(_Section):
    """One training run: optimiser and augmentation."""

    epochs: Count
    batch_size: Count
    max_lr: Positive
    weight_decay: NonNegative
    gradient_clip: Positive
    flip: bool
    max_rotation_rad: NonNegative
    max_scale: Annotated[float, Field(ge=0, lt=1)]
    max_translation_m: NonNegative


class Pretrain(Schedule):
    """Training on pseudo-labels."""

    min_label_score: Share


class Finetune(Schedule):
    """Training on the labelled part."""

    init: Literal["pretrain", "random"]


class Selftrain(Schedule):
    """A round of self-training."""

    min_label_score: Share
    labelled_repeats: Count


class Scoring(_Section):
    """Where scores are measured."""

    split: Literal["train", "val"]


class Evaluate(_Section):
    """What computes the final scores."""

    engine: Literal["fast", "devkit"]


class Params(_Section):
    """All of params.yaml."""

    seed: Annotated[int, Field(ge=0)]
    execution: Execution
    dataset: Dataset
    simulation: Simulation
    detect2d: Detect2D
    segment: Segment
    lift: Lift
    sam3d: Sam3D
    fuse: Fuse
    detector: Detector
    labels: Labels
    pretrain: Pretrain
    finetune: Finetune
    selftrain: Selftrain
    scoring: Scoring
    evaluate: Evaluate


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate the whole of params.yaml.

    Raises:
        InputError: The file is missing, no YAML (a key may stand once), or wrong; every error
            is listed by its path.
    """
    return parse_params(read_yaml(path), source=str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        InputError: The file is missing or holds something else.
    """
    try:
        content = YAML(typ="safe").load(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run from the project's root") from error
    except YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a mapping; restore it with Git")
    return content


def parse_params(values: Any, source: str = "params.yaml") -> Params:
    """Validate the content of params.yaml.

    Raises:
        InputError: A key is unknown or missing, or a value has the wrong type or range.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InputError(f"{source}: " + "; ".join(faults)) from error
