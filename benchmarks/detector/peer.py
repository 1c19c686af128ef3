"""mmdet3d's side, by its own entry points."""

import logging
import sys
import warnings
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample, LiDARInstance3DBoxes
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from spconv.pytorch import ops

from benchmarks.detector.cases import Case
from benchmarks.detector.clouds import Labels, cloud, labels
from benchmarks.detector.contest import Contest
from benchmarks.detector.peer_config import model_config

# On a CPU spconv 2.3.8 asks for a CUDA stream in its backward pass, and does not use it.
if not torch.cuda.is_available():
    ops.get_current_stream = lambda: 0


def build(case: Case) -> Contest:
    """Its model of the same name, with its own voxelisation, loss and decoding."""
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
    params, device = case.params(), torch.device(case.device)
    init_default_scope("mmdet3d")
    model = MODELS.build(model_config(case.name, params)).to(device)
    if "cm3d.detectors.lidar.sparse" in sys.modules:
        raise RuntimeError("our sparse convolutions stand in for spconv's in the peer's process")
    schedule = params.pretrain
    optimizer = torch.optim.AdamW(
        model.parameters(), schedule.max_lr, weight_decay=schedule.weight_decay
    )
    classes, range_m = len(case.taxonomy().class_names), params.detector.range_m
    batch = _data(case, [_sample(labels(seed, classes, range_m)) for seed in range(case.batch)])
    frame = _data(case, [_sample(None)])
    mixed = case.precision == "bf16"

    def train() -> None:
        model.train()
        data = model.data_preprocessor(batch, True)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            loss, _ = model.parse_losses(model(**data, mode="loss"))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), schedule.gradient_clip)
        optimizer.step()

    def infer() -> int:
        model.eval()
        with torch.inference_mode():
            found = model(**model.data_preprocessor(frame, False), mode="predict")
        return len(found[0].pred_instances_3d)

    return Contest(train, infer, sum(parameter.numel() for parameter in model.parameters()))


def _data(case: Case, samples: list[Any]) -> dict[str, Any]:
    points = torch.from_numpy(cloud(case.sweeps))
    return {"inputs": {"points": [points for _ in samples]}, "data_samples": samples}


def _sample(boxes: Labels | None) -> Any:
    sample = Det3DDataSample()
    sample.set_metainfo({"box_type_3d": LiDARInstance3DBoxes})
    if boxes is not None:
        values = [boxes.center_m, boxes.size_m, boxes.yaw_rad[:, None], boxes.velocity_mps]
        tensor = torch.from_numpy(np.concatenate(values, axis=1)).float()
        truth = InstanceData()
        truth.bboxes_3d = LiDARInstance3DBoxes(tensor, box_dim=9, origin=(0.5, 0.5, 0.5))
        truth.labels_3d = torch.from_numpy(boxes.class_index)
        sample.gt_instances_3d = truth
    return sample
