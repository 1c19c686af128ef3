"""All of params.yaml, read and validated."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cm3d.errors import InputError
from cm3d.params.data import Dataset, Evaluate, Execution, Labels, Scoring, Simulation
from cm3d.params.detector import Detector
from cm3d.params.fields import Section
from cm3d.params.images import Detect2D, Segment
from cm3d.params.lifting import Lift
from cm3d.params.proposals import Fuse, Sam3D
from cm3d.params.training import CopyPaste, Finetune, Pretrain, Selftrain, Training


class Params(Section):
    """All of params.yaml."""

    seed: Annotated[int, Field(ge=0)]
    execution: Execution
    dataset: Dataset
    simulation: Simulation
    detect2d: Detect2D
    segment: Segment
    lift: Lift
    sam3d: Sam3D
    fuse: Fuse
    detector: Detector
    labels: Labels
    copy_paste: CopyPaste
    training: Training
    pretrain: Pretrain
    finetune: Finetune
    selftrain: Selftrain
    scoring: Scoring
    evaluate: Evaluate

    @model_validator(mode="after")
    def _models_know_the_data(self) -> "Params":
        if self.dataset.name == "sim":
            return self
        for section, backend in (
            ("detect2d", self.detect2d.backend),
            ("segment", self.segment.backend),
        ):
            if backend in ("simnet", "simulated"):
                raise ValueError(
                    f"{section}.backend: {backend} knows the embedded data set alone; choose a "
                    f"model for photographs (docs/{section}.md)"
                )
        return self


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate the whole of params.yaml.

    Raises:
        InputError: The file is missing, no YAML (a key may stand once), or wrong; every error
            is listed by its path.
    """
    return parse_params(read_yaml(path), source=str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        InputError: The file is missing or holds something else.
    """
    try:
        content = YAML(typ="safe").load(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run from the project's root") from error
    except YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a mapping; restore it with Git")
    return content


def parse_params(values: Any, source: str = "params.yaml") -> Params:
    """Validate the content of params.yaml.

    Raises:
        InputError: A key is unknown or missing, or a value has the wrong type or range.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        faults = [": ".join([*_dotted(e["loc"]), e["msg"]]) for e in error.errors()]
        raise InputError(f"{source}: " + "; ".join(faults)) from error


def _dotted(location: tuple[int | str, ...]) -> list[str]:
    """The path of a fault, none for one that concerns several sections."""
    return [".".join(map(str, location))] if location else []
