"""Measured rows beside the paper's: as JSON to keep, as Markdown to read."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from cm3d.params import Params
from experiments.paper_tables import PaperTable, Row

FIGURES = ("mAP", "NDS")


def describe_scale(params: Params, preset: str | None) -> str:
    """What was measured on, in one line."""
    if params.dataset.name == "sim":
        simulation = params.simulation
        data = (
            f"simulated data, drawn anew for each seed, {simulation.train_scenes} train and "
            f"{simulation.val_scenes} val scenes of {simulation.keyframes_per_scene} keyframes"
        )
    else:
        data = f"nuScenes {params.dataset.version}"
    epochs = "/".join(
        str(schedule.epochs) for schedule in (params.pretrain, params.finetune, params.selftrain)
    )
    start = f"preset {preset}" if preset else "params.yaml as it stands"
    return (
        f"{start}: {data}; scored on {params.scoring.split}; {epochs} epochs of pre-training, "
        "fine-tuning and each self-training round"
    )


def row_result(row: Row, measured: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    """One row to keep: figures in percent, by seed."""
    seeds = [
        {"seed": seed, **{name: round(100 * scores[name], 2) for name in FIGURES}}
        for seed, scores in measured.items()
    ]
    return {
        "name": row.name,
        "paper": row.paper.model_dump() if row.paper else None,
        "measured": seeds,
        "missing": row.missing,
    }


def markdown(table: PaperTable, scale: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The table as Markdown: mean and standard deviation over seeds, beside the paper's."""
    seeds = sorted({one["seed"] for row in rows for one in row["measured"]})
    lines = [
        f"# {table.title}",
        "",
        f"Measured here: {scale}; seeds {', '.join(map(str, seeds)) or 'none'}"
        + (", mean ± standard deviation." if len(seeds) > 1 else "."),
        "The paper's figures are on nuScenes val.",
        "",
        "| | mAP here | NDS here | mAP paper | NDS paper |",
        "|---|---|---|---|---|",
        *(_line(row) for row in rows),
    ]
    missing = [f"- {row['name']}: {row['missing']}." for row in rows if row["missing"]]
    lines += ["", *missing] if missing else []
    lines += ["", table.note] if table.note else []
    return "\n".join(lines) + "\n"


def _line(row: Mapping[str, Any]) -> str:
    here = [_spread([one[name] for one in row["measured"]]) for name in FIGURES]
    paper = [f"{row['paper'][name]:.1f}" if row["paper"] else "-" for name in FIGURES]
    return f"| {' | '.join([row['name'], *here, *paper])} |"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "not run"
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}"
