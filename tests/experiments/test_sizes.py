from pathlib import Path

import numpy as np
import pytest
import yaml

from cm3d.errors import InputError
from cm3d.params import read_yaml
from cm3d.tables import GroundTruth, layout
from cm3d.taxonomy import Taxonomy
from experiments.sizes import class_sizes, measure


def truth(name: str, lengths_m: list[float], widths_m: list[float]) -> GroundTruth:
    count = len(lengths_m)
    return GroundTruth.from_columns(
        sample_token=["f"] * count,
        class_name=[name] * count,
        score=np.ones(count),
        center_m=np.zeros((count, 3)),
        length_m=np.array(lengths_m),
        width_m=np.array(widths_m),
        height_m=np.full(count, 1.5),
        yaw_rad=np.zeros(count),
        velocity_mps=np.zeros((count, 2)),
        attribute_name=[""] * count,
        instance_token=[str(number) for number in range(count)],
        num_lidar_points=np.ones(count, dtype=int),
        num_radar_points=np.zeros(count, dtype=int),
        visibility=np.zeros(count, dtype=int),
    )


def test_sizes_are_means_beside_the_prior(taxonomy: Taxonomy) -> None:
    found = class_sizes(truth("car", [4.0, 6.0], [1.5, 2.5]), "car", taxonomy, "chatgpt")
    assert (found["length_m"], found["width_m"], found["height_m"]) == (5.0, 2.0, 1.5)
    assert (found["length_deviation_m"], found["width_deviation_m"]) == (1.0, 0.5)
    assert (found["prior_width_m"], found["prior_length_m"]) == (1.8, 4.5)
    assert found["objects"] == 2
    none = class_sizes(truth("car", [], []), "car", taxonomy, "chatgpt")
    assert "length_m" not in none and none["objects"] == 0


def test_the_longer_side_of_a_barrier_is_its_length_as_in_the_paper(taxonomy: Taxonomy) -> None:
    found = class_sizes(truth("barrier", [0.5], [2.25]), "barrier", taxonomy, "dataset")
    assert (found["length_m"], found["width_m"]) == (2.25, 0.5)
    assert (found["prior_length_m"], found["prior_width_m"]) == (2.32, 0.6)


def test_without_an_index_of_the_data_set_it_says_how_to_make_one(bare_workspace: Path) -> None:
    with pytest.raises(InputError, match=r"no index of sim .* here; run `dvc repro download`"):
        measure(read_yaml(Path("params.yaml")), {"Car": "car"})


def test_an_index_of_other_parameters_is_refused(bare_workspace: Path) -> None:
    layout.CARD.parent.mkdir(parents=True)
    layout.CARD.write_text('{"name": "sim"}')
    values = read_yaml(Path("params.yaml"))
    made = {"seed": values["seed"], "simulation": {**values["simulation"], "train_scenes": 1}}
    lock = {"stages": {"download": {"params": {"params.yaml": made}}}}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    with pytest.raises(InputError, match=r"data/index: made with another simulation; run"):
        measure(values, {"Car": "car"})
