"""Our side."""

import numpy as np
import torch

from benchmarks.detector.cases import Case
from benchmarks.detector.clouds import Labels, cloud, labels
from benchmarks.detector.contest import Contest
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.inputs import Batch, Sample, collate
from cm3d.training.determinism import deterministic
from cm3d.training.inference import detect
from cm3d.training.recipe import Recipe
from cm3d.training.trainer import Trainer

_STEPS = 1000  # of the schedule, more than are made


def build(case: Case) -> Contest:
    """As the stages run it, with deterministic operations."""
    params, device = case.params(), torch.device(case.device)
    training = params.training
    recipe = Recipe(params.network, case.taxonomy(), params.pretrain, training, params.seed)
    model = recipe.build().to(device)
    sample = Sample("frame", cloud(case.sweeps), SensorBoxes.empty())
    trainer = Trainer(model, recipe, _STEPS)
    batch = training_batch(case)

    def train() -> None:
        with deterministic():
            trainer.step(batch)

    def infer() -> int:
        with deterministic():
            return len(detect(model.eval(), [sample], params.predict, device)[0])

    return Contest(train, infer, sum(parameter.numel() for parameter in model.parameters()))


def training_batch(case: Case) -> Batch:
    """The same points in every frame, with random boxes."""
    range_m, points = case.params().detector.range_m, cloud(case.sweeps)
    classes = len(case.taxonomy().class_names)
    return collate(
        [
            Sample(str(seed), points, sensor_boxes(labels(seed, classes, range_m)))
            for seed in range(case.batch)
        ]
    )


def sensor_boxes(boxes: Labels) -> SensorBoxes:
    """Boxes as training takes them."""
    return SensorBoxes(score=np.ones(len(boxes.yaw_rad)), **vars(boxes))
