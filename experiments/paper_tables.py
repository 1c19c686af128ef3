"""The paper's tables, and ours, as rows of overrides: `experiments/tables/<table>.yaml`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.summary import HEADLINES
from cm3d.evaluation.waymo.summary import FIGURES
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.params import EMBEDDED, checked_name, faults_of, read_yaml
from cm3d.params.fields import Line
from cm3d.tables import layout
from experiments.overrides import lookup
from experiments.preset import load_presets

TABLES_FOLDER: Final = Path(__file__).with_name("tables")

# The tables of the paper; the others are ours.
PAPER_TABLES: Final = tuple(f"table{number}" for number in range(1, 13))

# Of `presets` of a table: those that are taken where none is asked for.
_ELSE: Final = "else"

# Of an object, in the order of the paper's Table 8.
SIDES: Final = ("width", "length", "height")

# What a row asks for, whatever it is run with.
Need = Literal["real data", "embedded data", "GPU", "hours"]

_WAYMO_CLASSES: Final = ("vehicle", "pedestrian", "cyclist")

_SCORES: Final = {
    "detection": ("mAP", "NDS"),
    "errors": HEADLINES,
    "maps": ("mIoU", *(f"IoU_{name}" for name in MAP_CLASSES)),
    "waymo": (
        *(f"m{figure}" for figure in FIGURES),
        *(f"m{figure}_0_30m" for figure in FIGURES),
        *(f"{name}_{figure}" for name in _WAYMO_CLASSES for figure in FIGURES),
    ),
    "waymo_0_30m": tuple(f"{name}_{figure}_0_30m" for name in _WAYMO_CLASSES for figure in FIGURES),
    "agnostic": ("AP", "NDS", "mATE", "mASE", "mAOE"),
    "sizes": (
        *(f"{side}_m" for side in SIDES),
        *(f"{side}_deviation_m" for side in SIDES),
        *(f"prior_{side}_m" for side in SIDES),
        "objects",
    ),
}

# Every figure that some table prints.
PRINTED: Final = tuple(dict.fromkeys(name for names in _SCORES.values() for name in names))

_Percent = Annotated[float, Field(ge=0, le=1000)]


def _whole(figures: dict[str, float]) -> dict[str, float]:
    if unknown := sorted(set(figures) - set(PRINTED)):
        raise ValueError(f"{unknown[0]!r} is no figure of a table")
    detection = [] if "AP" in figures else [("mAP", "NDS")]
    pairs = [*detection, *((f, f.replace("AP_", "APH_")) for f in figures if "AP_" in f)]
    if broken := [pair for pair in pairs if len(figures.keys() & set(pair)) == 1]:
        raise ValueError(f"the paper has both {' and '.join(broken[0])}")
    return figures


# Scores in percent, as the paper prints them, and errors where it has them.
Figures = Annotated[dict[str, _Percent], Field(min_length=1), AfterValidator(_whole)]


class Row(BaseModel):
    """One row: how to run it here, and what the paper has.

    Args:
        name: As in the paper.
        paper: The paper's figures; None where a row is ours alone.
        presets: Whose overrides come first.
        overrides: Parameters by dotted path.
        multiply: Factors on parameters as they stand, by dotted path, for longer schedules.
        same: Parameters that take the value of another one, whichever preset gave it.
        target: Stage to run up to, `evaluate@NAME`; it writes the figures that are printed.
        object_class: Of the taxonomy, whose sizes are measured instead of running anything.
        protocol: Class-agnostic one whose figures are printed, as `evaluate_agnostic` names it.
        missing: What the pipeline lacks to run the row; it is then printed with the paper's
            figures alone.
        needs: What the row makes no sense without, and what it takes at any scale; None where the
            table says it.
        baseline: Name of the row that this one is compared with, run by run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Line
    paper: Figures | None = None
    presets: list[str] = []
    overrides: dict[str, Any] = {}
    multiply: dict[str, Annotated[int, Field(ge=1, le=1000)]] = {}
    same: dict[str, str] = {}
    target: Annotated[str, Field(pattern=r"^evaluate@[\w.-]+$")] | None = None
    object_class: Line | None = None
    protocol: Line | None = None
    missing: str | None = None
    needs: list[Need] | None = None
    baseline: Line | None = None

    @model_validator(mode="after")
    def _runs_or_says_why(self) -> "Row":
        if sum(way is not None for way in (self.target, self.object_class, self.missing)) != 1:
            raise ValueError("a row has either target or missing, or an object_class")
        return self

    @property
    def metrics(self) -> Path:
        """The file that its target writes."""
        return layout.EVALUATION / self._file

    @property
    def class_metrics(self) -> Path:
        """That of the figures by class."""
        return layout.METRICS / "evaluate_classes" / self._file

    @property
    def agnostic_metrics(self) -> Path:
        """That of the class-agnostic figures, by protocol."""
        return layout.METRICS / "evaluate_agnostic" / self._file

    @property
    def _file(self) -> str:
        return f"{str(self.target).removeprefix('evaluate@')}.json"

    def lacks(self, dataset: str) -> str | None:
        """Why the row makes no sense on a data set; None where it does."""
        if self.missing:
            return self.missing
        if "real data" in (self.needs or ()) and dataset in EMBEDDED:
            return f"needs real data, {dataset} is simulated"
        if "embedded data" in (self.needs or ()) and dataset not in EMBEDDED:
            return f"is about the embedded data set, not {dataset}"
        return None

    def resolved(self, values: dict[str, Any]) -> dict[str, Any]:
        """All overrides of the row, given the parameters that it starts from."""
        longer = {
            path: _number(lookup(values, path), path) * factor
            for path, factor in self.multiply.items()
        }
        copied = {path: lookup(values, other) for path, other in self.same.items()}
        return {**load_presets(self.presets), **self.overrides, **longer, **copied}


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
        scores: What is printed: mAP and NDS, the five errors too, IoU of the map's classes, AP and
            APH of Waymo's metric, means and by class, or by class within 30 m, AP and errors
            without classes, or the sizes of a class's objects.
        presets: Presets that the table takes in place of those asked for, as it is about another
            data set or another shelf model; under `else` those before any that are not named here.
        needs: Of every row that does not say so itself.
        baseline: Of every row that does not name its own.
        rows: The rows, from top to bottom.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str
    note: str = ""
    cumulative: bool = False
    scores: Literal["detection", "errors", "maps", "waymo", "waymo_0_30m", "agnostic", "sizes"] = (
        "detection"
    )
    presets: dict[str, list[str]] = {}
    needs: list[Need] = []
    baseline: Line | None = None
    rows: list[Row]

    @model_validator(mode="after")
    def _baselines_are_rows(self) -> "PaperTable":
        names = [row.name for row in self.rows]
        if double := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"row {double[0]!r} stands there twice")
        for name in (self.baseline, *(row.baseline for row in self.rows)):
            if name is not None and name not in names:
                raise ValueError(f"baseline: {name!r} is no row of the table")
        if own := [row.name for row in self.rows if row.baseline == row.name]:
            raise ValueError(f"row {own[0]!r}: baseline: it is the row itself")
        return self

    @model_validator(mode="after")
    def _prints_what_the_paper_has(self) -> "PaperTable":
        for row in self.rows:
            if more := sorted(set(row.paper or ()) - set(self.score_names)):
                raise ValueError(f"row {row.name!r}: scores: {self.scores} has no {more[0]}")
        return self

    @property
    def data(self) -> str:
        """What the paper's figures are on."""
        if self.scores == "sizes":
            return "nuScenes"
        return "Waymo's validation split" if self.scores.startswith("waymo") else "nuScenes val"

    @property
    def score_names(self) -> tuple[str, ...]:
        """What is printed of a row, as the metrics file of its target names it."""
        return _SCORES[self.scores]

    @property
    def unit(self) -> str:
        """Of the figures, for axes and notes."""
        return "m" if self.scores == "sizes" else "%"

    def steps(self) -> list[Row]:
        """The rows with all that applies to them."""
        steps, above = [], dict[str, Any]()
        for row in self.rows:
            above = {**above, **row.overrides} if self.cumulative else row.overrides
            baseline = row.baseline or (self.baseline if row.name != self.baseline else None)
            needs = self.needs if row.needs is None else row.needs
            own = {"overrides": above, "needs": needs, "baseline": baseline}
            steps.append(row.model_copy(update=own))
        return steps

    def presets_for(self, asked: Sequence[str]) -> list[str]:
        """The presets that the table is run with.

        Args:
            asked: Those that the user names; none takes params.yaml as it is.
        """
        taken = [own for name in asked for own in self.presets.get(name, [name])]
        named = {own for presets in self.presets.values() for own in presets}
        before = [] if set(asked) & (self.presets.keys() | named) else self.presets.get(_ELSE, [])
        return [*before, *taken]


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
    return sorted(path.stem for path in folder.glob("*.yaml"))
