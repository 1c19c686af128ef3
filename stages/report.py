"""`python -m stages.report [--markdown]`: the scores of labels and models as one table."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.summary import HEADLINES
from cm3d.execution import pipeline
from cm3d.execution.arguments import Arguments
from cm3d.execution.files import read_figures
from cm3d.execution.stage import run_stage
from cm3d.params import Params, load_params
from cm3d.tables import layout
from cm3d.tables.contract import shown

Scores = Mapping[str, Mapping[str, Any]]

_SHARES: Final = ("mAP", "NDS")  # the other headlines are errors, which have no upper limit

# Member of the group `evaluate`, and what the table calls it: what is scored on `scoring.split` in
# the order of the pipeline, then labels of the part of train that has none.
ROWS: Final = {
    "lifted": "lifted boxes",
    "pseudo_labels": "pseudo-labels",
    "pretrain": "pretrain",
    "finetune": "finetune",
    "selftrain_r1": "selftrain round 1",
    "selftrain_r2": "selftrain round 2",
    "selftrain_r3": "selftrain round 3",
    "pseudo_labels_unlabelled": "labels of the unlabelled part",
    "relabel_r1": "relabels round 1",
    "relabel_r2": "relabels round 2",
    "relabel_r3": "relabels round 3",
}


def read_scores(folder: Path) -> dict[str, dict[str, Any]]:
    """The scores of the label sets and models that have been scored, by name.

    Raises:
        InputError: There is none, or a file holds something else.
    """
    paths = {name: folder / f"{name}.json" for name in ROWS}
    scores = {
        name: _read_scored(path, f"run `dvc repro -f -s evaluate@{name}`")
        for name, path in paths.items()
        if path.exists()
    }
    if not scores:
        raise InputError(f"{folder}: nothing scored; run `dvc repro evaluate`")
    return scores


def _read_scored(path: Path, remedy: str) -> dict[str, Any]:
    figures = read_figures(path, remedy)
    for name in HEADLINES:
        value, limit = figures.get(name, 0.0), 1.0 if name in _SHARES else math.inf
        if not (isinstance(value, int | float) and 0 <= value <= limit):
            wanted = "a share in [0, 1]" if name in _SHARES else "a number from 0"
            raise InputError(f"{path}: {name} is {shown(value)}, expected {wanted}; {remedy}")
    if not isinstance(figures.get("engine", ""), str):
        raise InputError(f"{path}: engine is {shown(figures['engine'])}, no text; {remedy}")
    return figures


def describe(params: Params, scores: Scores) -> str:
    """What the scores belong to."""
    engines = ", ".join(sorted({row.get("engine", "not recorded") for row in scores.values()}))
    return (
        f"data set {params.dataset.name} ({params.dataset.version}), taxonomy {params.taxonomy}, "
        f"seed {params.seed}, scored on {params.scoring.split}, relabels on the unlabelled part "
        f"of train, engine {engines or 'none'}"
    )


def renewal(stale: Collection[str]) -> str:
    """One line that names what is left out, and the command that scores it again."""
    targets = " ".join(f"evaluate@{name}" for name in stale)
    titles = ", ".join(ROWS[name] for name in stale)
    return f"Older than code, parameters or data, so left out: {titles}; run `dvc repro {targets}`"


def score_table(title: str, scores: Scores) -> Table:
    """One row per label set and model, whether it has scores or not."""
    table = Table(title=title)
    table.add_column("boxes of")
    for name in HEADLINES:
        table.add_column(name, justify="right")
    for row in _cells(scores):
        table.add_row(*row)
    return table


def markdown_table(title: str, scores: Scores) -> str:
    """The same table as Markdown, for the README, and what it belongs to below it."""
    rows = [["boxes of", *HEADLINES], ["---"] * (len(HEADLINES) + 1), *_cells(scores)]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", f"Scores: {title}."])


def _cells(scores: Scores) -> list[list[str]]:
    rows = [(title, scores.get(name, {})) for name, title in ROWS.items()]
    return [[title, *(_cell(row.get(name)) for name in HEADLINES)] for title, row in rows]


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "-"


def main() -> None:
    """Print the report of the project in the current folder."""
    parser = Arguments("report", __doc__)
    parser.add_argument("--markdown", action="store_true", help="the table alone, as Markdown")
    arguments = parser.parse_args()
    scored, fresh = read_scores(layout.EVALUATION), pipeline.fresh_stages(Path())
    scores = {name: row for name, row in scored.items() if f"evaluate@{name}" in fresh}
    stale = [name for name in scored if name not in scores]
    title = describe(load_params(), scores)
    if arguments.markdown:
        print(markdown_table(title, scores))
    else:
        console = Console()
        console.print(score_table(title, scores))
        console.print("Plots:    dvc plots show   (writes dvc_plots/index.html)")
        console.print("Metrics:  metrics/, dvc metrics show, dvc exp show")
        console.print("MLflow:   mlflow.db   (make ui)")
    if stale:
        print(renewal(stale))


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
