"""A stand-in for an open-vocabulary detector on simulated images.

It looks at the instance-id images, never at the 3D ground truth, and errs as
`simulation.error_model` and `simulation.phantoms` say.
"""

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import ndimage

from cm3d import params
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.sensors.instances import instance_image_path, read_instances
from cm3d.simulation import error_model, phantoms
from cm3d.simulation.classes import names_in
from cm3d.simulation.instances import VisibleInstances, read_visible_instances
from cm3d.tables import Boxes2D, Cameras
from cm3d.tables.noted import Noted
from cm3d.taxonomy import Taxonomy

_REFERENCE_HEIGHT_PX = 900
_CONFUSED_EVIDENCE = 0.7
# What may befall an object: missed, mistaken, for what, doubled, cut, grouped.
_CHANCES = 6


@dataclass(frozen=True)
class SimulatedDetector:
    """Meets `protocol.Detector2D`.

    Args:
        model: The error model.
        prompts: `plain` or `synonyms`.
        seed: Source of randomness; each image has its own stream, so order does not matter.
        root: Root folder of the simulated data set.
        taxonomy: Classes to find; what is of none of them is dropped.
    """

    model: params.SimulatedDetector
    prompts: str
    seed: int
    root: Path
    taxonomy: Taxonomy

    @cached_property
    def _names(self) -> dict[str, str]:
        return names_in(self.taxonomy)

    def detect(self, scene_name: str, cameras: Cameras) -> Noted[Boxes2D]:
        """Detect what the images of a scene show."""
        visible = read_visible_instances(self.root, scene_name)
        boxes = []
        for row in range(len(cameras)):
            camera = cameras[row : row + 1]
            token = str(camera.camera_token[0])
            if token not in visible:
                raise InputError(f"{self.root}: no instances of image {token}; rerun `download`")
            boxes.append(self.detect_image(scene_name, camera, visible[token]))
        return Noted(Boxes2D.concatenate(boxes))

    def detect_image(self, scene_name: str, camera: Cameras, visible: VisibleInstances) -> Boxes2D:
        """Detect what one image (one row of `Cameras`) of a scene shows."""
        token = str(camera.camera_token[0])
        ids = read_instances(self.root / instance_image_path(token))
        generator = np.random.default_rng([self.seed, zlib.crc32(token.encode())])
        box_px = visible_boxes(ids, visible.instance_id)
        found = self._found(scene_name, camera, visible, box_px, generator)
        in_vain = [
            phantoms.fleeting(camera, self.model, generator),
            phantoms.lasting(scene_name, camera, self.model, self.seed, generator),
        ]
        boxes = Boxes2D.concatenate([*found, *in_vain])
        boxes = boxes[np.isin(boxes.class_name, list(self._names))]
        return boxes.replace(class_name=[self._names[name] for name in boxes.class_name])

    def _found(
        self,
        scene_name: str,
        camera: Cameras,
        visible: VisibleInstances,
        box_px: NDArrayFloat,
        generator: np.random.Generator,
    ) -> tuple[Boxes2D, Boxes2D]:
        """Detections of objects, and those of a second class on some of them.

        The draws do not depend on parameters, so runs compare.
        """
        count, model = len(box_px), self.model
        chance = generator.uniform(size=(_CHANCES, count))
        edge_noise, score_noise = generator.normal(size=(count, 4)), generator.normal(size=count)
        latent = self._latent(scene_name, visible.instance_id)
        lasting = error_model.persisting(chance.T, latent, model.persistence).T
        luck, mistake, choice, double, part, group = lasting
        height_px = (box_px[:, 3] - box_px[:, 1]) * _REFERENCE_HEIGHT_PX / camera.height_px[0]
        evidence = error_model.evidence(height_px, visible.visible_share, model)
        found = luck < error_model.recall(evidence, visible.class_name, self.prompts, model)
        found &= height_px > 0
        box_px, found = error_model.group_boxes(
            box_px, visible.class_name, found, group < model.groups
        )
        # The draw below its share is uniform again, and chooses the side and the rest.
        box_px = error_model.part_boxes(box_px, part < model.parts, part / max(model.parts, 1e-9))
        confused = mistake < error_model.confusion(visible.class_name, model)
        other = _renamed(visible.class_name, choice)
        detections = Boxes2D.from_columns(
            camera_token=[camera.camera_token[0]] * count,
            detection_id=np.zeros(count, dtype=np.int64),
            class_name=np.where(confused, other, visible.class_name).tolist(),
            score=error_model.score(
                np.where(confused, _CONFUSED_EVIDENCE, 1.0) * evidence,
                score_noise * model.score_noise,
            ),
            box_px=_jittered(box_px, edge_noise * model.box_jitter),
        )
        doubled = found & ~confused & (double < model.double_classes)
        again_noise, again_edges = generator.normal(size=count), generator.normal(size=(count, 4))
        again = detections.replace(
            class_name=other.tolist(),
            score=error_model.score(_CONFUSED_EVIDENCE * evidence, again_noise * model.score_noise),
            box_px=_jittered(box_px, again_edges * model.box_jitter),
        )
        return detections[found], again[doubled]

    def _latent(self, scene_name: str, instance_id: NDArrayInt) -> NDArrayFloat:
        """What is peculiar to each object over its scene: standard normal draws (N, chances)."""
        keys = (zlib.crc32(key.encode()) for key in (scene_name, "objects"))
        rng = np.random.default_rng([self.seed, *keys])
        # A row per id from 0 on, so that a row does not depend on which ids are asked for.
        rows = rng.standard_normal((int(instance_id.max(initial=0)) + 1, _CHANCES))
        return np.asarray(rows[instance_id])


def visible_boxes(ids: NDArrayInt, instance_id: NDArrayInt) -> NDArrayFloat:
    """Boxes (N, 4) around the pixels of N instances in an image; zero where it has none."""
    slices = ndimage.find_objects(ids)
    boxes_px = np.zeros((len(instance_id), 4))
    for row, instance in enumerate(instance_id):
        place = slices[instance - 1] if 0 < instance <= len(slices) else None
        if place is not None:
            rows, columns = place
            boxes_px[row] = columns.start, rows.start, columns.stop, rows.stop
    return boxes_px


def _renamed(class_name: NDArrayObject, choice: NDArrayFloat) -> NDArrayObject:
    other = np.empty(len(class_name), dtype=object)
    other[:] = [
        error_model.similar_class(str(name), draw)
        for name, draw in zip(class_name, choice, strict=True)
    ]
    return other


def _jittered(box_px: NDArrayFloat, edge_noise: NDArrayFloat) -> NDArrayFloat:
    """Move edges by noise (N, 4) in units of the box's width and height; edges keep order."""
    size_px = np.tile(box_px[:, 2:] - box_px[:, :2], 2)
    moved = box_px + edge_noise * size_px
    corners = moved.reshape(-1, 2, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
