"""Which frames each step learns from, and reading them ahead in processes of their own."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from cm3d.detectors.inputs import Batch, Sample, collate
from cm3d.detectors.protocol import Needs
from cm3d.detectors.ranks import rank, ranks
from cm3d.errors import InputError
from cm3d.execution.processes import prepare_for_children
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat32
from cm3d.geometry.ground_map import GroundMap
from cm3d.sensors.card import Sensors
from cm3d.training.augmentation import Augmentation
from cm3d.training.copy_paste import Pasting
from cm3d.training.frames import TrainingFrame, check_in_range, load_points, to_sensor
from cm3d.training.images import ImageAugmentation, load_images, rig_of
from cm3d.training.recipe import Recipe


@dataclass(frozen=True)
class Step:
    """One step of the optimiser.

    Args:
        epoch: From 0.
        positions: Of its frames in the list that is trained on.
    """

    epoch: int
    positions: tuple[int, ...]

    def keys(self) -> list[tuple[int, int]]:
        """What names this process's share of the samples: epoch and position."""
        share = np.array_split(np.array(self.positions), ranks())[rank()]
        return [(self.epoch, int(position)) for position in share]


def plan_steps(frames: int, recipe: Recipe) -> list[Step]:
    """Every frame once per epoch, shuffled, in batches of nearly equal size.

    Raises:
        InputError: A batch has fewer frames than processes share it.
    """
    per_epoch = -(-frames // recipe.schedule.batch_size)
    if frames // per_epoch < ranks():
        raise InputError(
            f"execution.trainers: {ranks()} processes cannot share a batch of "
            f"{frames // per_epoch} frames; raise batch_size or lower the number of processes"
        )
    return [
        Step(epoch, tuple(map(int, chosen)))
        for epoch in range(recipe.epochs)
        for chosen in np.array_split(
            np.random.default_rng([recipe.seed, epoch]).permutation(frames), per_epoch
        )
    ]


class Samples(Dataset[Sample | InputError]):
    """Augmented frames; what each looks like depends on the seed, the epoch and its position."""

    def __init__(
        self,
        frames: Sequence[TrainingFrame],
        sensors: Sensors,
        needs: Needs,
        recipe: Recipe,
        pasting: Pasting | None = None,
        cache_bytes: int = 0,
        ground_maps: Mapping[str, GroundMap] | None = None,
    ) -> None:
        """Take the frames over, what is pasted into them, and maps; nothing is read yet.

        Clouds are kept up to `cache_bytes`, in each process that makes samples.
        """
        self.frames, self.sensors, self.needs = frames, sensors, needs
        self.recipe, self.pasting, self.cache_bytes = recipe, pasting, cache_bytes
        self.rig, self.ground_maps = rig_of(frames), ground_maps or {}
        self._clouds: dict[str, NDArrayFloat32] = {}

    def __getitem__(self, key: tuple[int, int]) -> Sample | InputError:
        """The sample of an epoch and a position; an error is handed on rather than raised.

        A data loader would wrap it into the traceback of its process.
        """
        try:
            return self._make(*key)
        except InputError as error:
            return error

    def _make(self, epoch: int, position: int) -> Sample:
        frame, needs = self.frames[position], self.needs
        rng = np.random.default_rng([self.recipe.seed, epoch, position])
        augmentation = Augmentation.draw(self.recipe.schedule, rng)
        boxes = to_sensor(frame.boxes, frame.global_SE3_lidar, needs.class_names)
        points = self._points(frame) if needs.points else None
        if self.pasting is not None and points is not None:
            points, boxes = self.pasting(points, boxes, rng)
        images = None
        unreadable: tuple[str, ...] = ()
        if needs.cameras is not None:
            of_images = ImageAugmentation.draw(needs.cameras, rng)
            images, unreadable = load_images(
                frame, self.rig, self.sensors, needs.cameras, of_images, augmentation.matrix
            )
        return Sample(
            frame.sample_token,
            None if points is None else needs.sift(augmentation.apply_to_points(points)),
            augmentation.apply_to_boxes(boxes),
            images,
            self._masks(frame, augmentation) if needs.maps else None,
            unreadable,
        )

    def _masks(self, frame: TrainingFrame, augmentation: Augmentation) -> NDArrayBool:
        pose = frame.global_SE3_lidar.matrix
        return self.ground_maps[frame.location].masks(pose, augmentation.matrix)

    def _points(self, frame: TrainingFrame) -> NDArrayFloat32:
        """The frame's cloud; a shuffled epoch leaves no better choice than those read first."""
        if (points := self._clouds.get(frame.sample_token)) is not None:
            return points
        points = load_points(frame, self.sensors, self.needs)
        check_in_range(points, frame, self.needs)
        if points.nbytes <= self.cache_bytes:
            self.cache_bytes -= points.nbytes
            self._clouds[frame.sample_token] = points
        return points


def load_batches(
    samples: Samples, steps: Sequence[Step], loaders: int, device: torch.device
) -> Iterator[Batch]:
    """This process's share of each step, in order, in the memory of the host.

    Args:
        samples: Where samples come from.
        steps: Those still to be done.
        loaders: Processes that make samples ahead; 0 makes them here. Batches do not depend on it.
        device: What the batches are for.

    Raises:
        InputError: A sensor file cannot be read.
    """
    loader: DataLoader[Batch | InputError] = DataLoader(
        samples,  # type: ignore[arg-type]
        batch_sampler=[step.keys() for step in steps],
        num_workers=loaders,
        collate_fn=_collate,
        pin_memory=device.type == "cuda",
        worker_init_fn=_leave_interrupts_to_the_parent,
    )
    if loaders:
        prepare_for_children(loaders)
    for batch in loader:
        if isinstance(batch, InputError):
            raise batch
        yield batch


def _collate(samples: Sequence[Sample | InputError]) -> Batch | InputError:
    made = [sample for sample in samples if isinstance(sample, Sample)]
    errors = [sample for sample in samples if isinstance(sample, InputError)]
    return errors[0] if errors else collate(made)


def _leave_interrupts_to_the_parent(worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
