"""The two ways to the same scores, by name."""

from collections.abc import Callable
from typing import Any, Final

from cm3d.evaluation.devkit import run_devkit
from cm3d.evaluation.fast import run_fast
from cm3d.evaluation.scores import DetectionScores, Engine
from cm3d.tables import Boxes3D, GroundTruth

# From predictions and ground truth that count, and the devkit's configuration.
ENGINES: Final[dict[Engine, Callable[[Boxes3D, GroundTruth, Any], DetectionScores]]] = {
    "fast": run_fast,
    "devkit": run_devkit,
}
