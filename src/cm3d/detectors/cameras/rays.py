"""Where pixels of the network's images look to, in the frame of points and boxes as augmented."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from cm3d.detectors.inputs import Images


@dataclass(frozen=True, eq=False)
class Rays:
    """What pixels of B frames of N cameras see at a depth, and where points are seen.

    All in full precision, also within autocast, which positions would not survive.

    Depth is along the camera's axis, in metres before the scene was scaled.

    Args:
        lidar_T_pixel: (B, N, 3, 3) from (u, v, 1) of the network's image, times the depth, to
            metres from the camera along the axes of the augmented LiDAR frame.
        origin_m: (B, N, 3) the cameras, augmented LiDAR frame.
    """

    lidar_T_pixel: Tensor
    origin_m: Tensor

    @classmethod
    def of(cls, images: Images) -> Self:
        """Undo what was done to the image, look through the camera, do as was done to the scene."""
        scene = images.lidar_augmentation[:, None]
        with _full_precision(scene):
            camera_T_pixel = torch.linalg.inv(images.image_augmentation @ images.intrinsics_px)
            lidar_T_camera = scene[..., :3, :3] @ images.lidar_SE3_camera[..., :3, :3]
            origin_m = scene[..., :3, :3] @ images.lidar_SE3_camera[..., :3, 3:]
            return cls(lidar_T_camera @ camera_T_pixel, origin_m[..., 0] + scene[..., :3, 3])

    def at(self, pixels: Tensor, depth_m: Tensor) -> Tensor:
        """Positions (B, N, P, D, 3) of P pixels (P, 2), u and v, at D depths (D,)."""
        homogeneous = torch.nn.functional.pad(pixels, (0, 1), value=1.0)
        with _full_precision(pixels):
            direction = homogeneous @ self.lidar_T_pixel.transpose(-1, -2)
        along_m = direction[..., None, :] * depth_m[:, None]
        return along_m + self.origin_m[:, :, None, None]

    def project(self, points_m: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (P, N, 2) and depths (P, N) of points (P, 3) in the cameras of their frames (P,).

        Pixels mean nothing where the depth is not positive.
        """
        offset_m = points_m[:, None] - self.origin_m[frame]
        with _full_precision(points_m):
            pixel_T_lidar = torch.linalg.inv(self.lidar_T_pixel)[frame]
            scaled = (pixel_T_lidar @ offset_m[..., None])[..., 0]
        depth_m = scaled[..., 2]
        return scaled[..., :2] / depth_m.clamp(min=1e-3)[..., None], depth_m


def _full_precision(values: Tensor) -> torch.autocast:
    return torch.autocast(values.device.type, enabled=False)


def pixel_centers(rows: int, columns: int, stride: float) -> Tensor:
    """Centres (rows x columns, 2), u and v, of a map's cells in the image that it was made of.

    Pixel (0, 0) has its centre at (0, 0), as intrinsics of nuScenes count.
    """
    u = (torch.arange(columns) + 0.5) * stride - 0.5
    v = (torch.arange(rows) + 0.5) * stride - 0.5
    return torch.stack(torch.meshgrid(u, v, indexing="xy"), dim=-1).view(-1, 2)
