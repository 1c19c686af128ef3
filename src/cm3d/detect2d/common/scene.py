"""Detection of one scene, whatever the detector."""

from functools import lru_cache
from importlib import import_module
from typing import Any

from cm3d.detect2d.common.postprocess import postprocess
from cm3d.detect2d.common.protocol import Detector2D, Setting
from cm3d.shelf.results import Unused
from cm3d.tables import Boxes2D, Cameras
from cm3d.tables.noted import Noted


@lru_cache(maxsize=1)
def build_detector(setting: Setting) -> Detector2D:
    """The detector that `detect2d.backend` names, built once per process.

    Raises:
        InputError: The detector's weights, library or file are not there.
    """
    detector: Detector2D = _package(setting).build(setting)
    return detector


def count_unused(setting: Setting) -> Unused:
    """How much of its input the backend cannot use, by reason; looked into before any scene.

    Raises:
        InputError: That input cannot be read.
    """
    count = getattr(_package(setting), "count_unused", None)
    return Unused({}) if count is None else count(setting)


def detect_scene(
    detector: Detector2D, scene_name: str, cameras: Cameras, setting: Setting
) -> Noted[Boxes2D]:
    """Detect objects on the images of one scene (paper, section 3.1 and appendix A).

    Returns:
        Thresholded, suppressed boxes; `detection_id` is unique in the scene.
    """
    found = detector.detect(scene_name, cameras)
    boxes = postprocess(found.table, cameras, setting.detect2d, setting.taxonomy)
    return Noted(boxes, found.left_out)


def _package(setting: Setting) -> Any:
    return import_module(f"cm3d.detect2d.{setting.detect2d.backend}")
