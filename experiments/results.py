"""Measured rows beside the paper's: as JSON to keep, as Markdown, CSV and a picture to read.

`python -m experiments.results table1 study` writes the latter again from the JSON, without a run;
without a name it does so for the paper's tables and all that there are results of. What a table
file says of a row (the paper's figures, its baseline, why it is not run) is taken from there, what
was measured from the JSON.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from cm3d.datasets.waymo_sim.rig import FRAME_PERIOD_US
from cm3d.errors import InputError
from cm3d.execution.arguments import Arguments
from cm3d.execution.files import write_whole
from cm3d.execution.stage import run_program
from cm3d.params import EMBEDDED, Params, read_json
from cm3d.simulation.schedule import Timeline
from experiments.paired import Paired, compare
from experiments.paper_tables import (
    PAPER_TABLES,
    PRINTED,
    SIDES,
    PaperTable,
    Row,
    load_table,
    table_names,
)
from experiments.pictures import Bars, draw_bars

RESULTS_FOLDER: Final = Path("experiments/results")

NOT_RUN: Final = "not run"

# What a measured entry has beside its figures.
_SEED, _DRAW, _RUN = "seed", "draw", "run"

_ERRORS: Final = "Errors in hundredths of 1 m, 1 - IoU, 1 rad, 1 m/s, 1 - accuracy."
_PAIRED: Final = (
    "Differences over the n runs that both rows have (the same seed and draw): mean ± standard "
    "error, p two-sided by Student's t. Draws of one seed alone say how much the labelled part "
    "matters, not the world."
)

_COLUMNS: Final = (
    *("row", "figure", "unit", "here", "deviation", "runs", "paper", "not run because"),
    *("baseline", "difference", "standard error", "common runs", "p"),
)

Run = tuple[int, int]  # seed and draw


@dataclass(frozen=True)
class Result:
    """One row of a table and what is known of it.

    Args:
        row: The row, as the table file has it.
        measured: Figures in percent, or in metres, by run.
        lacks: Why it could not be run where the table was.
    """

    row: Row
    measured: Mapping[Run, Mapping[str, float]]
    lacks: str | None = None

    @property
    def paper(self) -> Mapping[str, float]:
        """The paper's figures."""
        return self.row.paper or {}

    @property
    def why_not_run(self) -> str:
        """Why there are no figures; empty where there are."""
        if self.measured:
            return ""
        if self.row.missing or self.lacks:
            return self.row.missing or str(self.lacks)
        needed = [need for need in self.row.needs or () if need != "embedded data"]
        return f"not run yet, needs {', '.join(needed)}" if needed else "not run yet"

    def values(self, figure: str) -> list[float]:
        """A figure of each run that has it."""
        return [own[figure] for own in self.measured.values() if figure in own]

    def against(self, baseline: "Result", figure: str) -> Paired | None:
        """The comparison with another row; None without a common run."""
        runs = [
            run
            for run, own in self.measured.items()
            if figure in own and figure in baseline.measured.get(run, {})
        ]
        ours = [self.measured[run][figure] for run in runs]
        return compare(ours, [baseline.measured[run][figure] for run in runs])


def describe_scale(params: Params, presets: str, rows_differ: bool) -> str:
    """What was measured on, in one line.

    Args:
        params: Those that all rows start from.
        presets: Where they are from; empty for params.yaml.
        rows_differ: Whether rows have numbers of epochs of their own.
    """
    if params.dataset.name in EMBEDDED:
        simulation = params.simulation
        keyframes, frames = simulation.keyframes_per_scene, ""
        if params.dataset.name == "waymo_sim":  # which is dense between the same keyframes
            period_s = FRAME_PERIOD_US / 1e6
            dense = round(Timeline(keyframes).duration_s / period_s) + 1
            frames = f", {dense} frames at {1 / period_s:.0f} Hz"
        data = (
            f"simulated data, drawn anew for each seed, {simulation.train_scenes} train and "
            f"{simulation.val_scenes} val scenes of {keyframes} keyframes{frames}"
        )
    else:
        data = f"{params.dataset.name} {params.dataset.version}"
    epochs = "/".join(
        str(schedule.epochs) for schedule in (params.pretrain, params.finetune, params.selftrain)
    )
    start = f"preset {presets}" if presets else "params.yaml as it stands"
    return (
        f"{start}: {data}; taxonomy {params.taxonomy}; scored on {params.scoring.split}; {epochs} "
        "epochs of pre-training, fine-tuning and each self-training round"
        f"{' but where a row says otherwise' * rows_differ}"
    )


def measured_entry(
    run: Run, name: str, scores: Mapping[str, float | None], percent: bool = True
) -> dict[str, Any]:
    """One run of a row to keep: figures that tables print and that there are.

    Args:
        run: Seed and draw.
        name: Of the experiment, which says what was run.
        scores: Shares in [0, 1], or what is no share. An error is null where no class has it.
        percent: Whether shares are kept in percent.
    """
    factor, found = 100 if percent else 1, {name: scores.get(name) for name in PRINTED}
    seed, draw = run
    return {
        _SEED: seed,
        **({_DRAW: draw} if draw else {}),
        _RUN: name,
        **{
            figure: round(factor * value, 2)
            for figure, value in found.items()
            if value is not None and math.isfinite(value)
        },
    }


def run_of(entry: Mapping[str, Any]) -> Run:
    """Seed and draw of a kept run."""
    return int(entry[_SEED]), int(entry.get(_DRAW, 0))


def read_results(path: Path) -> dict[str, Any]:
    """What was kept of a table; files of before there were draws and names of runs are read too.

    Raises:
        InputError: The file is none of these.
    """
    remedy = "restore it with Git, or run the table again"
    content = read_json(path, remedy)
    try:
        for row in content["rows"]:
            str(row["name"])
            for entry in row["measured"]:
                run_of(entry)
                _check_figures(entry)
        str(content["scale"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: no results of a table ({error!r}); {remedy}") from error
    return dict(content)


def _check_figures(entry: Mapping[str, Any]) -> None:
    for name, value in entry.items():
        kinds = (int,) if name in (_SEED, _DRAW) else (int, float)
        if name != _RUN and not (type(value) in kinds and math.isfinite(value)):
            raise ValueError(f"{name} is {value!r}")


def results_of(table: PaperTable, content: Mapping[str, Any]) -> list[Result]:
    """The rows of a table with what was measured of them, then rows that it no longer has."""
    kept = {str(row["name"]): row for row in content.get("rows", [])}
    steps = table.steps()
    gone = [name for name, row in kept.items() if row["measured"]]
    gone = [name for name in gone if name not in {row.name for row in steps}]
    steps = steps + [Row(name=name, missing="no row any more") for name in gone]
    return [
        Result(
            row,
            {
                run_of(entry): {figure: entry[figure] for figure in PRINTED if figure in entry}
                for entry in kept.get(row.name, {}).get("measured", [])
            },
            kept.get(row.name, {}).get("lacks"),
        )
        for row in steps
    ]


def markdown(table: PaperTable, scale: str, results: Sequence[Result]) -> str:
    """The table as Markdown: mean and standard deviation over runs, beside the paper's."""
    if table.scores == "sizes":
        body = _size_lines(results)
    else:
        body = [*_score_lines(table, results), *_paired_lines(table, results)]
    lines = [
        f"# {table.title}",
        "",
        f"Measured here: {scale}; {_runs(results)}" if scale else "Measured here: nothing yet.",
        f"The paper's figures are on {table.data}.",
        *([_ERRORS] if table.scores in ("errors", "agnostic") else []),
        "",
        *body,
        *(["", table.note] if table.note else []),
    ]
    return "\n".join(lines) + "\n"


def csv_text(table: PaperTable, results: Sequence[Result]) -> str:
    """A line per row and figure: what was measured, the paper's, and the comparison."""
    by_name = {result.row.name: result for result in results}
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for result in results:
        baseline = by_name.get(result.row.baseline or "")
        for figure in table.score_names:
            values = result.values(figure)
            line: dict[str, Any] = {
                "row": result.row.name,
                "figure": figure,
                "unit": "" if figure == "objects" else table.unit,
                "here": _plain(mean(values) if values else None),
                "deviation": _plain(stdev(values) if len(values) > 1 else None),
                "runs": len(values),
                "paper": _plain(result.paper.get(figure)),
                "not run because": result.why_not_run,
            }
            if baseline and (paired := result.against(baseline, figure)):
                line |= {
                    "baseline": baseline.row.name,
                    "difference": _plain(paired.difference),
                    "standard error": _plain(paired.error),
                    "common runs": paired.runs,
                    "p": _plain(paired.p),
                }
            writer.writerow(line)
    return text.getvalue()


def bars(table: PaperTable, results: Sequence[Result]) -> Bars:
    """What the picture shows: the table's first figure here and in the paper."""
    figure = table.score_names[1 if table.scores == "sizes" else 0]
    shown = [result for result in results if result.values(figure) or figure in result.paper]
    values = [result.values(figure) for result in shown]
    unit = {"sizes": " in m"}.get(table.scores, " in %")
    return Bars(
        title=table.title,
        axis=f"{figure.removesuffix('_m')}{unit}",
        names=[result.row.name for result in shown],
        here=[mean(own) if own else None for own in values],
        deviations=[stdev(own) if len(own) > 1 else None for own in values],
        paper=[result.paper.get(figure) for result in shown],
    )


def write_table(name: str, table: PaperTable, content: Mapping[str, Any], folder: Path) -> str:
    """Write a table beside its JSON: Markdown, which is returned, CSV and picture.

    Raises:
        InputError: A file cannot be written.
    """
    results = results_of(table, content)
    text = markdown(table, str(content.get("scale", "")), results)
    contents = {"md": text, "csv": csv_text(table, results)}
    if (picture := bars(table, results)).names:
        contents["svg"] = draw_bars(picture)
    for kind, content_of_kind in contents.items():
        write_whole(folder / f"{name}.{kind}", content_of_kind.encode())
    return text


def write_again(names: Sequence[str], folder: Path = RESULTS_FOLDER) -> list[Path]:
    """Write tables again, wherever there are results of them; those of none as yet into `folder`.

    Args:
        names: Of the tables; none takes the paper's and those that there are results of.
        folder: Of results.

    Returns:
        The Markdown files.

    Raises:
        InputError: There is no such table, or results cannot be read.
    """
    written = []
    for name in names or table_names():
        table, found = load_table(name), sorted(folder.rglob(f"{name}.json"))
        if not (names or found or name in PAPER_TABLES):
            continue
        for path in found:
            write_table(name, table, read_results(path), path.parent)
        if not found:
            write_table(name, table, {}, folder)
        written += [path.with_suffix(".md") for path in found or [folder / f"{name}.json"]]
    return written


def _score_lines(table: PaperTable, results: Sequence[Result]) -> list[str]:
    here = table.score_names
    paper = [name for name in here if any(name in result.paper for result in results)]
    counted = any(len(result.measured) > 1 for result in results)
    reasons = not all(result.measured for result in results)
    titles = [*(f"{name} here" for name in here), *(f"{name} paper" for name in paper)]
    titles += ["runs"] * counted + ["not run because"] * reasons
    lines = [f"| | {' | '.join(titles)} |", "|---" * (1 + len(titles)) + "|"]
    for result in results:
        cells = [_spread(result.values(name)) for name in here]
        cells = cells if result.measured else [NOT_RUN] * len(here)
        cells += [f"{result.paper[name]:.1f}" if name in result.paper else "-" for name in paper]
        cells += [str(len(result.measured))] * counted + [result.why_not_run] * reasons
        lines.append(f"| {' | '.join([result.row.name, *cells])} |")
    return lines


def _paired_lines(table: PaperTable, results: Sequence[Result]) -> list[str]:
    by_name = {result.row.name: result for result in results}
    figures, lines = table.score_names[:2], []
    for result in results:
        baseline = by_name.get(result.row.baseline or "")
        paired = [result.against(baseline, name) for name in figures] if baseline else []
        if baseline and any(paired):
            runs = max(found.runs for found in paired if found)
            cells = [str(found) if found else "-" for found in paired]
            lines.append(
                f"| {result.row.name} | {baseline.row.name} | {runs} | {' | '.join(cells)} |"
            )
    if not lines:
        return []
    header = f"| | against | n | {' | '.join(figures)} |"
    return [
        "",
        "## Against the baseline",
        "",
        _PAIRED,
        "",
        header,
        f"|---|---|---{'|---' * len(figures)}|",
        *lines,
    ]


def _size_lines(results: Sequence[Result]) -> list[str]:
    columns = {"here": "{}_m", "deviation": "{}_deviation_m", "prior here": "prior_{}_m"}
    paper = {"paper": "{}_m", "prior in the paper": "prior_{}_m"}
    titles = ["objects", *columns, *paper, "not run because"]
    lines = [
        "Width, length, height in metres.",
        "",
        f"| | {' | '.join(titles)} |",
        "|---" * (1 + len(titles)) + "|",
    ]
    for result in results:
        own = next(iter(result.measured.values()), {})
        cells = [f"{own['objects']:.0f}" if "objects" in own else "-"]
        cells += [_triple(own, name) for name in columns.values()]
        cells += [_triple(result.paper, name) for name in paper.values()]
        lines.append(f"| {' | '.join([result.row.name, *cells, result.why_not_run])} |")
    return lines


def _triple(figures: Mapping[str, float], name: str) -> str:
    found = [figures.get(name.format(side)) for side in SIDES]
    return ", ".join(f"{value:.2f}" for value in found if value is not None) or "-"


def _runs(results: Sequence[Result]) -> str:
    runs = {run for result in results for run in result.measured}
    seeds, draws = sorted({seed for seed, _ in runs}), sorted({draw for _, draw in runs})
    drawn = f", draws {', '.join(map(str, draws))}" if len(draws) > 1 else ""
    spread = ", mean ± standard deviation" if len(runs) > 1 else ""
    return f"seeds {', '.join(map(str, seeds)) or 'none'}{drawn}{spread}."


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def main() -> None:
    """Write the tables named on the command line again."""
    parser = Arguments("experiments.results", __doc__)
    parser.add_argument("tables", nargs="*", help="none takes the paper's and those with results")
    for path in write_again(parser.parse_args().tables):
        print(path)


if __name__ == "__main__":
    run_program(main)
