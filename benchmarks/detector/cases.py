"""What is measured: models, and how much they are given."""

from dataclasses import dataclass
from typing import Any, Final

from cm3d.params import Params, parse_params, read_yaml
from cm3d.taxonomy import Taxonomy, load_taxonomy
from experiments.overrides import PARAMS_FILE, with_overrides
from experiments.preset import load_preset

# With half a chance of an object everywhere, as many cells as there may be become boxes.
_MANY_BOXES: Final = {"detector.heatmap_bias": 0.0}


@dataclass(frozen=True)
class Case:
    """A model and its input.

    Args:
        name: Of the preset, or `small` for params.yaml as it stands.
        sweeps: Whose points a frame holds.
        batch: Frames of a training step; inference takes one.
        repeats: Of each measurement.
        device: Where to compute.
        precision: Of training, as in `training.precision`.
        overrides: By dotted path, on top of the preset.
    """

    name: str
    sweeps: int
    batch: int
    repeats: int
    device: str = "cpu"
    precision: str = "fp32"
    overrides: tuple[tuple[str, Any], ...] = ()

    def params(self) -> Params:
        """The parameters, with enough boxes to make suppression work."""
        preset = {} if self.name == "small" else load_preset(self.name)
        changes = preset | _MANY_BOXES | {"training.precision": self.precision}
        values = with_overrides(read_yaml(PARAMS_FILE), changes | dict(self.overrides))
        return parse_params(values, source=self.name)

    def taxonomy(self) -> Taxonomy:
        """The classes that are learned."""
        return load_taxonomy(self.params().taxonomy)


# A CPU has too little time for ten sweeps on voxels, and for batches of large models.
_ON_CPU: Final = (
    Case("small", sweeps=10, batch=2, repeats=5),
    Case("centerpoint_pillar", sweeps=10, batch=1, repeats=3),
    Case("centerpoint_voxel_01", sweeps=1, batch=1, repeats=3),
    Case("centerpoint_voxel_0075", sweeps=1, batch=1, repeats=3),
)


def cases(device: str) -> list[Case]:
    """The models with what there is time for."""
    if device == "cpu":
        return list(_ON_CPU)
    return [
        Case(case.name, 10, batch=4, repeats=10, device=device, precision=precision)
        for case in _ON_CPU
        for precision in ("fp32", "bf16")
    ]
