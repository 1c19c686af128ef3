from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.summary import HEADLINES
from cm3d.evaluation.waymo import WaymoScorer
from cm3d.evaluation.waymo.scores import WaymoCounts
from cm3d.evaluation.waymo.summary import per_class
from cm3d.execution.pipeline import output_paths, read_stages
from cm3d.params import parse_params, read_yaml
from cm3d.taxonomy import load_taxonomy
from experiments.overrides import lookup, with_overrides
from experiments.paper_tables import PAPER_TABLES, PaperTable, Row, load_table, table_names
from experiments.preset import load_preset, load_presets
from experiments.run import check_rows


@pytest.fixture
def write_table(tmp_path: Path) -> Any:
    """Write `table0.yaml` with the given rows."""

    def write(rows: list[dict[str, Any]], **more: Any) -> Path:
        (tmp_path / "table0.yaml").write_text(yaml.safe_dump({"title": "t", "rows": rows, **more}))
        return tmp_path

    return write


SIMULATED = {"detect2d.backend": "simulated", "segment.backend": "grabcut"}
WAYMO = ("vehicle", "pedestrian", "cyclist")
RUN = {"name": "a", "target": "evaluate@lifted"}


def test_the_tables_are_these() -> None:
    numbered = [f"table{number}" for number in (1, 10, 11, 12, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert sorted(PAPER_TABLES) == numbered
    assert table_names() == ["refinements", "self_training", "shelf", "study", *numbered]


def start(project: Path, table: PaperTable, *presets: str) -> dict[str, Any]:
    """What the rows of a table start from with some presets."""
    values = read_yaml(project / "params.yaml")
    return with_overrides(values, load_presets(table.presets_for(presets)))


@pytest.mark.parametrize("name", table_names())
def test_every_row_has_valid_parameters(project: Path, name: str) -> None:
    table = load_table(name)
    rows = check_rows(table, start(project, table))
    if name != "table7":
        assert {lacks for _, lacks in rows.values()} == {row.missing for row in table.rows}


@pytest.mark.parametrize("name", table_names())
def test_the_preset_paper_gives_each_row_the_papers_models(project: Path, name: str) -> None:
    table = load_table(name)
    rows = check_rows(table, start(project, table, "paper"))
    assert [row for row, (_, lacks) in rows.items() if lacks is None] or name == "shelf"
    for row in table.steps():
        params, lacks = rows[row.name]
        if row.missing or lacks:
            continue
        on_waymo = name in ("table9", "table10")
        assert params.dataset.name == ("waymo" if on_waymo else "nuscenes")
        assert params.detector.encoder == "voxels"
        assert tuple(params.detector.sparse_channels) == (16, 32, 64, 128)
        assert params.detector.cell_m == (0.1 if on_waymo else 0.075)
        assert tuple(params.detector.block_channels) == (128, 256)
        assert params.detector.head_hidden_layers == 1
        assert (params.detector.name == "bevfusion") == ("BEVFusion" in row.name)
        dino = "GroundingDINO" in row.name
        assert params.detect2d.backend == ("grounding_dino" if dino else "detic")
        assert (params.segment.backend, params.sam3d.segmenter) == ("sam", "sam")
        if params.network.cameras:
            assert params.network.sees_points == ("BEVFusion-C" not in row.name)
            assert params.network.cameras.backbone == "swin_t"
            assert (params.network.cameras.width_px, params.network.cameras.depths) == (704, 118)
            fused = params.bevfusion.fusion.after_branch(params.finetune)
            assert fused.epochs / params.finetune.epochs == pytest.approx(6 / 20)


def test_a_table_takes_its_own_presets_in_place_of_those_asked_for() -> None:
    ablation, waymo = load_table("table2"), load_table("table9")
    assert ablation.presets_for([]) == ["simulated"]
    assert ablation.presets_for(["smoke"]) == ["simulated", "smoke"]
    assert ablation.presets_for(["paper"]) == ["paper"]
    assert waymo.presets_for([]) == ["waymo_sim"]
    assert waymo.presets_for(["paper", "bevfusion"]) == ["waymo", "bevfusion"]
    assert waymo.presets_for(["waymo"]) == ["waymo"]
    assert load_table("table1").presets_for(["paper"]) == ["paper"]


def test_rows_name_no_backend_of_the_embedded_data_set_but_where_they_are_about_it() -> None:
    for name in table_names():
        for row in load_table(name).rows:
            named = {row.overrides.get(f"{kind}.backend") for kind in ("detect2d", "segment")}
            about_it = "embedded data" in (load_table(name).needs)
            assert about_it or named <= {None, "detic", "grounding_dino"}


def test_rows_say_what_they_make_no_sense_without(project: Path) -> None:
    def lacking(name: str, *presets: str) -> set[str]:
        table = load_table(name)
        rows = check_rows(table, start(project, table, *presets))
        return {row for row, (_, lacks) in rows.items() if lacks}

    assert lacking("table7") == {
        row.name for row in load_table("table7").rows if " with " in row.name
    }
    assert lacking("table7", "paper") == set()
    assert lacking("shelf") == set()
    assert lacking("shelf", "paper") == {row.name for row in load_table("shelf").rows}


def test_sam3d_is_scored_by_its_own_boxes_as_cars(project: Path) -> None:
    rows = check_rows(load_table("table1"), read_yaml(project / "params.yaml"))
    params, lacks = rows["0%: SAM3D"]
    assert lacks is None
    assert (params.fuse.labels, params.fuse.unmatched_class) == ("none", "car")


@pytest.mark.parametrize("name", ["table9", "table10"])
@pytest.mark.parametrize("preset", ["waymo", "waymo_sim"])
def test_waymos_tables_run_with_waymos_presets(project: Path, preset: str, name: str) -> None:
    table = load_table(name)
    values = start(project, table, preset)
    check_rows(table, values)
    scorer = WaymoScorer(load_taxonomy("waymo", project / "taxonomies"))
    by_class = per_class(WaymoCounts.none(3).scores(), scorer.taxonomy.class_names)
    known = {f"{kind}_{figure}" for kind, own in by_class.items() for figure in own}
    assert set(table.score_names) <= known | set(scorer.better)
    for row in table.steps():
        params = parse_params(with_overrides(values, row.resolved(values)), source=row.name)
        assert (params.dataset.name, params.taxonomy) == (preset, "waymo")
        assert params.evaluate.protocol == "waymo"
        assert (params.pretrain.epochs, params.finetune.epochs) == (30, 30)
        assert params.labels.fraction == 0.2
        assert (params.fuse.labels == "none") == ("SAM3D" in row.name.split())


def test_zero_shot_rows_of_table_10_are_the_means_of_table_9() -> None:
    near = {row.name: row.paper for row in load_table("table9").rows if row.paper}
    means = {
        row.name.removeprefix("0%: "): row.paper
        for row in load_table("table10").rows
        if row.paper and row.name.startswith("0%")
    }
    assert means.keys() == near.keys()
    for name, figures in means.items():
        for figure in ("AP_L2_0_30m", "APH_L2_0_30m"):
            mean = sum(near[name][f"{kind}_{figure}"] for kind in WAYMO) / 3
            assert figures[f"m{figure}"] == pytest.approx(mean, abs=0.11)


@pytest.mark.parametrize("name", table_names())
def test_every_row_runs_a_stage_that_writes_its_metrics(project: Path, name: str) -> None:
    stages = read_stages(project / "dvc.yaml")
    for row in load_table(name).rows:
        if row.target:
            written = output_paths(stages[row.target])
            assert str(row.agnostic_metrics if row.protocol else row.metrics) in written


def test_table_2_adds_one_component_per_row_and_ends_at_the_method(project: Path) -> None:
    values = start(project, load_table("table2"))
    states = [
        with_overrides(values, step.resolved(values)) for step in load_table("table2").steps()
    ]
    knobs = load_table("table2").rows[0].overrides
    switched = [
        [knob for knob in knobs if lookup(before, knob) != lookup(after, knob)]
        for before, after in pairwise(states)
    ]
    assert switched == [
        ["detect2d.prompts"],
        ["lift.sweeps"],
        ["lift.erosion_kernel_px"],
        ["lift.medoid_compensation"],
        ["lift.nms"],
        [],
    ]
    as_in_the_paper = {
        "lift.recipe": "paper",
        "fuse.center": "lifted",
        "fuse.score": "surer",
        "fuse.min_iou": 0.2,
        "fuse.temperature": "fit",
    }
    assert states[-1] == with_overrides(values, as_in_the_paper)
    assert [row.target for row in load_table("table2").rows] == [
        *["evaluate@lifted"] * 6,
        "evaluate@pseudo_labels",
    ]


def test_refinements_lead_from_the_paper_to_the_default(project: Path) -> None:
    table = load_table("refinements")
    values = start(project, table)
    assert values == with_overrides(read_yaml(project / "params.yaml"), SIMULATED)
    states = [with_overrides(values, step.resolved(values)) for step in table.steps()]
    assert states[0] == with_overrides(values, {"lift.recipe": "paper"})
    assert states[-1] == values
    assert all(before != after for before, after in pairwise(states[:-1]))


def test_longer_schedules_multiply_the_present_one() -> None:
    row = next(row for row in load_table("table3").rows if row.name == "BEVFusion: 3x schedule")
    values = {"pretrain": {"epochs": 4}, "finetune": {"epochs": 20}}
    resolved = row.resolved(values)
    assert (resolved["pretrain.epochs"], resolved["finetune.epochs"]) == (12, 60)


def test_random_weights_take_the_peak_of_pretraining_in_any_preset(project: Path) -> None:
    values = read_yaml(project / "params.yaml")
    for preset, peak in ((values, 0.004), (with_overrides(values, load_preset("paper")), 0.001)):
        for name in ("table1", "table3", "table4", "table10", "study"):
            for row in load_table(name).steps():
                chosen = with_overrides(preset, row.resolved(preset))
                if lookup(chosen, "finetune.init") == "random":
                    assert lookup(chosen, "finetune.max_lr") == peak
                if "selftrain" in str(row.target) and lookup(chosen, "selftrain.recipe") == "paper":
                    assert lookup(chosen, "selftrain.max_lr") == peak


def test_rows_add_up_only_in_cumulative_tables(write_table: Any) -> None:
    rows = [{**RUN, "overrides": {"a": 1}}, {**RUN, "name": "b", "overrides": {"b": 2}}]
    plain = load_table("table0", write_table(rows))
    assert [step.overrides for step in plain.steps()] == [{"a": 1}, {"b": 2}]
    added = load_table("table0", write_table(rows, cumulative=True))
    assert [step.overrides for step in added.steps()] == [{"a": 1}, {"a": 1, "b": 2}]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"name": "a"}, "either target or missing"),
        ({**RUN, "missing": "x"}, "either target or missing"),
        ({**RUN, "target": "lift"}, r"rows\.0\.target"),
        ({**RUN, "paper": {"mAP": 1}}, "both mAP and NDS"),
        ({**RUN, "paper": {"mAP_L2": 1}}, "both mAP_L2 and mAPH_L2"),
        ({**RUN, "paper": {}}, r"rows\.0\.paper"),
        ({**RUN, "paper": {"AP": 1}}, "row 'a': scores: detection has no AP"),
        ({**RUN, "paper": {"mIoU": 1}}, "row 'a': scores: detection has no mIoU"),
        ({**RUN, "sets": {}}, r"rows\.0\.sets"),
        ({**RUN, "baseline": "b"}, "baseline: 'b' is no row of the table"),
        ({**RUN, "baseline": "a"}, "row 'a': baseline: it is the row itself"),
        ({**RUN, "needs": ["a cluster"]}, r"rows\.0\.needs\.0"),
        ({**RUN, "object_class": "car"}, "either target or missing"),
        ({**RUN, "multiply": {"pretrain.epochs": 0}}, r"multiply\.pretrain\.epochs"),
    ],
)
def test_a_malformed_row_is_one_line(write_table: Any, row: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        load_table("table0", write_table([row]))


def test_a_row_has_the_needs_and_the_baseline_of_its_table_unless_it_has_its_own(
    write_table: Any,
) -> None:
    rows = [RUN, {**RUN, "name": "b"}, {**RUN, "name": "c", "needs": [], "baseline": "b"}]
    first, second, third = load_table(
        "table0", write_table(rows, needs=["hours"], baseline="a")
    ).steps()
    assert (first.needs, first.baseline) == (["hours"], None)
    assert (second.needs, second.baseline) == (["hours"], "a")
    assert (third.needs, third.baseline) == ([], "b")
    with pytest.raises(InputError, match="row 'a' stands there twice"):
        load_table("table0", write_table([RUN, RUN]))


def test_an_unknown_table_is_one_line() -> None:
    with pytest.raises(InputError, match="no such table; there are refinements, self_"):
        load_table("table99")


def test_a_row_with_invalid_parameters_is_named(project: Path, write_table: Any) -> None:
    table = load_table("table0", write_table([{**RUN, "overrides": {"lift.sweeps": 0}}]))
    with pytest.raises(InputError, match=r"row 'a': lift\.sweeps"):
        check_rows(table, read_yaml(project / "params.yaml"))


def test_a_row_of_an_unknown_protocol_is_named(project: Path, write_table: Any) -> None:
    row = {**RUN, "target": "evaluate@pseudo_labels", "protocol": "all_50m"}
    table = load_table("table0", write_table([row], scores="agnostic"))
    told = "row 'a': protocol: 'all_50m' is none of ten_classes_50m, liso_8_classes_50m"
    with pytest.raises(InputError, match=told):
        check_rows(table, read_yaml(project / "params.yaml"))


def test_a_table_of_errors_has_the_papers() -> None:
    table = load_table("table4")
    assert table.score_names == HEADLINES
    printed = [row.paper for row in table.rows if row.paper]
    assert [tuple(figures) for figures in printed] == [HEADLINES, HEADLINES]


@pytest.mark.parametrize(("preset", "scale"), [("study", 4), (None, 1)])
def test_study_compares_trainings_of_as_many_steps(
    project: Path, preset: str | None, scale: int
) -> None:
    values = read_yaml(project / "params.yaml")
    values = with_overrides(values, load_preset(preset)) if preset else values
    frames = values["simulation"]["train_scenes"] * values["simulation"]["keyframes_per_scene"]
    assert frames == 100 * scale

    def steps(row: Row) -> tuple[int, int]:
        """Of pre-training and of fine-tuning; none of pre-training that is not used."""
        chosen = with_overrides(values, row.resolved(values))
        labelled = round(frames * lookup(chosen, "labels.fraction"))
        before = 0 if lookup(chosen, "finetune.init") == "random" else frames - labelled
        epochs = lookup(chosen, "pretrain.epochs"), lookup(chosen, "finetune.epochs")
        return before * epochs[0], labelled * epochs[1]

    rows = {row.name: row for row in load_table("study").rows}
    for share in ("5%", "10%", "20%", "50%"):
        random, longer, pretrained = (
            steps(rows[f"{share}: {name}"])
            for name in (
                "random initialisation",
                "random initialisation, as many steps as both trainings",
                "CM3D pre-training, then fine-tuning",
            )
        )
        assert random == (0, pretrained[1]) == (0, 1500 * scale)
        assert 1500 * scale <= pretrained[0] <= 1530 * scale
        assert longer == (0, 3000 * scale)


def test_self_training_ends_with_the_defaults(project: Path) -> None:
    values = read_yaml(project / "params.yaml")
    last = load_table("self_training").steps()[-1].overrides
    assert {name: lookup(values, name) for name in last} == last
