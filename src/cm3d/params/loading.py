"""All of params.yaml, read and validated."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from cm3d.errors import InputError
from cm3d.params.data import EMBEDDED, Dataset, Evaluate, Execution, Labels, Scoring, Simulation
from cm3d.params.detector import BevFusion, Detector, Network, Predict
from cm3d.params.fields import MOST_COUNTED, Name, Section
from cm3d.params.files import faults_of, read_yaml
from cm3d.params.images import Detect2D, Segment
from cm3d.params.lifting import Lift
from cm3d.params.proposals import Fuse, ImportLabels, Sam3D
from cm3d.params.training import (
    CopyPaste,
    Finetune,
    FinetuneMap,
    Pretrain,
    Relabel,
    Selftrain,
    Training,
)


class CenterPoint(Section):
    """CenterPoint has nothing beyond the `detector` section."""


class Params(Section):
    """All of params.yaml."""

    seed: Annotated[int, Field(ge=0, lt=2**63)]
    taxonomy: Name
    execution: Execution
    dataset: Dataset
    simulation: Simulation
    detect2d: Detect2D
    segment: Segment
    lift: Lift
    sam3d: Sam3D
    import_labels: ImportLabels
    fuse: Fuse
    detector: Detector
    centerpoint: CenterPoint
    bevfusion: BevFusion
    predict: Predict
    labels: Labels
    copy_paste: CopyPaste
    training: Training
    pretrain: Pretrain
    finetune: Finetune
    finetune_map: FinetuneMap
    relabel: Relabel
    selftrain: Selftrain
    scoring: Scoring
    evaluate: Evaluate

    @model_validator(mode="after")
    def _models_know_the_data(self) -> "Params":
        if self.dataset.name in EMBEDDED:
            return self
        for section, backend in (
            ("detect2d", self.detect2d.backend),
            ("segment", self.segment.backend),
        ):
            if backend in ("simnet", "simulated"):
                raise ValueError(
                    f"{section}.backend: {backend} knows the embedded data sets alone; choose a "
                    f"model for photographs (docs/{section}.md)"
                )
        return self

    @model_validator(mode="after")
    def _images_are_dependencies(self) -> "Params":
        sees = self.network.cameras is not None
        wanted = "raw/images" if sees else "none"
        if self.detector.images != wanted:
            what = "sees cameras" if sees else "sees no cameras"
            raise ValueError(f"detector.images: the detector {what}; set it to {wanted}")
        if self.finetune_map.copy_paste:
            raise ValueError("finetune_map.copy_paste: no map has what is pasted; set it to false")
        pasting = {
            "pretrain": self.pretrain.copy_paste,
            "finetune": self.finetune.copy_paste,
            "selftrain": self.selftrain.copy_paste,
            "bevfusion.fusion": self.bevfusion.fusion.copy_paste,
        }
        for name, pastes in pasting.items():
            if sees and pastes:
                raise ValueError(f"{name}.copy_paste: no image has what is pasted; set it to false")
        return self

    @model_validator(mode="after")
    def _fusion_is_bounded(self) -> "Params":
        for name in ("pretrain", "finetune", "selftrain"):
            epochs = self.bevfusion.fusion.epochs_share * getattr(self, name).epochs
            if epochs > MOST_COUNTED:
                raise ValueError(
                    f"bevfusion.fusion.epochs_share: makes {epochs:.0f} epochs of those of {name}; "
                    f"choose it so that they are at most {MOST_COUNTED}"
                )
        return self

    @model_validator(mode="after")
    def _labels_are_there(self) -> "Params":
        if self.fuse.labels == "imported" and not self.import_labels.are_named:
            raise ValueError("fuse.labels: imported needs import_labels.file")
        return self

    @property
    def network(self) -> Network:
        """What is trained: the `detector` section with the one of its name."""
        return Network.of(self.detector, self.bevfusion)


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate the whole of params.yaml.

    Raises:
        InputError: The file is missing, no YAML (a key may stand once), or wrong; every error
            is listed by its path.
    """
    return parse_params(read_yaml(path), source=str(path))


def parse_params(values: Any, source: str = "params.yaml") -> Params:
    """Validate the content of params.yaml.

    Raises:
        InputError: A key is unknown or missing, or a value has the wrong type or range.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{source}: {faults_of(error)}") from error
