"""Which scenes the data set has, and when everything in them happens."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from nuscenes.utils.splits import create_splits_scenes

from cm3d.errors import InputError
from cm3d.params import Simulation
from cm3d.simulation.sensors.rig import SWEEP_PERIOD_US, SWEEPS_PER_KEYFRAME
from cm3d.simulation.town.town import LOCATIONS

Split: TypeAlias = Literal["train", "val"]

_EPOCH_US: Final = 1_577_836_800_000_000  # 2020-01-01 UTC
_SCENE_SPACING_US: Final = 3_600_000_000
# So many sweeps precede the first keyframe that every keyframe has nine past ones.
_LEAD_IN_SWEEPS: Final = SWEEPS_PER_KEYFRAME - 1


@dataclass(frozen=True)
class ScenePlan:
    """One scene to simulate.

    Args:
        scene_name: A name from the devkit's predefined list of its split.
        split: Which split.
        location: Which town, under one of nuScenes' map names.
        order: Position among all scenes.
    """

    scene_name: str
    split: Split
    location: str
    order: int

    @property
    def start_us(self) -> int:
        """Time stamp of the first keyframe."""
        return _EPOCH_US + self.order * _SCENE_SPACING_US


def scene_plan(params: Simulation) -> list[ScenePlan]:
    """The scenes of the data set: train, then val, towns taking turns.

    Names are the first ones of nuScenes' own splits, because the devkit knows a split by the
    names of its scenes.

    Raises:
        InputError: More scenes are wanted than the splits have names.
    """
    splits = create_splits_scenes()
    wanted: tuple[tuple[Split, int], ...] = (
        ("train", params.train_scenes),
        ("val", params.val_scenes),
    )
    locations = tuple(LOCATIONS)
    plans: list[ScenePlan] = []
    for split, count in wanted:
        if count > len(splits[split]):
            raise InputError(
                f"simulation.{split}_scenes: {count} is more than the {len(splits[split])} "
                "scenes of the devkit's split; lower it"
            )
        for name in splits[split][:count]:
            location = locations[len(plans) % len(locations)]
            plans.append(ScenePlan(name, split, location, len(plans)))
    return plans


@dataclass(frozen=True)
class Timeline:
    """Sweeps of one scene, counted from 0; times are microseconds from the first keyframe.

    Args:
        keyframes: Number of keyframes.
    """

    keyframes: int

    @property
    def sweeps(self) -> int:
        """Number of sweeps; the last one is a keyframe."""
        return _LEAD_IN_SWEEPS + (self.keyframes - 1) * SWEEPS_PER_KEYFRAME + 1

    @property
    def duration_s(self) -> float:
        """From the first keyframe to the last."""
        return self.sweep_us(self.sweeps - 1) / 1e6

    def sweep_us(self, sweep: int) -> int:
        """When a sweep is taken; negative before the first keyframe."""
        return (sweep - _LEAD_IN_SWEEPS) * SWEEP_PERIOD_US

    def is_keyframe(self, sweep: int) -> bool:
        """Whether a sweep is a keyframe."""
        return (sweep - _LEAD_IN_SWEEPS) % SWEEPS_PER_KEYFRAME == 0

    def keyframe_served(self, sweep: int) -> int:
        """The keyframe that a sweep leads up to, or is."""
        return sweep // SWEEPS_PER_KEYFRAME
