"""`python -m experiments.run table2 refinements --seeds 0 1 2`: run tables; `all`: the paper's.

First it says what it will run, what comes from DVC's cache, how long that took before and what
else it needs; with `--dry-run` it says no more and leaves everything as it is. `--draws 0 1 2` runs
each seed with several labelled parts, on the same data, detections and masks. `--only "5%: random"
"10%:"` runs the rows whose names hold one of these texts; of the others the table shows what has
been run before, also with other seeds. So a long table grows over several nights. Rows that differ
in their targets alone are one run of all of these.

Every row is one `dvc exp run --temp` per seed and draw, so the workspace stays as it is, and what
rows share comes from DVC's run cache. A row that has been run with the same code and parameters is
not run again. Writes `experiments/results/<table>.{json,md,csv,svg}` of params.yaml as it stands,
and what presets give to `experiments/results/<presets>/`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.agnostic import protocols
from cm3d.execution.arguments import Arguments
from cm3d.execution.files import write_json
from cm3d.execution.stage import run_program
from cm3d.params import EMBEDDED, Params, data_root, parse_params, read_yaml
from cm3d.taxonomy import load_taxonomy
from experiments.forecast import Cost, Forecast, describe
from experiments.needs import needs
from experiments.overrides import PARAMS_FILE, lookup, with_overrides
from experiments.paper_tables import PAPER_TABLES, PaperTable, Row, load_table
from experiments.preset import load_presets
from experiments.recording import Recording, recording
from experiments.results import (
    RESULTS_FOLDER,
    Run,
    describe_scale,
    measured_entry,
    read_results,
    run_of,
    write_table,
)
from experiments.sizes import measure
from experiments.trials import Trial, plan_trials, run_trials, say

# What stands in place of an experiment's name where figures are counted in the workspace.
_COUNTED: Final = "index"


@dataclass(frozen=True)
class Plan:
    """A table as it will be run.

    Args:
        name: Of the table.
        table: The table.
        presets: That it is run with.
        folder: Of its results.
        values: All parameters that its rows start from.
        rows: By name, the parameters of each, and why it cannot be run with them.
        trials: Of the rows that can be run: those asked for, and those of earlier results.
        wanted: Names of the rows that are asked for.
        runs: Seeds and draws that are asked for.
        kept: Earlier figures of these very trials, by row and run.
        dropped: How many earlier figures are of other code or parameters.
    """

    name: str
    table: PaperTable
    presets: Sequence[str]
    folder: Path
    values: Mapping[str, Any]
    rows: Mapping[str, tuple[Params, str | None]]
    trials: Sequence[Trial]
    wanted: Sequence[str]
    runs: Sequence[Run]
    kept: Mapping[tuple[str, Run], Mapping[str, Any]]
    dropped: int

    @property
    def params(self) -> Params:
        """Those that all rows start from."""
        return parse_params(dict(self.values))

    @property
    def steps(self) -> list[Row]:
        """The rows with all that applies to them."""
        return self.table.steps()

    def to_run(self) -> list[Trial]:
        """The trials that are asked for and have not been run."""
        return [
            trial
            for trial in self.trials
            if trial.row.name in self.wanted
            and (trial.seed, trial.draw) in self.runs
            and (trial.row.name, (trial.seed, trial.draw)) not in self.kept
            and trial.find() is None
        ]


def plan_table(
    name: str,
    seeds: Sequence[int],
    presets: Sequence[str] = (),
    only: Sequence[str] = ("",),
    draws: Sequence[int] | None = None,
) -> Plan:
    """What is to be run of a table, without running anything.

    Args:
        name: Of the table.
        seeds: Of every row.
        presets: Of experiments/presets.yaml, the later ones win; none takes params.yaml as it is.
        only: Rows are run whose names hold one of these; of the others are shown earlier runs.
        draws: Of the labelled part, for each seed; None takes that of params.yaml.

    Raises:
        InputError: The table or preset is unknown, no row is chosen, or parameters are not valid.
    """
    table = load_table(name)
    wanted = [row.name for row in table.rows if any(part in row.name for part in only)]
    if not wanted:
        raise InputError(f"--only: no row of {name} has {' or '.join(map(repr, only))} in its name")
    folder = RESULTS_FOLDER / "_".join(presets)
    taken = table.presets_for(presets)
    base = load_presets(taken)
    values = with_overrides(read_yaml(PARAMS_FILE), base)
    rows = check_rows(table, values)
    draw = int(lookup(values, "labels.draw"))
    runs = list(product(dict.fromkeys(seeds), dict.fromkeys([draw] if draws is None else draws)))
    earlier = _earlier(folder / f"{name}.json")
    shown = sorted({*runs, *(run_of(entry) for _, entry in earlier)})
    runnable = [row for row in table.steps() if rows[row.name][1] is None]
    overrides = [(row, {**base, **row.resolved(values)}) for row in runnable]
    trials = plan_trials(overrides, shown, draw)
    names = {(trial.row.name, (trial.seed, trial.draw)): trial.name for trial in trials}
    keys = [((row, run_of(entry)), entry) for row, entry in earlier]
    kept = {key: entry for key, entry in keys if names.get(key, "") == entry.get("run")}
    return Plan(
        name=name,
        table=table,
        presets=taken,
        folder=folder,
        values=values,
        rows=rows,
        trials=trials,
        wanted=wanted,
        runs=runs,
        kept=kept,
        dropped=len(earlier) - len(kept),
    )


def check_rows(
    table: PaperTable, values: Mapping[str, Any]
) -> dict[str, tuple[Params, str | None]]:
    """Validate the parameters of every row before the first one runs.

    Returns:
        By row its parameters, and why it cannot be run with them, if it cannot; then they are
        those that all rows start from.

    Raises:
        InputError: A row's parameters are not valid, or nothing gives its figures.
    """
    base = dict(values)
    start = parse_params(base)
    rows: dict[str, tuple[Params, str | None]] = {}
    for row in table.steps():
        changed = with_overrides(base, row.resolved(base))
        lacks = row.lacks(str(lookup(changed, "dataset.name")))
        params = start if lacks else parse_params(changed, source=f"row {row.name!r}")
        if not lacks and row.protocol is not None:
            known = [p.name for p in protocols(load_taxonomy(params.taxonomy))]
            if row.protocol not in known:
                raise InputError(
                    f"row {row.name!r}: protocol: {row.protocol!r} is none of {', '.join(known)}"
                )
        rows[row.name] = params, lacks
    return rows


def told(plan: Plan, forecast: Forecast) -> str:
    """What a plan will run, what comes from the cache, how long it takes and what it needs."""
    todo = plan.to_run()
    done = {trial.name for trial in todo}
    costs: dict[str, Cost] = {}
    for trial in todo:
        if trial.name not in costs:
            values = with_overrides(plan.values, trial.changes)
            costs[trial.name] = forecast.cost(values, trial.targets)
    asked = [t for t in plan.trials if t.row.name in plan.wanted and (t.seed, t.draw) in plan.runs]
    header = [
        f"{plan.name}: {plan.table.title}",
        f"  {_scale(plan)}",
        f"  {len({trial.name for trial in asked})} experiments, {len(done)} to run: "
        f"{describe(list(costs.values()))}",
    ]
    if plan.dropped:
        header.append(f"  {plan.dropped} earlier figures are of other code or parameters")
    return "\n".join(
        [*header, *(line for row in plan.steps for line in _row_lines(row, plan, costs))]
    )


def _row_lines(row: Row, plan: Plan, costs: Mapping[str, Cost]) -> Iterator[str]:
    """What one row will run."""
    if row.name not in plan.wanted:
        return
    params, lacks = plan.rows[row.name]
    if lacks:
        yield f"  - {row.name}: not run: {lacks}"
        return
    if row.object_class:
        yield f"  - {row.name}: counted in the workspace's index"
        yield from _listed("      needs ", needs(row, params, ["download"]))
        return
    own = [t for t in plan.trials if t.row.name == row.name and (t.seed, t.draw) in plan.runs]
    todo = [trial.name for trial in own if trial.name in costs]
    if not todo:
        yield f"  - {row.name}: has been run"
        return
    first = costs[todo[0]]
    number = f" ({len(todo)} of {len(own)} runs)" if len(own) > 1 else ""
    one = next(trial.row.name for trial in plan.trials if trial.name == todo[0])
    if one == row.name or one not in plan.wanted:
        said = describe([costs[name] for name in todo], named=False)
        yield f"  - {row.name}{number}: {said}"
        yield from _listed("      runs ", first.to_run)
        yield from _listed("      from the cache: ", first.cached)
        yield from _listed("      shared with rows above: ", first.shared)
    else:
        yield f"  - {row.name}{number}: one run with {one!r}"
    yield from _listed("      needs ", needs(row, params, first.stages))


def _listed(before: str, parts: Sequence[str]) -> Iterator[str]:
    if parts:
        yield before + ", ".join(parts)


def _scale(plan: Plan) -> str:
    changed = [path for row in plan.table.rows for path in (*row.overrides, *row.multiply)]
    rows_differ = any(path.endswith(".epochs") for path in changed)
    return describe_scale(plan.params, " ".join(plan.presets), rows_differ)


def run_plan(plan: Plan) -> str:
    """Run a plan, write the results, and return them as Markdown.

    Raises:
        InputError: A run failed, and the table is written without it; or there is no index to
            count in.
    """
    with recording(plan.name, plan.presets) as record:
        return _run_recorded(plan, record)


def _run_recorded(plan: Plan, record: Recording) -> str:
    todo = plan.to_run()
    failed = run_trials(plan.name, todo, record.running)
    rows = measured_rows(plan)
    scale = _scale(plan)
    content = {"table": plan.name, "title": plan.table.title, "scale": scale, "rows": rows}
    write_json(plan.folder / f"{plan.name}.json", content)
    text = write_table(plan.name, plan.table, content, plan.folder)
    say(f"{plan.name}: written to {plan.folder / plan.name}.{{json,md,csv}}")
    for trial in plan.trials:
        if trial.find() is not None:
            record.found(trial)
    record.written(text, sorted(plan.folder.glob(f"{plan.name}.*")))
    if failed:
        raise InputError(
            f"{plan.name}: {len(failed)} of {len({trial.name for trial in todo})} runs failed, "
            f"their messages are above; {plan.folder / plan.name}.md has the others, run it again "
            "for these"
        )
    return text


def check_data(plan: Plan) -> None:
    """Check that the data set is there which the plan's rows need.

    Raises:
        InputError: It is not.
    """
    if plan.to_run() and plan.params.dataset.name not in EMBEDDED:
        data_root(plan.params.dataset)


def measured_rows(plan: Plan) -> list[dict[str, Any]]:
    """The rows to keep, with the figures of every run that there is."""
    sizes = {row.name: row.object_class for row in plan.steps if row.object_class}
    counted = measure(plan.values, sizes) if sizes else {}
    rows = []
    for row in plan.steps:
        entries = []
        for trial in plan.trials:
            run = trial.seed, trial.draw
            if trial.row.name == row.name and (scores := trial.find()) is not None:
                entries.append(measured_entry(run, trial.name, scores))
            elif trial.row.name == row.name and (row.name, run) in plan.kept:
                entries.append(dict(plan.kept[row.name, run]))
        if row.name in counted:
            own = plan.params.seed, 0
            entries.append(measured_entry(own, _COUNTED, counted[row.name], percent=False))
        lacks = plan.rows[row.name][1]
        rows.append({"name": row.name, "measured": entries, "lacks": lacks})
    return rows


def run_table(
    name: str,
    seeds: Sequence[int],
    presets: Sequence[str] = (),
    only: Sequence[str] = ("",),
    draws: Sequence[int] | None = None,
) -> str:
    """Plan a table, say what it will cost, run it, and return it as Markdown.

    Arguments and errors as of `plan_table` and `run_plan`.
    """
    plan = plan_table(name, seeds, presets, only, draws)
    say(told(plan, Forecast()))
    check_data(plan)
    return run_plan(plan)


def run_plans(plans: Sequence[Plan]) -> None:
    """Run plans and print their tables; one that fails stops no other.

    Raises:
        InputError: Some failed.
    """
    faults = []
    for plan in plans:
        try:
            print(run_plan(plan))
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("\n".join(faults))


def _earlier(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Runs of earlier results with their rows; none where there is no such file.

    Raises:
        InputError: The file is none of results.
    """
    rows = read_results(path)["rows"] if path.is_file() else []
    entries = [(str(row["name"]), entry) for row in rows for entry in row["measured"]]
    return [(row, entry) for row, entry in entries if entry.get("run") != _COUNTED]


def main() -> None:
    """Run the tables named on the command line and print them."""
    parser = Arguments("experiments.run", __doc__)
    parser.add_argument("tables", nargs="+", help="of experiments/tables, or all: the paper's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--draws", type=int, nargs="+", help="of the labelled part; else that of params.yaml"
    )
    parser.add_argument(
        "--preset",
        nargs="+",
        default=[],
        help="of experiments/presets.yaml; else params.yaml as it is",
    )
    parser.add_argument("--only", nargs="+", default=[""], help="rows that hold one of these texts")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and stop")
    arguments = parser.parse_args()
    names = PAPER_TABLES if arguments.tables == ["all"] else arguments.tables
    chosen = arguments.seeds, arguments.preset, arguments.only, arguments.draws
    plans = [plan_table(name, *chosen) for name in names]
    forecast = Forecast()
    said = [told(plan, forecast) for plan in plans]
    if arguments.dry_run:
        print("\n\n".join(said))
        return
    say("\n\n".join(said))
    for plan in plans:
        check_data(plan)
    try:
        run_plans(plans)
    except KeyboardInterrupt:
        say("interrupted; what has been run is kept, the same command goes on")
        raise SystemExit(130) from None


if __name__ == "__main__":
    run_program(main)
