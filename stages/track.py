"""Record the experiment in MLflow, also where every other stage came from the cache.

`PYTHONPATH=src python -m stages.track --name NAME` does so where only a part of the pipeline ran.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cm3d.execution import pipeline
from cm3d.execution.arguments import Arguments
from cm3d.execution.files import read_figures
from cm3d.execution.stage import run_stage
from cm3d.mlflow_runs import files_of_stages, read_provenance, record_run
from cm3d.params import load_params
from cm3d.tables import layout


def main() -> None:
    """Run the stage."""
    parser = Arguments("track", __doc__)
    parser.add_argument("--name", help="of the run, where `dvc exp run` has not given one")
    name, workspace, params = parser.parse_args().name, Path.cwd(), load_params()
    stages = pipeline.fresh_stages(workspace)
    provenance = read_provenance(workspace, stages, name)
    files, left_out = files_of_stages(workspace, layout.METRICS, stages)
    run = record_run(
        workspace,
        provenance,
        params.model_dump(mode="json"),
        read_metrics(file for file in files if not file.is_relative_to(layout.PLOTS)),
        curves={file.stem: file for file in files if file.match(f"{layout.PLOTS}/*.csv")},
        artifacts=files,
    )
    print(f"MLflow: run {run.name!r} {'created' if run.created else 'updated'} in {run.uri}")
    if left_out:
        print(f"MLflow: left out, made from other inputs or parameters: {', '.join(left_out)}")


def read_metrics(files: Iterable[Path]) -> dict[str, Any]:
    """Metrics by path below `metrics`, which makes MLflow's `evaluate/finetune/mAP`.

    Raises:
        InputError: A file cannot be read, or holds something else than figures.
    """
    return {
        file.relative_to(layout.METRICS).with_suffix("").as_posix(): read_figures(file)
        for file in files
        if file.suffix == ".json"
    }


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
