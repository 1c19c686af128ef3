"""What params.yaml, overrides, presets and tables of experiments must not hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.params import NAME, checked_name, load_params, parse_params, read_yaml
from cm3d.tables.rules import SCENE
from experiments.overrides import lookup, with_overrides, write_overrides
from experiments.paper_tables import load_table
from experiments.preset import load_preset
from stages import evaluate, predict
from tests.trust.refusal import content_of, of_other_systems, refuses

PROJECT = Path(__file__).resolve().parents[2]
VALUES = read_yaml(PROJECT / "params.yaml")
TEXT = (PROJECT / "params.yaml").read_bytes()

HUGE = 10**400
NUMBER, WHOLE = "valid number", "valid integer"

# Knob, value, words of the message beside the knob.
KNOBS: list[tuple[str, Any, str]] = [
    # of another type
    ("seed", True, WHOLE),
    ("seed", None, WHOLE),
    ("seed", "0", WHOLE),
    ("seed", 0.5, WHOLE),
    ("seed", [0], WHOLE),
    ("lift.min_depth_m", True, NUMBER),
    ("lift.min_depth_m", "2.3", NUMBER),
    ("lift.min_depth_m", None, NUMBER),
    ("lift.nms", 1, "valid boolean"),
    ("lift.nms", "yes", "valid boolean"),
    ("lift.sweeps", 3.5, WHOLE),
    ("sam3d.components.connectivity", True, "should be 4 or 8"),
    ("fuse.temperature", True, "fit"),
    ("fuse.unmatched_class", 7, "valid string"),
    ("detector.block_channels", "32", "valid list"),
    ("detector.block_channels", [True, 64, 128], WHOLE),
    ("sam3d.sizes.car.length_m", [True, 2.0], NUMBER),
    ("sam3d.sizes.car.length_m", [1.0], "Field required"),
    ("sam3d.groups", "car", "valid list"),
    ("segment.box", None, "valid dictionary"),
    ("taxonomy", 7, "valid string"),
    ("taxonomy", None, "valid string"),
    # not finite, or too many digits
    ("lift.min_depth_m", float("nan"), "finite"),
    ("lift.min_depth_m", float("inf"), "finite"),
    ("pretrain.max_lr", float("-inf"), "finite"),
    ("lift.min_depth_m", HUGE, NUMBER),
    ("seed", HUGE, "less than"),
    ("seed", -1, "greater than"),
    ("execution.workers", HUGE, "1000"),
    # exabytes, or no end; or nothing
    ("bevfusion.cameras.depth_step_m", 200.0, "makes 0 depths; choose it"),
    ("bevfusion.cameras.depth_step_m", 60.0, "makes 1 depths; choose it"),
    ("bevfusion.cameras.depth_step_m", 0.1, "depths; choose it"),
    ("detector.cell_m", 1e-6, "0.01"),
    ("detector.cell_m", 0.02, "cells a side of 2 * range_m; choose it"),
    ("detector.cell_m", 60.0, "cells a side of 2 * range_m; choose it"),
    ("detector.range_m", 5000.0, "choose it so that they are"),
    ("detector.voxel_height_m", 1e-9, "0.01"),
    ("detector.pillar_channels", 10**9, "4096"),
    ("detector.block_layers", [1, 10**6, 2], "100"),
    ("detector.block_strides", [2, 2, 10**6], "16"),
    ("detector.max_points", 10**9, "1000"),
    ("sam3d.pixel_m", 1e-9, "0.01"),
    ("sam3d.pixel_m", 0.012, "pixels a side of 2 * range_m; choose it so that they are at most"),
    ("sam3d.range_m", 9000.0, "pixel_m: 0.1 makes 180000 pixels"),
    ("sam3d.dilation_px", 39_063, "255"),
    ("sam3d.sam.prompt_spacing_m", 1e-6, "0.1"),
    ("lift.erosion_kernel_px", 39_063, "1000"),
    ("lift.erosion_kernel_px", 500, "leaves no mask; choose 256 or less"),
    ("lift.erosion_width_px", 0, "100"),
    ("lift.sweeps", 0, "greater than or equal to 1"),
    ("lift.sweeps", 10**9, "1000"),
    ("lift.refine.rounds", 10**9, "1000"),
    ("lift.refine.sample_points", 10**9, "1000"),
    ("lift.tracks.fill_keyframes", 10**9, "1000"),
    ("lift.tracks.outlier_dof", 0.0, "0.000000001"),
    ("simulation.image_scale", 0, "0.05"),
    ("simulation.image_scale", 1e-4, "0.05"),
    ("simulation.train_scenes", 10**9, "100000"),
    ("simulation.keyframes_per_scene", 1, "2"),
    ("simulation.keyframes_per_scene", 10**9, "10000"),
    ("simulation.traffic_density", 1e6, "20"),
    ("simulation.lidar_cabin_path_m", 0, "0.001"),
    ("dataset.lane_step_m", 1e-9, "0.05"),
    ("dataset.past_sweeps", 10**9, "1000"),
    ("detect2d.max_side_px", 10**9, "16384"),
    ("detect2d.max_side_px", 1, "16"),
    ("detect2d.simulated.false_positives_per_image", 1e9, "1000"),
    ("segment.max_width_px", 0, "16"),
    ("segment.grabcut.iterations", 10**9, "1000"),
    ("execution.image_batch", 0, "1"),
    ("execution.loaders", 10**9, "1000"),
    ("execution.checkpoint_s", 1e300, "1000000"),
    ("fuse.temperatures", [], "at least 1"),
    ("fuse.temperatures", [0.0], "0.001"),
    ("predict.candidates", 10**9, "100000"),
    ("pretrain.epochs", 10**12, "100000"),
    ("pretrain.epochs", 0, "1"),
    ("pretrain.batch_size", 10**9, "10000"),
    ("pretrain.max_lr", 1e9, "10"),
    ("finetune.gradient_clip", 0.0, "0.000000001"),
    ("training.schedule", 10**6, "1000"),
    ("selftrain.labelled_repeats", 10**9, "1000"),
    ("labels.fraction", 1.5, "less than or equal to 1"),
    ("labels.fraction", -0.1, "greater than or equal to 0"),
    ("labels.draw", 10**6, "1000"),
    # names, which become files and folders
    ("taxonomy", "../x", NAME),
    ("taxonomy", "a/b", NAME),
    ("taxonomy", "a..b", NAME),
    ("taxonomy", "", NAME),
    ("taxonomy", "a\nb", NAME),
    ("taxonomy", "a" * 300, NAME),
    ("dataset.version", "../v1", NAME),
    ("dataset.version", "/etc", NAME),
    ("dataset.version", "v1\x00", NAME),
    ("dataset.name", "..", NAME),
    ("detect2d.prompts", "a/b", NAME),
    ("detect2d.backend", "../x", "should be"),
    ("scoring.split", "test", "should be"),
    ("sam3d.groups", ["../car"], NAME),
    ("lift.shape_prior", "mine/prior.yaml", NAME),
    # text
    ("dataset.root", "", "match pattern"),
    ("dataset.root", "a\x00b", "match pattern"),
    ("detect2d.owlv2.model", "a\nb", "match pattern"),
    ("detect2d.detic.folder", "", "match pattern"),
]  # fmt: skip


@pytest.mark.parametrize(("knob", "value", "words"), KNOBS)
def test_values_of_knobs(knob: str, value: Any, words: str) -> None:
    lookup(VALUES, knob)
    changed = with_overrides(VALUES, {knob: value})
    refuses(lambda: parse_params(changed), "params.yaml: ", knob.split(".")[0], words)


def rewritten(old: bytes, new: bytes) -> bytes:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


FILES: list[tuple[str, bytes, str]] = [
    ("empty", b"", "not a mapping"),
    ("comments alone", b"# nothing\n", "not a mapping"),
    ("a list", b"- seed\n- 0\n", "not a mapping"),
    ("not UTF-8", rewritten(b"# Every knob", b"# \xc9very knob"), "not valid YAML: 'utf-8'"),
    ("UTF-16", TEXT.decode().encode("utf-16"), "not valid YAML"),
    ("a null byte", rewritten(b"seed: 0", b"seed: \x00"), "not valid YAML"),
    ("nests too deep", b"seed: " + b"[" * 2_000, "not valid YAML"),
    ("nests deep in maps", b"{a: " * 5_000, "not valid YAML"),
    ("5000 digits", rewritten(b"seed: 0", b"seed: " + b"9" * 5_000), "not valid YAML"),
    ("400 digits", rewritten(b"seed: 0", b"seed: " + b"9" * 400), "seed: "),
    ("a number too large", rewritten(b"lane_step_m: 0.5", b"lane_step_m: 1.0e+999"), "finite"),
    ("a key twice", rewritten(b"seed: 0", b"seed: 0\nseed: 1"), 'duplicate key "seed"'),
    ("a section twice", TEXT + b"\nscoring:\n  split: val\n", 'duplicate key "scoring"'),
    ("a null section", rewritten(b"scoring:\n  split: val", b"scoring:\n# split: val"),
     "scoring: Input should be a valid dictionary"),
    ("a section lost", rewritten(b"scoring:\n  split: val", b""), "scoring: Field required"),
    ("a key unknown", rewritten(b"seed: 0", b"seed: 0\nsede: 1"), "sede: Extra inputs"),
    ("a key that is a number", rewritten(b"seed: 0", b"seed: 0\n7: 1"), "7: "),
    ("a tag of Python", rewritten(b"seed: 0", b"seed: !!python/object/apply:os.getcwd []"),
     "not valid YAML"),
    ("a date", rewritten(b"seed: 0", b"seed: 2026-13-45"), "not valid YAML"),
    ("an open quote", rewritten(b"seed: 0", b"seed: '0"), "not valid YAML"),
    ("a tab", rewritten(b"\n  name: sim", b"\n\tname: sim"), "not valid YAML"),
    ("too long", TEXT + b"#" * 5_000_000, "bytes of YAML"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in FILES], ids=[r[0] for r in FILES]
)
def test_files_of_parameters(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    refuses(lambda: load_params(path), "params.yaml: ", words)
    assert content_of(tmp_path) == {"params.yaml": content}


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + TEXT, TEXT.replace(b"\n", b"\r\n")], ids=["mark", "crlf"]
)
def test_marks_and_line_ends_of_other_systems_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    assert load_params(tmp_path / "params.yaml") == parse_params(VALUES)


def test_presets_and_tables_of_other_systems_are_read(tmp_path: Path) -> None:
    (tmp_path / "presets.yaml").write_bytes(of_other_systems("mine:\n  seed: 3\n"))
    assert load_preset("mine", tmp_path / "presets.yaml") == {"seed": 3}
    table = "title: x\nrows:\n  - {name: a, target: evaluate@x}\n"
    (tmp_path / "mine.yaml").write_bytes(of_other_systems(table))
    assert [row.name for row in load_table("mine", tmp_path).rows] == ["a"]


def test_whole_numbers_are_numbers() -> None:
    assert parse_params(with_overrides(VALUES, {"lift.min_depth_m": 2})).lift.min_depth_m == 2.0


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "/tmp/x", "", ".", "..", "a..b", ".x", "a b", "é/", "a\n"]
)
@pytest.mark.parametrize(
    ("main", "arguments"),
    [(evaluate.main, ["nuscenes", "NAME", "data/lifted"]), (predict.main, ["NAME"])],
    ids=["evaluate", "predict"],
)
def test_names_of_the_command_line(
    bare_workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    main: Callable[[], None],
    arguments: list[str],
    name: str,
) -> None:
    before = content_of(bare_workspace)
    words = [name if word == "NAME" else word for word in arguments]
    monkeypatch.setattr("sys.argv", ["stage", *words])
    refuses(main, "dvc.yaml has no")
    assert content_of(bare_workspace) == before


@pytest.mark.parametrize(
    "name", ["scene-0061", "v1.0-trainval", "drive_1", "42", "Überland", "試験", "a" * 200]
)
def test_names_that_are_some(name: str) -> None:
    """By the one rule that parameters, the command line and columns of tables share."""
    assert checked_name(name, "scene") == name
    assert parse_params(with_overrides(VALUES, {"dataset.version": name}))
    assert SCENE.is_met(np.array([name], dtype=object)).all()


@pytest.mark.parametrize("name", ["", "_x", ".x", "-x", "a..b", "a/b", "a b", "a\n", "é" * 101])
def test_names_that_are_none(name: str) -> None:
    refuses(lambda: checked_name(name, "scene"), f"scene {name!r}: not {NAME}; rename it")
    changed = with_overrides(VALUES, {"dataset.version": name})
    refuses(lambda: parse_params(changed), f"dataset.version: not {NAME}")
    assert not SCENE.is_met(np.array([name], dtype=object)).any()


PRESETS: list[tuple[str, str, str]] = [
    ("mine:\n", "mine", "no mapping of dotted paths"),
    ("mine: 3\n", "mine", "no mapping of dotted paths"),
    ("mine: [a]\n", "mine", "no mapping of dotted paths"),
    ("mine: {1: 2}\n", "mine", "no mapping of dotted paths"),
    ("other: {}\n7: {}\n", "mine", "no preset 'mine'; there are other, 7"),
    ("mine: {}\nmine: {}\n", "mine", "duplicate key"),
    ("mine: {seed: '\xe9'\n", "mine", "not valid YAML"),
]


@pytest.mark.parametrize(("text", "name", "words"), PRESETS)
def test_presets(tmp_path: Path, text: str, name: str, words: str) -> None:
    (tmp_path / "presets.yaml").write_text(text, encoding="latin-1")
    refuses(lambda: load_preset(name, tmp_path / "presets.yaml"), "presets.yaml: ", words)


OVERRIDES: list[tuple[dict[str, Any], str]] = [
    ({"seed": "x"}, "seed: "),
    ({"lift": None}, "lift: Input should be"),
    ({"lift.nothing": 1}, "override lift.nothing: params.yaml has no such key"),
    ({"seed.x": 1}, "override seed.x: "),
    ({"": 1}, "override : "),
    ({"sam3d.pixel_m": 1e-9}, "sam3d.pixel_m: "),
]


@pytest.mark.parametrize(("overrides", "words"), OVERRIDES)
def test_overrides_that_are_refused_change_no_file(
    bare_workspace: Path, overrides: dict[str, Any], words: str
) -> None:
    before = content_of(bare_workspace)
    refuses(lambda: write_overrides(Path("params.yaml"), overrides), words)
    assert content_of(bare_workspace) == before


def test_overrides_are_written_whole_or_not_at_all(
    bare_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content_of(bare_workspace)

    def full(path: Path, _: object) -> None:
        path.write_text("seed:")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("experiments.overrides.apply_overrides", full)
    change = {"seed": 1}
    refuses(lambda: write_overrides(Path("params.yaml"), change), "params.yaml: ", "No space left")
    assert content_of(bare_workspace) == before


A_ROW = "title: x\nrows: [{name: a, target: evaluate@x, multiply: {seed: FACTOR}}]\n"

TABLES: list[tuple[str, str, str]] = [
    ("no rows", "title: x\n", "rows: Field required"),
    ("null rows", "title: x\nrows:\n", "rows: Input should be a valid list"),
    ("a word as figures", "title: x\nrows: [{name: a, paper: 3, missing: b}]\n", "rows.0.paper: "),
    ("a flag as a figure", "title: x\nrows: [{name: a, paper: {mAP: true, NDS: 1}, missing: b}]\n",
     "rows.0.paper.mAP: "),
    ("a figure not finite", "title: x\nrows: [{name: a, paper: {mAP: .nan, NDS: 1}, missing: b}]\n",
     "rows.0.paper.mAP: "),
    ("a factor too large", A_ROW.replace("FACTOR", "9999"),
     "rows.0.multiply.seed: "),
    ("a factor that is a flag", A_ROW.replace("FACTOR", "true"),
     "rows.0.multiply.seed: "),
    ("a target elsewhere", "title: x\nrows: [{name: a, target: evaluate@../x}]\n",
     "rows.0.target: "),
    ("neither target nor reason", "title: x\nrows: [{name: a}]\n", "either target or missing"),
    ("a key unknown", "title: x\nrows: []\nrow: 1\n", "row: Extra inputs"),
    ("a null", "", "not a mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), [row[1:] for row in TABLES], ids=[r[0] for r in TABLES])
def test_tables_of_experiments(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    refuses(lambda: load_table("mine", tmp_path), "mine.yaml: ", words)


@pytest.mark.parametrize("path", ["taxonomy", "lift.nms", "lift"])
def test_what_is_multiplied_is_a_number(tmp_path: Path, path: str) -> None:
    text = f"title: x\nrows: [{{name: a, target: evaluate@x, multiply: {{{path}: 3}}}}]\n"
    (tmp_path / "mine.yaml").write_text(text)
    (row,) = load_table("mine", tmp_path).rows
    refuses(lambda: row.resolved(VALUES), f"multiply: {path} is no number")


@pytest.mark.parametrize("name", ["../mine", "a/b", "/mine", ""])
def test_tables_are_no_paths(tmp_path: Path, name: str) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "mine.yaml").write_text("title: x\nrows: []\n")
    refuses(lambda: load_table(name, tmp_path / "tables"), "table ", repr(name), f"not {NAME}")


def test_epochs_of_a_fusion_have_their_bound_too() -> None:
    values = with_overrides(
        VALUES, {"bevfusion.fusion.epochs_share": 100.0, "finetune.epochs": 1001}
    )
    refuses(
        lambda: parse_params(values), "bevfusion.fusion.epochs_share", "100100 epochs", "finetune"
    )
