"""`python -m experiments.run table2 refinements --seeds 0 1 2`: run tables.

Every row is one `dvc exp run --temp` per seed, so the workspace stays as it is, and what rows
share comes from DVC's run cache. Writes `experiments/results/<table>.{json,md}`.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.params import Params, parse_params, read_yaml
from experiments.overrides import as_arguments, with_overrides
from experiments.paper_tables import PaperTable, Row, load_table
from experiments.preset import PARAMS_FILE, load_preset
from experiments.results import describe_scale, markdown, row_result

RESULTS_FOLDER: Final = Path("experiments/results")
_DVC: Final = (sys.executable, "-m", "dvc")


def run_table(name: str, seeds: Sequence[int], preset: str | None) -> str:
    """Run all rows, write the results, and return them as Markdown.

    Raises:
        InputError: The table or preset is unknown, parameters are not valid, or a run failed.
    """
    table = load_table(name)
    base = load_preset(preset) if preset else {}
    values = with_overrides(read_yaml(PARAMS_FILE), base)
    scale = describe_scale(check_rows(table, values), preset)
    rows = []
    for row in table.steps():
        overrides = {**base, **row.resolved(values)}
        scores = {seed: run_row(name, row, overrides, seed) for seed in seeds if not row.missing}
        rows.append(row_result(row, scores))
    text = markdown(table, scale, rows)
    content = {"table": name, "title": table.title, "scale": scale, "rows": rows}
    RESULTS_FOLDER.mkdir(parents=True, exist_ok=True)
    (RESULTS_FOLDER / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    (RESULTS_FOLDER / f"{name}.md").write_text(text)
    return text


def check_rows(table: PaperTable, values: dict[str, Any]) -> Params:
    """Validate the parameters of every row before the first one runs; returns those shared.

    Raises:
        InputError: A row's parameters are not valid.
    """
    for row in table.steps():
        parse_params(with_overrides(values, row.resolved(values)), source=f"row {row.name!r}")
    return parse_params(values)


def run_row(table: str, row: Row, overrides: dict[str, Any], seed: int) -> dict[str, float]:
    """Run one row with one seed and read its mAP and NDS, in [0, 1].

    Raises:
        InputError: The run failed.
    """
    target, changes = str(row.target), {**overrides, "seed": seed}
    name = experiment_name(table, changes, target, _git("rev-parse", "HEAD"))
    print(f"{table}: {row.name}, seed {seed} ({name})", file=sys.stderr)
    _dvc("exp", "remove", "--quiet", name, may_fail=True)
    _dvc("exp", "run", "--temp", "--name", name, *as_arguments(changes), target)
    commit = _git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{name}")
    content = json.loads(_git("show", f"{commit}:{row.metrics}"))
    return dict(content[row.entry] if row.entry else content)


def experiment_name(table: str, changes: dict[str, Any], target: str, commit: str) -> str:
    """A name that is the same for the same run, so that rows can share one."""
    identity = json.dumps([changes, target, commit], sort_keys=True)
    return f"{table}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}"


def _dvc(*arguments: str, may_fail: bool = False) -> None:
    """Run DVC with this interpreter's folder first in the search path, for the stages."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    result = subprocess.run([*_DVC, *arguments], env={**os.environ, "PATH": path}, check=False)
    if result.returncode != 0 and not may_fail:
        raise InputError(f"`dvc {' '.join(arguments)}` failed; its messages are above")


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise InputError(f"`git {' '.join(arguments)}` failed: {result.stderr.strip()}")
    return result.stdout.strip()


def main() -> None:
    """Run the tables named on the command line and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--preset", help="of experiments/presets.yaml; params.yaml as it is if not")
    arguments = parser.parse_args()
    try:
        for table in arguments.tables:
            print(run_table(table, arguments.seeds, arguments.preset))
    except InputError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
