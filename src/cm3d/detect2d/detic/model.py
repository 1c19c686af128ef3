"""All that needs detectron2, Detic and CenterNet2, which no package index has."""

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from cm3d import params
from cm3d.errors import InputError
from cm3d.shelf.pretrained import workspace_path

_PACKAGES = ("detectron2", "detic", "centernet")


@dataclass(frozen=True)
class LoadedModel:
    """A network and how it wants images.

    Args:
        network: Takes a list of dictionaries, as every detectron2 model.
        shorter_px: Shorter side of an image.
        longer_px: Longer side of an image at most.
        channels: RGB or BGR.
    """

    network: Any
    shorter_px: int
    longer_px: int
    channels: str


def require_packages(folder: Path) -> None:
    """Make importable what `load_model` imports.

    Args:
        folder: Detic's repository, which is no package to install, nor is its submodule.

    Raises:
        InputError: A package is missing.
    """
    for path in (str(folder.resolve()), str((folder / "third_party/CenterNet2").resolve())):
        if path not in sys.path:
            sys.path.append(path)
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise InputError(
            f"detect2d.backend: detic needs {', '.join(missing)} (detect2d.detic.folder: "
            f"{folder}); install detectron2, Detic and CenterNet2 as docs/detect2d.md says"
        )


def load_model(
    section: params.Detic, embeddings: torch.Tensor, min_score: float, device: torch.device
) -> LoadedModel:
    """Build Detic for phrases, after `require_packages`.

    Args:
        section: Names the configuration and the weights.
        embeddings: (phrases, channels) what CLIP makes of them.
        min_score: Boxes of a lower score are left out.
        device: Where the network will live.

    Raises:
        InputError: A file is missing.
    """
    import detic  # noqa: F401  registers its networks
    from centernet.config import add_centernet_config
    from detectron2.checkpoint import DetectionCheckpointer
    from detectron2.config import get_cfg
    from detectron2.modeling import build_model
    from detic.config import add_detic_config
    from detic.modeling.utils import reset_cls_test

    cfg = get_cfg()
    add_centernet_config(cfg)
    add_detic_config(cfg)
    cfg.merge_from_file(_file_of(section, "config"))
    cfg.merge_from_list(_settings(min_score, device))
    network = build_model(cfg).eval()
    DetectionCheckpointer(network).load(_file_of(section, "weights"))
    reset_cls_test(network, embeddings.T.contiguous(), len(embeddings))
    shorter_px, longer_px = cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST
    return LoadedModel(network, shorter_px, longer_px, cfg.INPUT.FORMAT)


def _settings(min_score: float, device: torch.device) -> list[Any]:
    """What differs from training: a proposal may have several classes, as in the release."""
    settings = {
        "MODEL.DEVICE": str(device),
        "MODEL.MASK_ON": False,
        "MODEL.ROI_HEADS.SCORE_THRESH_TEST": min_score,
        "MODEL.ROI_HEADS.ONE_CLASS_PER_PROPOSAL": False,
        "MODEL.ROI_BOX_HEAD.ZEROSHOT_WEIGHT_PATH": "rand",  # replaced by the embeddings
        "MODEL.ROI_BOX_HEAD.USE_FED_LOSS": False,  # these two read files of the training set
        "MODEL.DYNAMIC_CLASSIFIER": False,
    }
    return [item for pair in settings.items() for item in pair]


def _file_of(section: params.Detic, key: str) -> str:
    path = workspace_path(section.folder) / getattr(section, key)
    if not path.is_file():
        raise InputError(f"detect2d.detic.{key}: {path} is missing; see docs/detect2d.md")
    return str(path)
