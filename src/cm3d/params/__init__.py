"""The models of params.yaml: every key known, every type checked, all errors at once."""

from cm3d.params.data import Dataset, Evaluate, Execution, Labels, Scoring, Simulation
from cm3d.params.detector import Detector, Predict
from cm3d.params.fields import (
    Phrase,
    Precision,
    ShelfModel,
)
from cm3d.params.files import faults_of, read_yaml
from cm3d.params.images import (
    Detect2D,
    Detic,
    GrabCut,
    GroundingDino,
    Owlv2,
    Precomputed,
    Sam,
    Segment,
    SimulatedDetector,
)
from cm3d.params.lifting import FitWeights, Lift, MotionPrior, Orientation, Refine, Tracks
from cm3d.params.loading import Params, load_params, parse_params
from cm3d.params.proposals import Fuse, ImportLabels, MaskGenerator, Sam3D, SizeGroup
from cm3d.params.training import (
    CopyPaste,
    Finetune,
    Pretrain,
    Relabel,
    Schedule,
    Selftrain,
    SelftrainRefine,
    Training,
)

__all__ = [
    "CopyPaste",
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
    "ImportLabels",
    "Labels",
    "Lift",
    "MaskGenerator",
    "MotionPrior",
    "Orientation",
    "Owlv2",
    "Params",
    "Phrase",
    "Precision",
    "Precomputed",
    "Predict",
    "Pretrain",
    "Refine",
    "Relabel",
    "Sam",
    "Sam3D",
    "Schedule",
    "Scoring",
    "Segment",
    "Selftrain",
    "SelftrainRefine",
    "ShelfModel",
    "SimulatedDetector",
    "Simulation",
    "SizeGroup",
    "Tracks",
    "Training",
    "faults_of",
    "load_params",
    "parse_params",
    "read_yaml",
]
