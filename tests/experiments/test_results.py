from pathlib import Path

import pytest

from cm3d.params import load_params, parse_params, read_yaml
from experiments.overrides import with_overrides
from experiments.paper_tables import PaperTable, Row
from experiments.preset import load_preset
from experiments.results import describe_scale, markdown, row_result

RUN = Row(name="run", target="evaluate@lifted", paper=dict(mAP=18.6, NDS=17.8))
OURS = Row(name="ours", target="evaluate@lifted")
ABSENT = Row(name="absent", missing="no BEVFusion", paper=dict(mAP=1, NDS=2))
TABLE = PaperTable(title="A table", note="A note.", rows=[RUN, OURS, ABSENT])


def test_figures_are_in_percent_by_seed() -> None:
    scores = {"engine": "fast", "mAP": 0.12345, "NDS": 0.5, "mATE": 1.3, "mAVE": None}
    assert row_result(RUN, {3: {**scores, "mAAE": float("nan")}}) == {
        "name": "run",
        "paper": {"mAP": 18.6, "NDS": 17.8},
        "measured": [{"seed": 3, "mAP": 12.35, "NDS": 50.0, "mATE": 130.0}],
        "missing": None,
    }


def test_markdown_sets_mean_and_spread_beside_the_papers_figures() -> None:
    rows = [
        row_result(RUN, {0: {"mAP": 0.10, "NDS": 0.3}, 1: {"mAP": 0.14, "NDS": 0.3}}),
        row_result(OURS, {0: {"mAP": 0.5, "NDS": 0.6}, 1: {"mAP": 0.5, "NDS": 0.6}}),
        row_result(ABSENT, {}),
    ]
    lines = markdown(TABLE, "two scenes", rows).splitlines()
    assert lines[0] == "# A table"
    assert "Measured here: two scenes; seeds 0, 1, mean ± standard deviation." in lines
    assert "| run | 12.0 ± 2.8 | 30.0 ± 0.0 | 18.6 | 17.8 |" in lines
    assert "| ours | 50.0 ± 0.0 | 60.0 ± 0.0 | - | - |" in lines
    assert "| absent | not run | not run | 1.0 | 2.0 |" in lines
    assert "- absent: no BEVFusion." in lines
    assert lines[-1] == "A note."


def test_errors_are_printed_where_a_table_asks_for_them() -> None:
    row = Row(**{**RUN.model_dump(), "paper": dict(mAP=48.6, NDS=47.8, mATE=33.8)})
    measured = {seed: {"mAP": 0.1, "NDS": 0.2, "mATE": 0.3 + seed / 100} for seed in (0, 1)}
    table = PaperTable(title="t", rows=[row], scores="errors")
    lines = markdown(table, "s", [row_result(row, measured)]).splitlines()
    header = next(line for line in lines if line.startswith("| |"))
    assert "| NDS here | mATE here | mASE here | mAOE here | mAVE here | mAAE here |" in header
    assert header.endswith("| mAP paper | NDS paper | mATE paper |")
    assert (
        "| run | 10.0 ± 0.0 | 20.0 ± 0.0 | 30.5 ± 0.7 | - | - | - | - | 48.6 | 47.8 | 33.8 |"
        in lines
    )
    assert "mATE" not in markdown(TABLE, "s", [row_result(row, measured)])


def test_maps_have_figures_of_their_own() -> None:
    row = Row(name="map", target="evaluate@map", paper=dict(mIoU=38.5))
    measured = {0: {"mIoU": 0.2, "IoU_walkway": 0.4}}
    table = PaperTable(title="t", rows=[row], scores="maps")
    text = markdown(table, "s", [row_result(row, measured)])
    assert "| | mIoU here | IoU_drivable_area here | IoU_ped_crossing here | IoU_walkway" in text
    assert "| map | 20.0 | - | - | 40.0 | - | - | - | 38.5 |" in text


def test_waymo_has_figures_of_classes() -> None:
    near = {"vehicle_AP_L2_0_30m": 19.1, "vehicle_APH_L2_0_30m": 13.0}
    row = Row(name="zero-shot", target="evaluate@pseudo_labels", paper=near)
    measured = {0: {"mAP_L1": 0.9, "vehicle_AP_L1_0_30m": 0.25, "vehicle_APH_L2_0_30m": 0.125}}
    table = PaperTable(title="t", rows=[row], scores="waymo_0_30m")
    text = markdown(table, "s", [row_result(row, measured)])
    assert "| | vehicle_AP_L1_0_30m here | vehicle_APH_L1_0_30m here | vehicle_AP_L2" in text
    assert f"| zero-shot | 25.0 | - | - | 12.5 |{' - |' * 8} 19.1 | 13.0 |" in text
    assert "The paper's figures are on Waymo's validation split." in text


def test_one_seed_has_no_spread() -> None:
    text = markdown(TABLE, "s", [row_result(RUN, {0: {"mAP": 0.1, "NDS": 0.2}})])
    assert "| run | 10.0 | 20.0 | 18.6 | 17.8 |" in text
    assert "seeds 0." in text


@pytest.mark.parametrize(
    ("preset", "start"),
    [
        ("", "params.yaml as it stands: simulated data"),
        (
            "paper",
            "preset paper: nuscenes v1.0-trainval; taxonomy nuscenes; scored on val; 20/20/20",
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
