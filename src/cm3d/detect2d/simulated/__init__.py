"""A stand-in for an open-vocabulary detector on the embedded data set's images."""

from cm3d.detect2d.common.protocol import Detector2D, Setting
from cm3d.detect2d.simulated.adapter import SimulatedDetector
from cm3d.simulation.instances import read_seed


def build(setting: Setting) -> Detector2D:
    """The error model that `detect2d.simulated` describes, with the data set's seed.

    Raises:
        InputError: The data set is not the embedded one.
    """
    detect2d, root = setting.detect2d, setting.root
    seed = read_seed(root)
    return SimulatedDetector(detect2d.simulated, detect2d.prompts, seed, root, setting.taxonomy)
