"""Detic, the paper's detector."""

from cm3d.detect2d.common.network import NetworkDetector
from cm3d.detect2d.common.protocol import Detector2D, Setting


def build(setting: Setting) -> Detector2D:
    """The detector that `detect2d.detic` describes.

    Raises:
        InputError: Its weights or its library are not there, or there is no GPU to be had.
    """
    # with PyTorch, which nothing else here imports
    from cm3d.detect2d.detic.adapter import build_detic

    return NetworkDetector(build_detic(setting), setting.root, setting.execution)
