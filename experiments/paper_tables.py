"""The paper's tables, and ours, as rows of overrides, read from `experiments/<table>.yaml`."""

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cm3d.errors import InputError
from cm3d.params import checked_name, faults_of, read_yaml
from cm3d.params.fields import Line
from cm3d.tables import layout
from experiments.overrides import lookup

TABLES_FOLDER: Final = Path(__file__).parent


_Percent = Annotated[float, Field(ge=0, le=1000)]


class Figures(BaseModel):
    """Scores in percent, as the paper prints them, and errors where it has them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mAP: _Percent
    NDS: _Percent
    mATE: _Percent | None = None
    mASE: _Percent | None = None
    mAOE: _Percent | None = None
    mAVE: _Percent | None = None
    mAAE: _Percent | None = None


class Row(BaseModel):
    """One row: how to run it here, and what the paper has.

    Args:
        name: As in the paper.
        paper: The paper's figures; None where a row is ours alone.
        overrides: Parameters by dotted path.
        multiply: Factors on parameters as they stand, by dotted path, for longer schedules.
        same: Parameters that take the value of another one, whichever preset gave it.
        target: Stage to run up to, `evaluate@NAME`; it writes `mAP`, `NDS` and the five errors.
        missing: What the pipeline lacks to run the row; it is then printed with the paper's
            figures alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Line
    paper: Figures | None = None
    overrides: dict[str, Any] = {}
    multiply: dict[str, Annotated[int, Field(ge=1, le=1000)]] = {}
    same: dict[str, str] = {}
    target: Annotated[str, Field(pattern=r"^evaluate@[\w.-]+$")] | None = None
    missing: str | None = None

    @model_validator(mode="after")
    def _runs_or_says_why(self) -> "Row":
        if (self.target is None) == (self.missing is None):
            raise ValueError("a row has either target or missing")
        return self

    @property
    def metrics(self) -> Path:
        """The file that its target writes."""
        return layout.EVALUATION / f"{str(self.target).removeprefix('evaluate@')}.json"

    def resolved(self, values: dict[str, Any]) -> dict[str, Any]:
        """All overrides of the row, given the parameters that it starts from."""
        longer = {
            path: _number(lookup(values, path), path) * factor
            for path, factor in self.multiply.items()
        }
        copied = {path: lookup(values, other) for path, other in self.same.items()}
        return {**self.overrides, **longer, **copied}


def _number(value: Any, path: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"multiply: {path} is no number; correct the path")
    return value


class PaperTable(BaseModel):
    """One table of the paper, or one of ours.

    Args:
        title: What it shows.
        note: How what runs here differs from the paper.
        cumulative: Each row adds its `overrides` to those above; `multiply` and `same` are its own.
        errors: The five errors are printed too.
        rows: The rows, from top to bottom.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str
    note: str = ""
    cumulative: bool = False
    errors: bool = False
    rows: list[Row]

    def steps(self) -> list[Row]:
        """The rows with all overrides that apply to them."""
        if not self.cumulative:
            return self.rows
        steps, above = [], dict[str, Any]()
        for row in self.rows:
            above = {**above, **row.overrides}
            steps.append(row.model_copy(update={"overrides": above}))
        return steps


def load_table(name: str, folder: Path = TABLES_FOLDER) -> PaperTable:
    """Read a table.

    Raises:
        InputError: There is no such table, or it is malformed.
    """
    path = folder / f"{checked_name(name, 'table')}.yaml"
    if not path.is_file():
        raise InputError(f"{path.name}: no such table; there are {', '.join(table_names(folder))}")
    try:
        return PaperTable.model_validate(read_yaml(path))
    except ValidationError as error:
        raise InputError(f"{path.name}: {faults_of(error)}") from error


def table_names(folder: Path = TABLES_FOLDER) -> list[str]:
    """The tables that can be run."""
    return sorted({path.stem for path in folder.glob("*.yaml")} - {"presets"})
