"""Record the experiment in MLflow, also where every other stage came from the cache.

`PYTHONPATH=src python -m stages.track --name NAME` does so where only a part of the pipeline ran.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from cm3d.execution import pipeline
from cm3d.execution.arguments import Arguments
from cm3d.execution.files import read_figures
from cm3d.execution.stage import run_stage
from cm3d.mlflow_runs import (
    Content,
    committed_params,
    files_of_stages,
    read_provenance,
    record_run,
)
from cm3d.params import load_params, read_yaml
from cm3d.tables import layout

PARAMS: Final = Path("params.yaml")
# The page of `stages.report` and pictures, which are made beside the pipeline.
_PAGES: Final = ("report*.html", "*.png")


def main() -> None:
    """Run the stage."""
    parser = Arguments("stages.track", __doc__)
    parser.add_argument("--name", help="of the run, where `dvc exp run` has not given one")
    name, workspace = parser.parse_args().name, Path.cwd()
    load_params()  # what is wrong with them is said before anything else
    stages = pipeline.fresh_stages(workspace)
    provenance = read_provenance(workspace, stages, name)
    content, left_out = read_content(workspace, stages)
    run = record_run(provenance, content)
    print(f"MLflow: run {run.name!r} {'created' if run.created else 'updated'} in {run.uri}")
    if left_out:
        print(f"MLflow: left out, made from other inputs or parameters: {', '.join(left_out)}")


def read_content(workspace: Path, stages: Iterable[str]) -> tuple[Content, list[str]]:
    """What some stages have come to, and what was left out because others made it.

    Args:
        workspace: With params.yaml, dvc.lock and what the stages left in `metrics`.
        stages: Those whose outputs belong to the present code, parameters and inputs.

    Raises:
        InputError: A file is broken.
    """
    files, left_out = files_of_stages(workspace, layout.METRICS, list(stages))
    content = Content(
        workspace=workspace,
        params=read_yaml(workspace / PARAMS),
        base=committed_params(workspace),
        scores=read_scores(workspace, files),
        curves={f.stem: workspace / f for f in files if f.match(f"{layout.PLOTS}/*.csv")},
        artifacts=[*files, *pages_of(workspace, files)],
    )
    return content, left_out


def pages_of(workspace: Path, files: Iterable[Path]) -> list[Path]:
    """Pages and pictures of the workspace that are not older than the files that they show."""
    newest_s = max(((workspace / file).stat().st_mtime for file in files), default=0.0)
    pages = (path for pattern in _PAGES for path in sorted(workspace.glob(pattern)))
    return [page.relative_to(workspace) for page in pages if page.stat().st_mtime >= newest_s]


def read_scores(workspace: Path, files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Headline figures by the name of what was scored.

    Raises:
        InputError: A file cannot be read, or holds something else than figures.
    """
    return {
        file.stem: read_figures(workspace / file)
        for file in files
        if file.parent == layout.EVALUATION and file.suffix == ".json"
    }


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
