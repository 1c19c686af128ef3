"""Record the experiment in MLflow, also where every other stage came from the cache."""

import json
from pathlib import Path

from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import layout
from cm3d.tracking.experiment import track_experiment


def main() -> None:
    """Run the stage."""
    params = load_params()
    metrics = {path.stem: json.loads(path.read_text()) for path in layout.METRICS.glob("*.json")}
    run = track_experiment(
        Path.cwd(),
        params.model_dump(mode="json"),
        metrics,
        curves={path.stem: path for path in sorted(layout.PLOTS.glob("*.csv"))},
        artifacts=[layout.PLOTS, layout.METRICS],
    )
    print(f"MLflow: run {run.name!r} {'created' if run.created else 'updated'} in {run.uri}")


if __name__ == "__main__":
    run_stage(main)
