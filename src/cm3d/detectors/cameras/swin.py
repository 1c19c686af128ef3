"""Swin-T (Liu et al., ICCV 2021), from the transformers library: BEVFusion's published backbone."""

from typing import Any, Final

from torch import Tensor, nn
from transformers import SwinBackbone, SwinConfig

from cm3d.params import ShelfModel
from cm3d.shelf.pretrained import model_folder, pretrained_backbone
from cm3d.weights import check_weights

_KEY: Final = "bevfusion.cameras.swin"
_STAGES: Final = ("stage2", "stage3", "stage4")
_NEW: Final = "hidden_states_norms."  # of the three outputs, which a classifier has not
_DROP_PATH: Final = 0.2  # BEVFusion


class Swin(nn.Module):
    """Features at strides 8, 16 and 32, each normalised by its layer."""

    channels: Final = (192, 384, 768)
    mean_rgb: Final = (0.485, 0.456, 0.406)
    deviation_rgb: Final = (0.229, 0.224, 0.225)

    def __init__(self, **shape: Any) -> None:
        """Build with random weights; `shape` changes the configuration, for tests."""
        super().__init__()
        changes: dict[str, Any] = {
            "drop_path_rate": _DROP_PATH,
            "out_features": list(_STAGES),
        } | shape
        config = SwinConfig(**changes)
        self.network = SwinBackbone(config)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Features (N, C, h, w) of normalised images (N, 3, H, W), finest first."""
        return list(self.network(pixels).feature_maps)

    def load_pretrained(self, swin: ShelfModel) -> None:
        """Take the weights of a classifier over; norms of the three outputs are new.

        Raises:
            InputError: The model has not been fetched, or is another one.
        """
        folder = model_folder(swin.model, swin.revision, _KEY)
        theirs = pretrained_backbone(SwinBackbone, folder, _STAGES, _NEW, _KEY)
        own = self.network.state_dict()
        check_weights(theirs, own, "Swin-T", folder, f"correct {_KEY}")
        self.network.load_state_dict(theirs)
