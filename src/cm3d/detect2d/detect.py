"""Detection of one scene, whatever the detector."""

import os
from functools import lru_cache
from pathlib import Path

from cm3d import params
from cm3d.detect2d.postprocess import postprocess
from cm3d.detect2d.precomputed import Precomputed, PrecomputedDetector, read_precomputed
from cm3d.detect2d.protocol import Detector2D
from cm3d.detect2d.simulated import SimulatedDetector
from cm3d.tables import Boxes2D, Cameras


def build_detector(detect2d: params.Detect2D, seed: int, root: Path) -> Detector2D:
    """The detector that `detect2d.backend` names.

    Args:
        detect2d: Its parameters.
        seed: Source of the simulated detector's randomness.
        root: Root folder of the data set.

    Raises:
        InputError: The file of precomputed detections cannot be read.
    """
    if detect2d.backend == "precomputed":
        return PrecomputedDetector(load_precomputed(detect2d).boxes)
    return SimulatedDetector(detect2d.simulated, detect2d.prompts, seed, root)


def load_precomputed(detect2d: params.Detect2D) -> Precomputed:
    """The file that `detect2d.precomputed_file` names, read once per process.

    A relative path starts at `$DVC_ROOT`, the workspace, also where DVC runs an experiment in a
    temporary copy.

    Raises:
        InputError: The file cannot be read.
    """
    return _read_once(Path(os.environ.get("DVC_ROOT", "."), str(detect2d.precomputed_file)))


def detect_scene(
    detector: Detector2D, scene_name: str, cameras: Cameras, detect2d: params.Detect2D
) -> Boxes2D:
    """Detect objects on the images of one scene (paper, section 3.1 and appendix A).

    Returns:
        Thresholded, suppressed boxes; `detection_id` is unique in the scene.
    """
    return postprocess(detector.detect(scene_name, cameras), cameras, detect2d)


@lru_cache(maxsize=1)
def _read_once(path: Path) -> Precomputed:
    return read_precomputed(path)
