"""Record the experiment in MLflow, also where every other stage came from the cache."""

import json
from pathlib import Path
from typing import Any

from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import layout
from cm3d.tracking.experiment import track_experiment


def main() -> None:
    """Run the stage."""
    params = load_params()
    run = track_experiment(
        Path.cwd(),
        params.model_dump(mode="json"),
        read_metrics(),
        curves={path.stem: path for path in sorted(layout.PLOTS.glob("*.csv"))},
        artifacts=[layout.PLOTS, layout.METRICS],
    )
    print(f"MLflow: run {run.name!r} {'created' if run.created else 'updated'} in {run.uri}")


def read_metrics() -> dict[str, Any]:
    """All metrics by path below `metrics`, which makes MLflow's `evaluate/finetune/mAP`."""
    files = sorted(set(layout.METRICS.rglob("*.json")) - set(layout.PLOTS.rglob("*.json")))
    return {
        file.relative_to(layout.METRICS).with_suffix("").as_posix(): json.loads(file.read_text())
        for file in files
    }


if __name__ == "__main__":
    run_stage(main)
