"""What docs/mmdet3d.md says of training works, for one step of the pillar variant."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cm3d.detectors.mmdet3d import weights_from_mmdet3d
from cm3d.detectors.registry import build_detector
from cm3d.errors import InputError
from cm3d.export.mmdet3d.infos import annotation_file
from cm3d.params import parse_params, read_yaml
from cm3d.taxonomy import load_taxonomy
from experiments.overrides import with_overrides
from experiments.preset import load_preset

pytestmark = [pytest.mark.mmdet3d, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def blocks(project: Path) -> list[str]:
    """The Python of the page: a config, how to run it, how to keep the weights alone."""
    return re.findall(r"```python\n(.*?)```", (project / "docs" / "mmdet3d.md").read_text(), re.S)


def test_a_step_a_result_file_and_weights_for_us(
    blocks: list[str],
    project: Path,
    turning_vehicle: tuple[Path, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reason = "mmdet3d is not installed: docs/mmdet3d.md"
    pytest.importorskip("mmdet3d.models", reason=reason, exc_type=ImportError)
    root, info = turning_vehicle
    monkeypatch.chdir(root)
    for folder, split in (("pretrain", "unlabelled"), ("val", "val")):
        Path(folder).mkdir()
        content = json.dumps(annotation_file([info], "v1.0-trainval"))
        Path(folder, f"cm3d_infos_{split}.json").write_text(content)
    config, run, keep_weights = blocks
    config = config.replace("voxel0075", "pillar02")
    config = re.sub(r'^(data_root|infos) = ".*?"', f'\\1 = "{root}/"', config, flags=re.M)
    Path("cm3d_centerpoint.py").write_text(config + SHORT)
    exec(run, {})
    assert Path("work/pretrain/epoch_1.pth").is_file()
    results = json.loads(Path("work/results/pred_instances_3d/results_nusc.json").read_text())
    assert results["results"].keys() == {info["token"]}
    values = with_overrides(read_yaml(project / "params.yaml"), load_preset("centerpoint_pillar"))
    detector = parse_params(values).network
    taxonomy = load_taxonomy("nuscenes", project / "taxonomies")
    with pytest.raises(InputError, match=r"epoch_1\.pth: cannot be read as weights alone, since"):
        weights_from_mmdet3d(Path("work/pretrain/epoch_1.pth"), detector, taxonomy)
    exec(keep_weights.replace("epoch_20", "epoch_1"), {})
    weights = weights_from_mmdet3d(Path("work/centerpoint.pth"), detector, taxonomy)
    build_detector(detector, taxonomy, seed=0).load_state_dict(weights)


SHORT = """
train_cfg = dict(max_epochs=1)
train_dataloader.update(batch_size=1, num_workers=0, persistent_workers=False)
test_dataloader.update(num_workers=0, persistent_workers=False)
"""
