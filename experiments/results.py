"""Measured rows beside the paper's: as JSON to keep, as Markdown to read."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any, Final

from cm3d.params import EMBEDDED, Params
from experiments.paper_tables import PRINTED, PaperTable, Row

_ERRORS: Final = "Errors in hundredths of 1 m, 1 - IoU, 1 rad, 1 m/s, 1 - accuracy."


def describe_scale(params: Params, presets: str, rows_differ: bool) -> str:
    """What was measured on, in one line.

    Args:
        params: Those that all rows start from.
        presets: Where they are from; empty for params.yaml.
        rows_differ: Whether rows have numbers of epochs of their own.
    """
    if params.dataset.name in EMBEDDED:
        simulation = params.simulation
        data = (
            f"simulated data, drawn anew for each seed, {simulation.train_scenes} train and "
            f"{simulation.val_scenes} val scenes of {simulation.keyframes_per_scene} keyframes"
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


def row_result(row: Row, measured: Mapping[int, Mapping[str, float | None]]) -> dict[str, Any]:
    """One row to keep: figures in percent, by seed."""
    return {
        "name": row.name,
        "paper": row.paper,
        "measured": [{"seed": seed, **_percent(scores)} for seed, scores in measured.items()],
        "missing": row.missing,
    }


def markdown(table: PaperTable, scale: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The table as Markdown: mean and standard deviation over seeds, beside the paper's."""
    seeds = sorted({one["seed"] for row in rows for one in row["measured"]})
    here = table.score_names
    paper = [name for name in here if any(name in _paper(row) for row in rows)]
    titles = [*(f"{name} here" for name in here), *(f"{name} paper" for name in paper)]
    lines = [
        f"# {table.title}",
        "",
        f"Measured here: {scale}; seeds {', '.join(map(str, seeds)) or 'none'}"
        + (", mean ± standard deviation." if len(seeds) > 1 else "."),
        f"The paper's figures are on {table.data}.",
        *([_ERRORS] if table.scores == "errors" else []),
        "",
        f"| | {' | '.join(titles)} |",
        "|---" * (1 + len(titles)) + "|",
        *(_line(row, here, paper) for row in rows),
    ]
    missing = [f"- {row['name']}: {row['missing']}." for row in rows if row["missing"]]
    lines += ["", *missing] if missing else []
    lines += ["", table.note] if table.note else []
    return "\n".join(lines) + "\n"


def _percent(scores: Mapping[str, float | None]) -> dict[str, float]:
    """Figures that tables print and that there are: an error is null where no class has it."""
    found = {name: scores.get(name) for name in PRINTED}
    return {
        name: round(100 * value, 2)
        for name, value in found.items()
        if value is not None and math.isfinite(value)
    }


def _line(row: Mapping[str, Any], here: Sequence[str], paper: Sequence[str]) -> str:
    measured = row["measured"]
    cells = [_spread([one[name] for one in measured if name in one]) for name in here]
    cells = cells if measured else ["not run"] * len(here)
    theirs = _paper(row)
    cells += [f"{theirs[name]:.1f}" if name in theirs else "-" for name in paper]
    return f"| {' | '.join([row['name'], *cells])} |"


def _paper(row: Mapping[str, Any]) -> Mapping[str, float]:
    return row["paper"] or {}


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}"
