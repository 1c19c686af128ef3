"""The embedded data set's own masks."""

from cm3d.segment.common.protocol import Segmenter, Setting
from cm3d.segment.common.scene import SceneSegmenter


def build(setting: Setting) -> Segmenter:
    """The mask model that `segment.simnet` describes.

    Raises:
        InputError: Its weights or its library are not there, or there is no GPU to be had.
    """
    # with PyTorch, which nothing else here imports
    from cm3d.segment.simnet.adapter import build_simnet

    width_px = setting.segment.max_width_px
    return SceneSegmenter(build_simnet(setting), setting.root, width_px, setting.execution)
