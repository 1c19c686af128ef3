"""Which segmenter cuts the bird's-eye image."""

from functools import lru_cache

from cm3d.params import MaskGenerator, Sam3D
from cm3d.sam3d.segments import BevSegmenter, ConnectedComponents


def build_bev_segmenter(sam3d: Sam3D, device: str) -> BevSegmenter:
    """The segmenter that `sam3d.segmenter` names, on `execution.device`; SAM once per process.

    Raises:
        InputError: Its weights are not there.
    """
    if sam3d.segmenter == "sam":
        return _sam(sam3d.sam, sam3d.pixel_m, device)
    return ConnectedComponents(sam3d.components.connectivity)


@lru_cache(maxsize=1)
def _sam(generator: MaskGenerator, pixel_m: float, device: str) -> BevSegmenter:
    from cm3d.sam3d.sam import build_sam

    return build_sam(generator, pixel_m, device)
