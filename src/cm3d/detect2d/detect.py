"""Detection of one scene, whatever the detector."""

import os
from functools import lru_cache
from pathlib import Path

from cm3d import params
from cm3d.detect2d.network import NetworkDetector
from cm3d.detect2d.postprocess import postprocess
from cm3d.detect2d.precomputed import Precomputed, PrecomputedDetector, read_precomputed
from cm3d.detect2d.protocol import Detector2D, ImageDetector
from cm3d.detect2d.simulated import SimulatedDetector
from cm3d.tables import Boxes2D, Cameras
from cm3d.tables.noted import Noted


@lru_cache(maxsize=1)
def build_detector(
    detect2d: params.Detect2D, execution: params.Execution, seed: int, root: Path
) -> Detector2D:
    """The detector that `detect2d.backend` names, built once per process.

    Args:
        detect2d: Its parameters.
        execution: Where and in what portions networks run.
        seed: Source of the simulated detector's randomness.
        root: Root folder of the data set.

    Raises:
        InputError: The detector's weights, library or file are not there.
    """
    if detect2d.backend == "precomputed":
        return PrecomputedDetector(load_precomputed(detect2d).boxes)
    if detect2d.backend == "simulated":
        return SimulatedDetector(detect2d.simulated, detect2d.prompts, seed, root)
    return NetworkDetector(build_network(detect2d, execution), root, execution)


def build_network(detect2d: params.Detect2D, execution: params.Execution) -> ImageDetector:
    """The adapter of a shelf model; only the one that is asked for is imported.

    Raises:
        InputError: Its weights or its library are not there.
    """
    match detect2d.backend:
        case "grounding_dino":
            from cm3d.detect2d.grounding_dino import build_grounding_dino

            return build_grounding_dino(detect2d, execution)
        case "owlv2":
            from cm3d.detect2d.owlv2 import build_owlv2

            return build_owlv2(detect2d, execution)
        case "detic":
            from cm3d.detect2d.detic import build_detic

            return build_detic(detect2d, execution)
        case _:
            from cm3d.detect2d.simnet import build_simnet

            return build_simnet(detect2d, execution)


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
) -> Noted[Boxes2D]:
    """Detect objects on the images of one scene (paper, section 3.1 and appendix A).

    Returns:
        Thresholded, suppressed boxes; `detection_id` is unique in the scene.
    """
    found = detector.detect(scene_name, cameras)
    return Noted(postprocess(found.table, cameras, detect2d), found.left_out)


@lru_cache(maxsize=1)
def _read_once(path: Path) -> Precomputed:
    return read_precomputed(path)
