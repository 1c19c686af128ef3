"""Where a training starts from, if not from random weights."""

import os
from pathlib import Path

from torch import Tensor

from cm3d.interop.mmdet3d_weights import weights_from_mmdet3d
from cm3d.params import Detector
from cm3d.training.checkpoint import load_model


def initial_weights(checkpoint: str | None, detector: Detector) -> dict[str, Tensor] | None:
    """Weights of `pretrain.init_checkpoint`; none where it is null.

    Args:
        checkpoint: A model folder of this project, or a checkpoint file of mmdet3d; relative
            paths start in the project.
        detector: What they are for.

    Raises:
        InputError: It is missing, unreadable, or of another detector.
    """
    if checkpoint is None:
        return None
    path = Path(os.environ.get("DVC_ROOT", ".")) / checkpoint
    if path.is_dir():
        return load_model(path, detector).state_dict()
    return weights_from_mmdet3d(path, detector)
