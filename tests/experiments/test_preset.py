import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc.cli.parser import get_main_parser
from dvc.utils.hydra import apply_overrides

from cm3d.detectors.grid import Grid
from cm3d.errors import InputError
from cm3d.params import load_params, parse_params, read_yaml
from experiments.overrides import lookup, with_overrides, write_overrides
from experiments.preset import PRESETS_FILE, for_eyes, load_preset, load_presets, main

NAMES = sorted(read_yaml(PRESETS_FILE))


@pytest.fixture
def params_file(project: Path, tmp_path: Path) -> Path:
    """A copy of the project's params.yaml."""
    copy = tmp_path / "params.yaml"
    copy.write_text((project / "params.yaml").read_text())
    return copy


def _comments(path: Path) -> list[str]:
    return [line.split("#", 1)[1] for line in path.read_text().splitlines() if "#" in line]


def test_the_presets_are_these() -> None:
    detectors = ["centerpoint_pillar", "centerpoint_voxel_0075", "centerpoint_voxel_01"]
    detectors += ["centerpoint_waymo_pillar", "centerpoint_waymo_voxel"]
    fusion = ["bevfusion", "bevfusion_c", "bevfusion_l", "bevfusion_published", "bevfusion_small"]
    scales = ["demo", "keyframe", "paper", "sequence", "simulated", "smoke", "study"]
    scales += ["waymo", "waymo_sim"]
    assert NAMES == [*fusion, *detectors, *scales]
    assert load_preset("demo") == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_valid(project: Path, name: str) -> None:
    values = with_overrides(read_yaml(project / "params.yaml"), load_preset(name))
    parse_params(values)


@pytest.mark.parametrize("name", NAMES)
def test_writing_a_preset_keeps_comments_and_everything_else(params_file: Path, name: str) -> None:
    before, comments = read_yaml(params_file), _comments(params_file)
    write_overrides(params_file, load_preset(name))
    assert read_yaml(params_file) == with_overrides(before, load_preset(name))
    assert _comments(params_file) == comments


def test_writing_nothing_changes_no_byte(params_file: Path) -> None:
    before = params_file.read_bytes()
    write_overrides(params_file, {})
    assert params_file.read_bytes() == before


def test_an_invalid_outcome_is_not_written(params_file: Path) -> None:
    before = params_file.read_bytes()
    with pytest.raises(InputError, match=r"pretrain\.epochs"):
        write_overrides(params_file, {"pretrain.epochs": 0})
    assert params_file.read_bytes() == before


@pytest.mark.parametrize("names", [*NAMES, "paper bevfusion"])
def test_dvc_understands_what_bash_makes_of_a_preset(
    project: Path, params_file: Path, names: str
) -> None:
    """As documented: the output of one command stands unquoted among the words of another."""
    tell = f"{sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))'"
    command = f"{tell} exp run $({sys.executable} -m experiments.preset {names}) evaluate@finetune"
    search = os.pathsep.join(str(path) for path in (project / "src", project))
    told = subprocess.run(
        ["bash", "-c", command],
        cwd=params_file.parent,
        env=os.environ | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=True,
    )
    arguments = get_main_parser().parse_args(json.loads(told.stdout))
    assert arguments.targets == ["evaluate@finetune"]
    expected = read_yaml(params_file)
    for name in names.split():
        expected = with_overrides(expected, load_preset(name))
    apply_overrides(params_file, arguments.set_param or [])
    assert read_yaml(params_file) == expected


def test_smoke_is_small(project: Path) -> None:
    values = with_overrides(read_yaml(project / "params.yaml"), load_preset("smoke"))
    params = parse_params(values)
    simulation = params.simulation
    assert (simulation.train_scenes + simulation.val_scenes) * simulation.keyframes_per_scene <= 9
    assert params.labels.fraction * simulation.train_scenes * simulation.keyframes_per_scene >= 1
    assert 2 * params.detector.range_m / params.detector.cell_m <= 64


@pytest.mark.parametrize(
    ("name", "cell_m", "range_m", "map_cell_m"),
    [
        ("centerpoint_pillar", 0.2, 51.2, 0.8),
        ("centerpoint_voxel_01", 0.1, 51.2, 0.8),
        ("centerpoint_voxel_0075", 0.075, 54.0, 0.6),
        ("centerpoint_waymo_pillar", 0.32, 74.88, 0.32),
        ("centerpoint_waymo_voxel", 0.1, 75.2, 0.8),
    ],
)
def test_centerpoints_published_grids(
    project: Path, name: str, cell_m: float, range_m: float, map_cell_m: float
) -> None:
    values = with_overrides(read_yaml(project / "params.yaml"), load_preset(name))
    detector = parse_params(values).detector
    assert (detector.cell_m, detector.range_m) == (cell_m, range_m)
    assert Grid.of_maps(detector).cell_m == pytest.approx(map_cell_m)


@pytest.mark.parametrize("section", ["pretrain", "finetune", "selftrain"])
def test_centerpoints_augmentation_with_the_finest_voxels(project: Path, section: str) -> None:
    """Its configuration without deformable convolutions turns, scales and shifts the most."""
    values = with_overrides(
        read_yaml(project / "params.yaml"), load_preset("centerpoint_voxel_0075")
    )
    names = ("max_rotation_rad", "max_scale", "translation_std_m")
    assert [lookup(values, f"{section}.{name}") for name in names] == [0.7854, 0.1, 0.5]


def test_the_paper_trains_for_twenty_epochs(project: Path) -> None:
    values = with_overrides(read_yaml(project / "params.yaml"), load_preset("paper"))
    assert [lookup(values, f"{s}.epochs") for s in ("pretrain", "finetune", "selftrain")] == [
        20
    ] * 3


def test_waymo_is_the_paper_with_what_its_appendix_changes(project: Path) -> None:
    values = read_yaml(project / "params.yaml")
    params = parse_params(with_overrides(values, load_preset("waymo")))
    assert (params.dataset.name, params.taxonomy) == ("waymo", "waymo")
    assert (params.evaluate.protocol, params.fuse.unmatched_class) == ("waymo", "vehicle")
    assert (params.lift.sweeps, params.sam3d.sweeps, params.detector.sweeps) == (1, 1, 1)
    assert (params.detect2d.backend, params.sam3d.segmenter) == ("detic", "sam")
    alone = parse_params(with_overrides(values, load_preset("centerpoint_waymo_voxel")))
    assert params.detector == alone.detector
    assert params.detector.max_z_m - params.detector.min_z_m == 40 * 0.15
    assert params.predict == alone.predict
    for own, shape in ((params.pretrain, alone.pretrain), (params.finetune, alone.finetune)):
        assert (own.epochs, own.batch_size, own.max_lr) == (30, 32, 0.003)
        names = ("max_rotation_rad", "max_scale", "translation_std_m")
        assert [getattr(own, n) for n in names] == [getattr(shape, n) for n in names]


def test_a_preset_builds_on_those_further_up(tmp_path: Path) -> None:
    path = tmp_path / "presets.yaml"
    path.write_text("a: {x: 1, y: 1}\nb: {y: 2, z: 2}\nc:\n  presets: [a, b]\n  z: 3\n")
    assert load_preset("c", path) == {"x": 1, "y": 2, "z": 3}
    assert load_presets(["c", "b"], path) == {"x": 1, "y": 2, "z": 2}
    assert load_presets([], path) == {}


@pytest.mark.parametrize("bases", ["[b]", "[a]", "7", "[later]", "[{}]", "nothing"])
def test_a_preset_builds_on_no_other(tmp_path: Path, bases: str) -> None:
    path = tmp_path / "presets.yaml"
    path.write_text(f"a:\n  presets: {bases}\nlater: {{}}\n")
    with pytest.raises(InputError, match=r"presets\.yaml: a\.presets: .* further up; correct it"):
        load_preset("a", path)


def test_an_unknown_preset_is_one_line() -> None:
    with pytest.raises(InputError, match="no preset 'tiny'; there are demo, smoke"):
        load_preset("tiny")


def test_the_command_prints_arguments_or_writes(
    params_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(params_file.parent)
    arguments: list[Any] = ["preset", "smoke"]
    monkeypatch.setattr("sys.argv", arguments)
    main()
    assert "-S detector.block_channels=[8,8,8] " in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", [*arguments, "--write"])
    main()
    assert load_params(params_file).detector.block_channels == [8, 8, 8]
    monkeypatch.setattr("sys.argv", ["preset", "tiny"])
    with pytest.raises(InputError, match="no preset 'tiny'"):
        main()


def test_a_terminal_shows_one_override_a_line_that_bash_reads_alike() -> None:
    words = "-S a.b=[1,2] -S c=none -S d=1"
    shown = for_eyes(words)
    assert shown.splitlines() == ["-S a.b=[1,2] \\", "-S c=none \\", "-S d=1"]
    echoed = subprocess.run(
        ["/bin/bash", "-c", f"echo {shown}"], capture_output=True, text=True, check=True
    )
    assert echoed.stdout.strip() == words
