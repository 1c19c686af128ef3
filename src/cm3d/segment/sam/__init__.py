"""Segment Anything and what is prompted like it."""

from cm3d.segment.common.protocol import Segmenter, Setting
from cm3d.segment.common.scene import SceneSegmenter


def build(setting: Setting) -> Segmenter:
    """The mask model that `segment.sam` describes.

    Raises:
        InputError: Its weights or its library are not there, or there is no GPU to be had.
    """
    # with PyTorch, which nothing else here imports
    from cm3d.segment.sam.adapter import build_sam

    width_px = setting.segment.max_width_px
    return SceneSegmenter(build_sam(setting), setting.root, width_px, setting.execution)
