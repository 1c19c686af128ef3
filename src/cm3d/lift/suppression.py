"""Non-maximum suppression over all cameras (paper, appendix A): duplicates of one object fall."""

from cm3d.geometry.arrays import NDArrayInt
from cm3d.geometry.overlap import distance_nms
from cm3d.lift.objects import Objects


def without_duplicates(objects: Objects) -> NDArrayInt:
    """Objects that stay, best first, where the best of those of one class nearer than its reach do.

    The reach is the class's own distance, `suppression_m` of the taxonomy.
    """
    known = objects.known
    return distance_nms(
        objects.center_m[:, :2], objects.score, known.class_index, known.suppression_m
    )
