"""What a detector is to training and inference, which know nothing else of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor, nn

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.inputs import Batch, Inputs
from cm3d.geometry.arrays import NDArrayFloat32
from cm3d.params import Cameras, Network, Predict


def every_point(points: NDArrayFloat32) -> NDArrayFloat32:
    """All points (N, 5)."""
    return points


@dataclass(frozen=True)
class Needs:
    """What a detector wants of a sample.

    Args:
        class_names: Of the boxes that it learns, in the order of its class indices.
        sweeps: LiDAR sweeps, the keyframe counted.
        ego_half_extent_m: Returns of the ego vehicle are within, |x| and |y|.
        range_m: Half side of the square around the LiDAR that it sees and learns boxes in.
        min_z_m: Lowest point that it sees, LiDAR frame.
        max_z_m: Highest.
        points: Whether it sees LiDAR at all.
        cameras: How it sees images; None where it does not.
        maps: Whether it learns what the ground is, instead of boxes.
        sift: Drops points (N, 5) that it would not look at, so that what makes samples ahead sheds
            them; outputs for this cloud, but not for its mirror images, are the same without.
    """

    class_names: tuple[str, ...]
    sweeps: int
    ego_half_extent_m: float
    range_m: float
    min_z_m: float
    max_z_m: float
    points: bool = True
    cameras: Cameras | None = None
    maps: bool = False
    sift: Callable[[NDArrayFloat32], NDArrayFloat32] = every_point

    @classmethod
    def of(
        cls,
        section: Network,
        class_names: tuple[str, ...],
        sift: Callable[[NDArrayFloat32], NDArrayFloat32] = every_point,
    ) -> Self:
        """As the `detector` section has it."""
        return cls(
            class_names,
            section.sweeps,
            section.ego_half_extent_m,
            section.range_m,
            section.min_z_m,
            section.max_z_m,
            section.sees_points,
            section.cameras,
            section.task == "map",
            sift,
        )


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """Parameters that learn alike.

    Args:
        parameters: Of the detector.
        lr_factor: On the learning rate of the schedule.
    """

    parameters: Sequence[nn.Parameter]
    lr_factor: float = 1.0


class Detector(nn.Module, ABC):
    """A network with what is learned from its outputs and what is read off them.

    A step of training is `loss(forward(batch.inputs), targets(batch))`; `detect` is inference.
    `forward` alone may run in half precision and in several processes.
    """

    # keys of its section of params.yaml that trained weights do not depend on
    training_only: frozenset[str] = frozenset()

    needs: Needs
    # channels of the cameras that it learned from, sorted; none where it sees no images
    rig: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """What class indices stand for."""
        return self.needs.class_names

    @abstractmethod
    def forward(self, inputs: Inputs) -> Any:
        """Outputs for B frames, of any type."""

    @abstractmethod
    def targets(self, batch: Batch) -> Any:
        """What the outputs should be, on the batch's device.

        `batch.labels.weight` says how far each box is to be learned. A box's own terms of the loss
        are multiplied by it, while what they are divided by counts boxes: an uncertain box then
        pulls less, and not its whole frame harder towards background. A box of weight 0 is no
        object, and where it stands nothing is learned as background of its class either. A detector
        that knows no weights leaves boxes of weight 0 out, `labels[labels.weight > 0]`, and learns
        all others alike.
        """

    @abstractmethod
    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        """Weighted terms by name, always the same ones; the loss is their sum.

        Where several processes train together, the mean over them is the loss of the batch.
        """

    @abstractmethod
    def boxes(self, outputs: Any, predict: Predict) -> list[SensorBoxes]:
        """Boxes of each of B frames, best first."""

    def thresholds_reached(self, outputs: Any) -> Tensor:
        """Of one that learns maps: how many of `MAP_THRESHOLDS` each probability reaches.

        (B, classes, rows, columns) of 8 bits, as `GroundMap.masks` has them.
        """
        raise NotImplementedError

    def detect(self, inputs: Inputs, predict: Predict) -> list[SensorBoxes]:
        """Boxes of each of B frames, best first, in evaluation mode."""
        return self.boxes(self(inputs), predict)

    def begin(self, weights: Mapping[str, Tensor] | None) -> None:
        """Start a training: from weights of a model like this, or from those that none has learned.

        Raises:
            InputError: Weights that the detector wants from elsewhere are not there.
        """
        if weights is not None:
            self.load_state_dict(dict(weights))

    def parameter_groups(self) -> list[ParameterGroup]:
        """Each parameter once."""
        return [ParameterGroup(list(self.parameters()))]
