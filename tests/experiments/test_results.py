import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.params import load_params, parse_params, read_yaml
from experiments.overrides import with_overrides
from experiments.paper_tables import PaperTable, Row, load_table
from experiments.pictures import Bars, draw_bars
from experiments.preset import load_preset
from experiments.results import (
    Result,
    csv_text,
    describe_scale,
    markdown,
    measured_entry,
    read_results,
    results_of,
    write_again,
)

RUN = Row(name="run", target="evaluate@lifted", paper=dict(mAP=18.6, NDS=17.8))
OURS = Row(name="ours", target="evaluate@lifted", baseline="run")
ABSENT = Row(name="absent", missing="no BEVFusion", paper=dict(mAP=1, NDS=2))
TABLE = PaperTable(title="A table", note="A note.", rows=[RUN, OURS, ABSENT])


def result(row: Row, *figures: dict[str, float]) -> Result:
    """A row with figures of the seeds 0, 1, ..."""
    return Result(row, {(seed, 0): own for seed, own in enumerate(figures)})


def test_figures_are_in_percent_by_run() -> None:
    scores = {"engine": "fast", "mAP": 0.12345, "NDS": 0.5, "mATE": 1.3, "mAVE": None}
    assert measured_entry((3, 0), "lift-1", {**scores, "mAAE": float("nan")}) == {
        "seed": 3,
        "run": "lift-1",
        "mAP": 12.35,
        "NDS": 50.0,
        "mATE": 130.0,
    }
    sizes = measured_entry((3, 2), "index", {"width_m": 1.914, "objects": 7}, percent=False)
    assert sizes == {"seed": 3, "draw": 2, "run": "index", "width_m": 1.91, "objects": 7}


def test_markdown_sets_mean_and_spread_beside_the_papers_figures() -> None:
    results = [
        result(RUN, {"mAP": 10.0, "NDS": 30.0}, {"mAP": 14.0, "NDS": 30.0}),
        result(OURS, {"mAP": 50.0, "NDS": 60.0}),
        result(ABSENT),
    ]
    lines = markdown(TABLE, "two scenes", results).splitlines()
    assert lines[0] == "# A table"
    assert "Measured here: two scenes; seeds 0, 1, mean ± standard deviation." in lines
    assert "| | mAP here | NDS here | mAP paper | NDS paper | runs | not run because |" in lines
    assert "| run | 12.0 ± 2.8 | 30.0 ± 0.0 | 18.6 | 17.8 | 2 |  |" in lines
    assert "| ours | 50.0 | 60.0 | - | - | 1 |  |" in lines
    assert "| absent | not run | not run | 1.0 | 2.0 | 0 | no BEVFusion |" in lines
    assert lines[-1] == "A note."


def test_a_row_that_has_not_been_run_says_why() -> None:
    hours = Row(name="a", target="evaluate@finetune", needs=["hours", "GPU"])
    assert Result(hours, {}).why_not_run == "not run yet, needs hours, GPU"
    assert Result(RUN, {}).why_not_run == "not run yet"
    assert Result(RUN, {}, "needs real data").why_not_run == "needs real data"
    assert Result(ABSENT, {}, "needs real data").why_not_run == "no BEVFusion"
    assert result(hours, {"mAP": 1.0}).why_not_run == ""


def test_a_row_is_compared_with_its_baseline_over_common_runs() -> None:
    # differences 2, 4, 6: mean 4, standard error 2 / sqrt(3), t = 3.464 with 2 degrees of freedom
    results = [
        result(RUN, {"mAP": 10.0, "NDS": 5.0}, {"mAP": 20.0}, {"mAP": 10.0}, {"mAP": 0.0}),
        result(OURS, {"mAP": 12.0, "NDS": 7.5}, {"mAP": 24.0}, {"mAP": 16.0}),
    ]
    text = markdown(TABLE, "s", results)
    assert "| ours | run | 3 | +4.0 ± 1.2, p = 0.074 | +2.5 |" in text
    lines = list(csv.DictReader(io.StringIO(csv_text(TABLE, [*results, result(ABSENT)]))))
    first, ours, absent = lines[0], lines[2], lines[4]
    assert (first["row"], first["figure"], first["here"], first["runs"]) == (
        "run",
        "mAP",
        "10",
        "4",
    )
    assert (first["paper"], first["baseline"], first["p"]) == ("18.6", "", "")
    assert (ours["difference"], ours["common runs"], ours["p"]) == ("4", "3", "0.07418")
    assert (absent["here"], absent["paper"], absent["not run because"]) == ("", "1", "no BEVFusion")
    assert "Against" not in markdown(TABLE, "s", [result(RUN), result(OURS, {"mAP": 1.0})])


def test_errors_are_printed_where_a_table_asks_for_them() -> None:
    row = Row(**{**RUN.model_dump(), "paper": dict(mAP=48.6, NDS=47.8, mATE=33.8)})
    figures = [{"mAP": 10.0, "NDS": 20.0, "mATE": 30.0 + seed} for seed in (0, 1)]
    table = PaperTable(title="t", rows=[row], scores="errors")
    lines = markdown(table, "s", [result(row, *figures)]).splitlines()
    header = next(line for line in lines if line.startswith("| |"))
    assert "| NDS here | mATE here | mASE here | mAOE here | mAVE here | mAAE here |" in header
    assert header.endswith("| mAP paper | NDS paper | mATE paper | runs |")
    assert (
        "| run | 10.0 ± 0.0 | 20.0 ± 0.0 | 30.5 ± 0.7 | - | - | - | - | 48.6 | 47.8 | 33.8 | 2 |"
        in lines
    )
    assert "mATE" not in markdown(TABLE, "s", [result(row, *figures)])


def test_maps_have_figures_of_their_own() -> None:
    row = Row(name="map", target="evaluate@map", paper=dict(mIoU=38.5))
    table = PaperTable(title="t", rows=[row], scores="maps")
    text = markdown(table, "s", [result(row, {"mIoU": 20.0, "IoU_walkway": 40.0})])
    assert "| | mIoU here | IoU_drivable_area here | IoU_ped_crossing here | IoU_walkway" in text
    assert "| map | 20.0 | - | - | 40.0 | - | - | - | 38.5 |" in text


def test_waymo_has_figures_of_classes() -> None:
    near = {"vehicle_AP_L2_0_30m": 19.1, "vehicle_APH_L2_0_30m": 13.0}
    row = Row(name="zero-shot", target="evaluate@pseudo_labels", paper=near)
    figures = {"mAP_L1": 90.0, "vehicle_AP_L1_0_30m": 25.0, "vehicle_APH_L2_0_30m": 12.5}
    table = PaperTable(title="t", rows=[row], scores="waymo_0_30m")
    text = markdown(table, "s", [result(row, figures)])
    assert "| | vehicle_AP_L1_0_30m here | vehicle_APH_L1_0_30m here | vehicle_AP_L2" in text
    assert f"| zero-shot | 25.0 | - | - | 12.5 |{' - |' * 8} 19.1 | 13.0 |" in text
    assert "The paper's figures are on Waymo's validation split." in text


def test_sizes_are_printed_as_the_paper_has_them() -> None:
    paper = {"width_m": 1.91, "length_m": 4.62, "height_m": 1.68}
    row = Row(name="Car", object_class="car", paper=paper)
    here = {f"{side}_m": 1.0 + n for n, side in enumerate(("width", "length", "height"))}
    priors = {f"prior_{side}_m": 0.5 for side in ("width", "length", "height")}
    table = PaperTable(title="t", rows=[row], scores="sizes")
    text = markdown(table, "s", [result(row, {**here, **priors, "objects": 12})])
    here_and_prior = "1.00, 2.00, 3.00 | - | 0.50, 0.50, 0.50"
    assert f"| Car | 12 | {here_and_prior} | 1.91, 4.62, 1.68 | - |  |" in text


def test_one_run_has_no_spread() -> None:
    text = markdown(TABLE, "s", [result(RUN, {"mAP": 10.0, "NDS": 20.0})])
    assert "| run | 10.0 | 20.0 | 18.6 | 17.8 |" in text
    assert "seeds 0." in text


def test_results_of_before_are_read_and_rows_that_are_gone_stay() -> None:
    measured = [{"seed": 0, "mAP": 10.0, "NDS": 20.0}, {"seed": 1, "draw": 2, "mAP": 30.0}]
    rows = [
        {"name": "run", "paper": {"mAP": 1.0, "NDS": 1.0}, "measured": measured, "missing": None},
        {"name": "old", "paper": None, "measured": measured[:1], "missing": None},
        {"name": "absent", "paper": None, "measured": [], "missing": "another reason"},
    ]
    run, ours, absent, old = results_of(TABLE, {"scale": "s", "rows": rows})
    assert run.measured == {(0, 0): {"mAP": 10.0, "NDS": 20.0}, (1, 2): {"mAP": 30.0}}
    assert run.paper == {"mAP": 18.6, "NDS": 17.8}
    assert (ours.measured, absent.why_not_run) == ({}, "no BEVFusion")
    assert (old.row.name, old.measured) == ("old", {(0, 0): {"mAP": 10.0, "NDS": 20.0}})


def test_committed_results_are_as_their_json_says(project: Path) -> None:
    folder = project / "experiments" / "results"
    for path in folder.rglob("*.json"):
        content = read_results(path)
        table = write_table_again(path.stem, content)
        assert path.with_suffix(".md").read_text() == table, f"run make tables TABLES={path.stem}"


def write_table_again(name: str, content: dict[str, Any]) -> str:
    """The Markdown of a table of the project."""
    table = load_table(name)
    return markdown(table, str(content["scale"]), results_of(table, content))


def test_tables_are_written_again_from_json_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    content = {"scale": "two scenes", "rows": [{"name": "Baseline", "measured": [{"seed": 4}]}]}
    content["rows"][0]["measured"][0] |= {"mAP": 12.5, "NDS": 25.0}  # type: ignore[index]
    (tmp_path / "other" / "table2.json").write_text(json.dumps(content))
    assert write_again(["table2", "table5"], tmp_path) == [
        tmp_path / "other" / "table2.md",
        tmp_path / "table5.md",
    ]
    assert "| Baseline | 12.5 | 25.0 |" in (tmp_path / "other" / "table2.md").read_text()
    assert "Measured here: nothing yet." in (tmp_path / "table5.md").read_text()
    first = (tmp_path / "other" / "table2.svg").read_text()
    assert "Ablation on pseudo-label" in first and "medoid compensation" in first
    write_again(["table2"], tmp_path)
    assert (tmp_path / "other" / "table2.svg").read_text() == first


@pytest.mark.parametrize("text", ["[]", "{}", '{"scale": "s", "rows": [{"name": "a"}]}', "{"])
def test_what_is_no_result_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "table2.json").write_text(text)
    with pytest.raises(InputError, match=r"table2\.json: .*restore it with Git"):
        write_again(["table2"], tmp_path)


@pytest.mark.parametrize("value", ['"abc"', "null", "[1]", "true", "NaN", "1e999"])
@pytest.mark.parametrize("name", ["mAP", "seed"])
def test_what_is_no_figure_is_named(tmp_path: Path, name: str, value: str) -> None:
    entry = ", ".join(f'"{n}": {value if n == name else 1}' for n in ("seed", "mAP"))
    text = f'{{"scale": "s", "rows": [{{"name": "Baseline", "measured": [{{{entry}}}]}}]}}'
    (tmp_path / "table2.json").write_text(text)
    with pytest.raises(InputError, match=r"table2\.json: .*restore it with Git"):
        write_again(["table2"], tmp_path)
    assert not (tmp_path / "table2.md").exists()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "table5.md").mkdir()
    with pytest.raises(InputError, match=r"table5\.md"):
        write_again(["table5"], tmp_path)


def test_a_dollar_is_no_formula() -> None:
    assert "$\\foo{$" in draw_bars(Bars("$\\frac{$", "mAP", ["$\\foo{$"], [1.0], [None], [None]))


@pytest.mark.parametrize(
    ("preset", "start"),
    [
        ("", "params.yaml as it stands: simulated data"),
        (
            "paper",
            "preset paper: nuscenes v1.0-trainval; taxonomy nuscenes; scored on val; 20/20/20",
        ),
        (
            "waymo_sim",
            "preset waymo_sim: simulated data, drawn anew for each seed, 4 train and 2 val scenes "
            "of 7 keyframes, 31 frames at 10 Hz; taxonomy waymo; scored on val; 30/30/3",
        ),
    ],
)
def test_the_scale_names_data_split_and_schedule(project: Path, preset: str, start: str) -> None:
    path = project / "params.yaml"
    overrides = load_preset(preset) if preset else {}
    params = parse_params(with_overrides(read_yaml(path), overrides))
    assert describe_scale(params, preset, rows_differ=False).startswith(start)
    assert describe_scale(params, preset, rows_differ=True).endswith("where a row says otherwise")
    assert load_params(path) == parse_params(read_yaml(path))
