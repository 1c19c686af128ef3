"""BEVFusion (Liu et al., ICRA 2023) with a centre head: LiDAR, cameras, or both.

Its LiDAR branch alone is CenterPoint by name and shape, so that weights go from one to the other.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from cm3d import params
from cm3d.detectors.bev.detector import BevDetector, store_channels_last
from cm3d.detectors.bev.fuser import Fuser
from cm3d.detectors.cameras.branch import CameraBranch
from cm3d.detectors.inputs import Inputs
from cm3d.detectors.lidar.encoder import build_encoder, encode, voxelize
from cm3d.detectors.protocol import Needs, ParameterGroup, every_point
from cm3d.errors import InputError
from cm3d.taxonomy import Taxonomy

# What the LiDAR branch has not.
_OF_CAMERAS = ("cameras.", "fuser.")


class BevFusion(BevDetector):
    """Branches of the sensors, their maps fused, then as CenterPoint."""

    training_only = BevDetector.training_only | {
        "bevfusion.frozen",
        "bevfusion.fusion",
        "bevfusion.cameras.weights",
        "bevfusion.cameras.swin",
        "bevfusion.cameras.backbone_lr_factor",
        "bevfusion.cameras.min_scaled_width_px",
        "bevfusion.cameras.max_scaled_width_px",
        "bevfusion.cameras.max_rotation_rad",
        "bevfusion.cameras.flip",
    }

    def build_canvas(self, class_names: tuple[str, ...]) -> int:
        """Build the branches and what fuses them."""
        section = self.section
        assert section.bevfusion is not None
        self.modality, sift, channels = section.bevfusion.modality, every_point, 0
        if self.modality != "cameras":
            self.encoder = build_encoder(section)
            sift, channels = self.encoder.voxelize.sift, self.encoder.channels
        if section.cameras is None:
            self.training_only |= {"bevfusion.cameras"}
        else:
            self.cameras = CameraBranch(section.cameras, section)
            if self.modality == "cameras":
                channels = section.cameras.bev_channels
            else:
                self.fuser = Fuser(section.cameras.bev_channels, channels, section)
        self.needs = Needs.of(section, class_names, sift)
        return channels

    def canvas(self, inputs: Inputs) -> Tensor:
        """What the sensors say together."""
        if self.modality == "cameras":
            seen: Tensor = self.cameras(inputs.images, inputs.points)
            return seen
        voxels = voxelize(self.encoder, inputs)
        felt = encode(self.encoder, voxels, inputs.frames)
        if self.modality == "lidar":
            return felt
        # both branches have the same points, whether or not they were sifted on their way here
        seen = self.cameras(inputs.images, voxels.held)
        fused: Tensor = self.fuser(seen, felt)
        return fused

    @property
    def own_parts(self) -> tuple[str, ...]:
        """The cameras' beside those of any detector."""
        return (*super().own_parts, *_OF_CAMERAS)

    def begin(self, weights: Mapping[str, Tensor] | None) -> None:
        """As any detector, but weights of the LiDAR branch will do, and those of both for it.

        Raises:
            InputError: The pretrained weights of the cameras' backbone are not there, or those that
                shall stay as they are.
        """
        if self._frozen and weights is None:
            raise InputError(
                "bevfusion.frozen: there are no weights of the LiDAR encoder that could stay as "
                "they are; set it to none, or finetune_map.init: pretrain"
            )
        if self.modality != "lidar":
            self.cameras.load_pretrained()
        super().begin(weights)
        for part in self._frozen:
            part.requires_grad_(False)

    def parameter_groups(self) -> list[ParameterGroup]:
        """The cameras' backbone by itself."""
        if self.modality == "lidar":
            return super().parameter_groups()
        slow = set(map(id, self.cameras.backbone.parameters()))
        rest = [p for p in self.parameters() if id(p) not in slow and p.requires_grad]
        factor = self.cameras.cameras.backbone_lr_factor
        return [
            ParameterGroup(rest),
            ParameterGroup(list(self.cameras.backbone.parameters()), factor),
        ]

    @property
    def _frozen(self) -> list[nn.Module]:
        """Parts that a training of all modalities leaves as the LiDAR's alone has made them."""
        bevfusion = self.section.bevfusion
        frozen = bevfusion is not None and bevfusion.frozen == "lidar"
        return [self.encoder] if frozen and self.modality == "lidar_cameras" else []

    def train(self, mode: bool = True) -> "BevFusion":
        """What is frozen normalises by its running figures."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self


def build(section: params.Network, taxonomy: Taxonomy) -> BevFusion:
    """See `registry.build_detector`."""
    model = BevFusion(section, taxonomy)
    store_channels_last(model)
    return model


def trainings(
    section: params.Network,
    stage: str,
    schedule: params.Schedule,
    weights: Mapping[str, Tensor] | None,
) -> list[tuple[params.Network, params.Schedule]]:
    """See `registry.trainings`.

    Both sensors begin with the LiDAR branch, unless the weights are of both already. On
    pseudo-labels it ends there too, or goes on for the paper's rows without any label
    (section 3.2, appendix A). Map segmentation learns at once.
    """
    branch, bevfusion = section.lidar_branch, section.bevfusion
    if branch is None or bevfusion is None or section.task == "map":
        return [(section, schedule)]
    if weights is not None and any(name.startswith(_OF_CAMERAS) for name in weights):
        return [(section, schedule)]
    if stage == "pretrain" and bevfusion.fusion.after != "pretrain":
        return [(branch, schedule)]
    return [(branch, schedule), (section, bevfusion.fusion.after_branch(schedule))]


def trained_section(section: params.Network, stored: Mapping[str, Any]) -> params.Network:
    """The section of the LiDAR branch, where a stage has trained that alone."""
    branch, own = section.lidar_branch, stored.get("bevfusion")
    if branch is not None and isinstance(own, dict) and own.get("modality") == "lidar":
        return branch
    return section
