"""`python -m experiments.run table2 refinements --seeds 0 1 2`: run tables.

`--only "5%: random" "10%:"` runs the rows whose names hold one of these texts; of the others the
table shows what has been run before, also with other seeds. So a long table grows over several
nights. Rows that differ in their targets alone are one run of all of these.

Every row is one `dvc exp run --temp` per seed, so the workspace stays as it is, and what rows
share comes from DVC's run cache. A row that has been run with the same code and parameters is not
run again. Writes `experiments/results/<table>.{json,md}` of params.yaml as it stands, and what
presets give to `experiments/results/<presets>/`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.params import Params, parse_params, read_yaml
from experiments.overrides import PARAMS_FILE, with_overrides
from experiments.paper_tables import PaperTable, Row, load_table
from experiments.preset import load_presets
from experiments.recording import Recording, recording
from experiments.results import describe_scale, markdown, row_result
from experiments.trials import plan_trials, run_trials

RESULTS_FOLDER: Final = Path("experiments/results")


def run_table(
    name: str, seeds: Sequence[int], presets: Sequence[str] = (), only: Sequence[str] = ("",)
) -> str:
    """Run rows, write the results, and return them as Markdown.

    Args:
        name: Of the table.
        seeds: Of every row.
        presets: Of experiments/presets.yaml, the later ones win; none takes params.yaml as it is.
        only: Rows are run whose names hold one of these; of the others are shown earlier runs.

    Raises:
        InputError: The table or preset is unknown, no row is chosen, parameters are not valid, or a
            run failed; then the table is written without it.
    """
    with recording(name, presets) as record:
        return _run_recorded(name, seeds, presets, only, record)


def _run_recorded(
    name: str,
    seeds: Sequence[int],
    presets: Sequence[str],
    only: Sequence[str],
    record: Recording,
) -> str:
    table = load_table(name)
    if not any(part in row.name for part in only for row in table.rows):
        raise InputError(f"--only: no row of {name} has {' or '.join(map(repr, only))} in its name")
    base, start = load_presets(presets), " ".join(presets)
    values = with_overrides(read_yaml(PARAMS_FILE), base)
    steps, folder = table.steps(), RESULTS_FOLDER / "_".join(presets)
    params, rows_differ = check_rows(table, values), any(map(changes_epochs, steps))
    scale = describe_scale(params, start, rows_differ)
    shown_seeds = sorted({*seeds, *seeds_of(folder / f"{name}.json")})
    overrides = [(row, {**base, **row.resolved(values)}) for row in steps]
    trials = plan_trials(overrides, shown_seeds)
    chosen = [trial for trial in trials if any(part in trial.row.name for part in only)]
    asked = [trial for trial in chosen if trial.seed in seeds]
    failed = run_trials(name, asked, record.running)
    found = [(trial, trial.find()) for trial in trials]
    rows = [row_result(row, {t.seed: s for t, s in found if s and t.row is row}) for row in steps]
    text = markdown(table, scale, rows)
    content = {"table": name, "title": table.title, "scale": scale, "rows": rows}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    (folder / f"{name}.md").write_text(text)
    for trial in (trial for trial, scores in found if scores):
        record.found(trial)
    record.written(text, sorted(folder.glob(f"{name}.*")))
    if failed:
        raise InputError(
            f"{name}: {len(failed)} of {len({trial.name for trial in chosen})} runs failed, their "
            f"messages are above; {folder / name}.md has the others, run it again for these"
        )
    return text


def changes_epochs(row: Row) -> bool:
    """Whether a row has numbers of epochs of its own."""
    return any(path.endswith(".epochs") for path in (*row.overrides, *row.multiply))


def seeds_of(results: Path) -> set[int]:
    """Those that earlier results have; none where there are none or they cannot be read."""
    try:
        rows = json.loads(results.read_text())["rows"]
        return {int(one["seed"]) for row in rows for one in row["measured"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def check_rows(table: PaperTable, values: dict[str, Any]) -> Params:
    """Validate the parameters of every row before the first one runs; returns those shared.

    Raises:
        InputError: A row's parameters are not valid.
    """
    for row in table.steps():
        parse_params(with_overrides(values, row.resolved(values)), source=f"row {row.name!r}")
    return parse_params(values)


def main() -> None:
    """Run the tables named on the command line and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--preset",
        nargs="+",
        default=[],
        help="of experiments/presets.yaml; else params.yaml as it is",
    )
    parser.add_argument("--only", nargs="+", default=[""], help="rows that hold one of these texts")
    arguments = parser.parse_args()
    try:
        for table in arguments.tables:
            print(run_table(table, arguments.seeds, arguments.preset, arguments.only))
    except InputError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
