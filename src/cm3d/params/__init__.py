"""The models of params.yaml: every key known, every type checked, all errors at once."""

from cm3d.params.data import Dataset, Evaluate, Execution, Labels, Scoring, Simulation
from cm3d.params.detector import Detector
from cm3d.params.fields import (
    ClassName,
    CountByClass,
    GroupName,
    Precision,
    RadiusByClass,
    ScoreByClass,
    ShelfModel,
)
from cm3d.params.images import (
    Detect2D,
    Detic,
    GrabCut,
    GroundingDino,
    Owlv2,
    Phrases,
    Sam,
    Segment,
    SimulatedDetector,
)
from cm3d.params.lifting import FitWeights, Lift, MotionPrior, Orientation, Refine, Tracks
from cm3d.params.loading import Params, load_params, parse_params, read_yaml
from cm3d.params.proposals import Fuse, MaskGenerator, Sam3D, SizeGroup
from cm3d.params.training import CopyPaste, Finetune, Pretrain, Schedule, Selftrain, Training

__all__ = [
    "ClassName",
    "CopyPaste",
    "CountByClass",
    "Dataset",
    "Detect2D",
    "Detector",
    "Detic",
    "Evaluate",
    "Execution",
    "Finetune",
    "FitWeights",
    "Fuse",
    "GrabCut",
    "GroundingDino",
    "GroupName",
    "Labels",
    "Lift",
    "MaskGenerator",
    "MotionPrior",
    "Orientation",
    "Owlv2",
    "Params",
    "Phrases",
    "Precision",
    "Pretrain",
    "RadiusByClass",
    "Refine",
    "Sam",
    "Sam3D",
    "Schedule",
    "ScoreByClass",
    "Scoring",
    "Segment",
    "Selftrain",
    "ShelfModel",
    "SimulatedDetector",
    "Simulation",
    "SizeGroup",
    "Tracks",
    "Training",
    "load_params",
    "parse_params",
    "read_yaml",
]
