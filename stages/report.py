"""`python -m stages.report [--baseline REV]`: scores of labels and models, and what fails.

Prints one table and writes report.html, a page that opens from disk. Only what is up to date is in
them: scores of other data, parameters or code are left out and named.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cm3d.errors import InputError
from cm3d.execution import pipeline
from cm3d.execution.arguments import Arguments
from cm3d.execution.files import read_figures, write_whole
from cm3d.execution.stage import run_stage
from cm3d.params import EMBEDDED, Params, load_params
from cm3d.tables import layout
from cm3d.tables.contract import shown
from cm3d.taxonomy import load_taxonomy
from stages.shared.headlines import SHARES, headlines_of
from stages.shared.report_page import (
    PER_CLASS,
    Results,
    build_page,
    judged_sets,
    read_classes,
)
from stages.shared.revisions import files_of, present_revision

Scores = Mapping[str, Mapping[str, Any]]

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

# Scored on the part of train that has no labels.
OF_THE_REST: Final = ("pseudo_labels_unlabelled", "relabel_r1", "relabel_r2", "relabel_r3")

# What two revisions must share for their scores to be compared.
_SAME: Final[Mapping[str, Callable[[Params], object]]] = {
    "data set": lambda params: (params.dataset.name, params.dataset.version),
    "simulated world": lambda params: (
        params.simulation if params.dataset.name in EMBEDDED else None
    ),
    "taxonomy": lambda params: params.taxonomy,
    "scored split": lambda params: params.scoring.split,
    "protocol": lambda params: params.evaluate.protocol,
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
    for name in headlines_of([figures]):
        value, limit = figures.get(name, 0.0), 1.0 if name in SHARES else math.inf
        if not (isinstance(value, int | float) and 0 <= value <= limit):
            wanted = "a share in [0, 1]" if name in SHARES else "a number from 0"
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
    (title_of_rows, *figures), *rows = _cells(scores)
    table.add_column(title_of_rows)
    for name in figures:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def markdown_table(title: str, scores: Scores) -> str:
    """The same table as Markdown, for the README, and what it belongs to below it."""
    header, *cells = _cells(scores)
    rows = [header, ["---"] * len(header), *cells]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", f"Scores: {title}."])


def _cells(scores: Scores) -> list[list[str]]:
    """The header, then a row for each label set and model."""
    figures = headlines_of(scores.values())
    rows = [(title, scores.get(name, {})) for name, title in ROWS.items()]
    cells = [[title, *(_cell(row.get(name)) for name in figures)] for title, row in rows]
    return [["boxes of", *figures], *cells]


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "-"


def fresh_scores(project: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The scores of a project that belong to its code, parameters and data; names of the others.

    Raises:
        InputError: Nothing has been scored, or a file holds something else.
    """
    scored, fresh = read_scores(project / layout.EVALUATION), pipeline.fresh_stages(project)
    scores = {name: row for name, row in scored.items() if f"evaluate@{name}" in fresh}
    return scores, [name for name in scored if name not in scores]


def read_baseline(revision: str, params: Params) -> tuple[Results | None, str]:
    """What a revision or an experiment scored, and a sentence on it.

    Scores on other data say nothing about a change: then there is no baseline.

    Raises:
        InputError: There is no such revision, or its files cannot be read.
    """
    with files_of(Path(), revision) as project:
        other = load_params(project / "params.yaml")
        if differing := [name for name, of in _SAME.items() if of(params) != of(other)]:
            return None, f"No deltas to {revision}: it has another {' and '.join(differing)}"
        scores, stale = fresh_scores(project)
        same_part = other.labels == params.labels and other.seed == params.seed
        if not same_part:
            scores = {name: row for name, row in scores.items() if name not in OF_THE_REST}
        results = Results(scores, read_classes(project / PER_CLASS, list(scores)))
    told = f"Small figures: change against {revision}"
    told += "" if other.seed == params.seed else f", which has seed {other.seed}"
    told += "" if same_part else "; its part of train without labels is another one"
    if left_out := [ROWS[name] for name in stale]:
        told += f"; there these are older than their inputs: {', '.join(left_out)}"
    return results, told


def write_page(
    path: Path, scores: Scores, notes: Sequence[str], before: Results | None = None
) -> int:
    """Write the page, with changes against what was before; returns its size in bytes.

    Raises:
        InputError: A table is broken, or the page cannot be written.
    """
    params, taxonomy = load_params(), load_taxonomy(load_params().taxonomy)
    titles = {name: ROWS[name] for name in scores}
    sets, left_out = judged_sets(titles, pipeline.fresh_stages(Path()), params, taxonomy)
    title = f"{describe(params, scores)}, revision {present_revision(Path())}"
    present = Results(scores, read_classes(PER_CLASS, list(scores)))
    page = build_page(title, titles, present, before, sets, [*notes, *left_out], params, taxonomy)
    content = page.html().encode()
    write_whole(path, content)
    return len(content)


def main() -> None:
    """Print and write the report of the project in the current folder."""
    parser = Arguments("stages.report", __doc__)
    parser.add_argument("--markdown", action="store_true", help="the table alone, as Markdown")
    parser.add_argument("--baseline", help="a revision or experiment to compare with")
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="report.html")
    arguments = parser.parse_args()
    scores, stale = fresh_scores(Path())
    title, notes = describe(load_params(), scores), [renewal(stale)] if stale else []
    if arguments.markdown:
        print(markdown_table(title, scores))
    else:
        console = Console()
        console.print(score_table(title, scores))
        before = None
        if arguments.baseline is not None:
            before, sentence = read_baseline(arguments.baseline, load_params())
            notes.append(sentence)
        size = write_page(arguments.out, scores, notes, before)
        console.print(f"Page:     {arguments.out}   ({size / 1e6:.1f} MB, open it in a browser)")
        console.print("Plots:    dvc plots show, make plots   (write dvc_plots/index.html)")
        console.print("Metrics:  metrics/, dvc metrics diff, dvc exp show --only-changed")
        console.print("MLflow:   mlflow.db   (make ui)")
        if before:
            notes[-1] += f"; they are in {arguments.out}"
    for note in notes:
        print(note)


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
