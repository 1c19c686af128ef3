"""`python -m cm3d.evaluation.report [--markdown]`: the pipeline's scores as one table."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cm3d.errors import InputError
from cm3d.evaluation.summary import HEADLINES
from cm3d.tables import layout

# Member of the group `evaluate`, and what the table calls it, in the order of the pipeline.
ROWS: Final = {
    "lifted": "lifted boxes",
    "pseudo_labels": "pseudo-labels",
    "pretrain": "pretrain",
    "finetune": "finetune",
    "selftrain_r1": "selftrain round 1",
    "selftrain_r2": "selftrain round 2",
    "selftrain_r3": "selftrain round 3",
}


def read_metrics(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the scores of the label sets and models that have been scored, by name.

    Raises:
        InputError: There is none, or a file is no JSON object.
    """
    paths = {name: folder / f"{name}.json" for name in ROWS}
    metrics = {name: _read_object(path) for name, path in paths.items() if path.is_file()}
    if not metrics:
        raise InputError(f"{folder}: nothing scored; run `dvc repro evaluate`")
    return metrics


def _read_object(path: Path) -> dict[str, Any]:
    remedy = f"run `dvc repro -f -s evaluate@{path.stem}`"
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON; {remedy}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a JSON object; {remedy}")
    return content


def engine_of(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """What computed the scores; of several engines all."""
    return ", ".join(sorted({row.get("engine", "not recorded") for row in metrics.values()}))


def score_table(metrics: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row per label set and model, whether it has been scored or not."""
    table = Table(title=f"Scores on the evaluated split, engine: {engine_of(metrics)}")
    table.add_column("boxes of")
    for name in HEADLINES:
        table.add_column(name, justify="right")
    for entry, title in ROWS.items():
        scores = metrics.get(entry, {})
        table.add_row(title, *(_cell(scores.get(name)) for name in HEADLINES))
    return table


def markdown_table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """The same table as Markdown, for the README, and the engine below it."""
    rows = [["boxes of", *HEADLINES], ["---"] * (len(HEADLINES) + 1)]
    for entry, title in ROWS.items():
        scores = metrics.get(entry, {})
        rows.append([title, *(_cell(scores.get(name)) for name in HEADLINES)])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", f"Scored by `evaluate.engine: {engine_of(metrics)}`."])


def print_report(folder: Path, console: Console) -> None:
    """Print the table and where everything else is."""
    console.print(score_table(read_metrics(folder)))
    console.print("Plots:    dvc plots show   (writes dvc_plots/index.html)")
    console.print("Metrics:  metrics/, dvc metrics show, dvc exp show")
    console.print("MLflow:   mlflow.db   (make ui)")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "-"


def main() -> None:
    """Print the report of the project in the current folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--markdown", action="store_true", help="the table alone, as Markdown")
    try:
        if parser.parse_args().markdown:
            print(markdown_table(read_metrics(layout.EVALUATION)))
        else:
            print_report(layout.EVALUATION, Console())
    except InputError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
