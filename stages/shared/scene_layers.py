"""What there is to see of a scene: whatever tables hold, and a note for what is not there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from cm3d.drawing.camera import View
from cm3d.drawing.sheet import Photograph, Surroundings
from cm3d.errors import InputError
from cm3d.evaluation.masks.measures import decode
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.params import Params
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import Sensors, open_sensors
from cm3d.sensors.images import UnreadableImageError, read_image
from cm3d.tables import (
    Boxes2D,
    Boxes3D,
    Cameras,
    Explanations,
    Frames,
    GroundTruth,
    Lanes,
    Masks,
    Sweeps,
    Table,
    layout,
)
from cm3d.tables.parquet import remedy
from cm3d.tables.words import positions, rows_by_word

MODELS: Final = ("selftrain_r3", "selftrain_r2", "selftrain_r1", "finetune", "pretrain")

TableT = TypeVar("TableT", bound=Table)


@dataclass(frozen=True, eq=False)
class SceneLayers:
    """All tables of a scene; those that are not there are empty, with a note.

    Args:
        name: Of the scene.
        sensors: Its sensor files.
        frames: Its keyframes.
        cameras: Their images.
        sweeps: Their LiDAR files.
        boxes2d: Detections on images.
        masks: Outlines of detections.
        boxes: 3D boxes by layer: `true`, `lifted`, `fused` and `predicted`, as far as they are
            there.
        why: What gave the lifted boxes, in their order; empty where that is not known.
        lanes_m: Centrelines (., 2).
        model: Whose predictions these are; empty where there are none.
        notes: What is not there, and what makes it.
    """

    name: str
    sensors: Sensors
    frames: Frames
    cameras: Cameras
    sweeps: Sweeps
    boxes2d: Boxes2D
    masks: Masks
    boxes: dict[str, Boxes3D]
    why: Explanations
    lanes_m: list[NDArrayFloat]
    model: str
    notes: list[str] = field(default_factory=list)

    def pose(self, frame: int) -> SE3:
        """Where the vehicle is, global_SE3_ego."""
        return SE3.from_pose(self.frames.global_SE3_ego[frame])

    def tracks_m(self) -> list[NDArrayFloat]:
        """Ways (., 2) of the objects that were followed, as their lifted boxes say."""
        if not len(self.why):
            return []
        centers_m, track = self.boxes["lifted"].center_m[:, :2], self.why.track
        followed = np.flatnonzero(track >= 0)
        when = positions(self.why.sample_token, self.frames.sample_token)
        order = followed[np.lexsort((when[followed], track[followed]))]
        begins = np.flatnonzero(np.diff(track[order])) + 1
        return [way for way in np.split(centers_m[order], begins) if len(way)]

    def points_m(self, frame: int, max_sweeps: int, ego_half_extent_m: float) -> NDArrayFloat:
        """LiDAR points (P, 3) of a keyframe and of sweeps before it, global frame.

        Raises:
            InputError: A file is broken.
        """
        own = self.sweeps[self.sweeps.sample_token == self.frames.sample_token[frame]]
        identity = SE3.identity()
        return accumulate(self.sensors, own, identity, max_sweeps, ego_half_extent_m).xyz_m

    def surroundings(self, frame: int, params: Params, max_sweeps: int) -> Surroundings:
        """What is around the vehicle; points that are away are left out with a note."""
        try:
            points_m = self.points_m(frame, max_sweeps, params.lift.ego_half_extent_m)
        except InputError as error:
            self.note(f"sweeps: {error}")
            points_m = np.empty((0, 3))
        return Surroundings(self.pose(frame), points_m, self.lanes_m, self.tracks_m())

    def images_of(self, frame: int) -> Cameras:
        """The cameras of a keyframe."""
        return self.cameras[self.cameras.sample_token == self.frames.sample_token[frame]]

    def photograph(self, cameras: Cameras, row: int, found: bool = True) -> Photograph:
        """One image, with what was found on it unless that is not wanted."""
        token, channel = cameras.camera_token[row], str(cameras.channel[row])
        view = view_of(cameras, row)
        image = self._image(self.sensors.root / cameras.path[row], channel)
        if not found:
            return Photograph(channel, view, image)
        masks = self.masks[self.masks.camera_token == token]
        return Photograph(
            channel,
            view,
            image,
            self.boxes2d.box_px[self.boxes2d.camera_token == token],
            decode(masks) if len(masks) else np.empty((0, 1, 1), dtype=bool),
            masks.detection_id,
        )

    def note(self, text: str) -> None:
        """Note something once."""
        if text not in self.notes:
            self.notes.append(text)

    def _image(self, path: Path, channel: str) -> NDArrayByte | None:
        try:
            return read_image(path)
        except UnreadableImageError as error:
            self.note(f"{channel}: {error}")
            return None


def view_of(cameras: Cameras, row: int) -> View:
    """The geometry of a camera."""
    return View(
        SE3.from_pose(cameras.global_SE3_camera[row]).inverse(),
        cameras.intrinsics_px[row].reshape(3, 3),
        (int(cameras.width_px[row]), int(cameras.height_px[row])),
    )


def read_scene(scene: str, params: Params, model: str | None = None) -> SceneLayers:
    """Read what there is of a scene.

    Args:
        scene: Its name.
        params: All parameters.
        model: Whose predictions; None: of the last one that has any.

    Raises:
        InputError: The index has no such scene, a table is broken, or the model has predicted
            nothing for it.
    """
    if scene not in (known := layout.all_scenes()):
        shown = ", ".join(known[:5]) + (", ..." if len(known) > 5 else "")
        raise InputError(f"--scene {scene}: no such scene; {layout.FRAMES} has {shown}")
    notes: list[str] = []

    def table_of(kind: type[TableT], folder: Path, what: str) -> TableT | None:
        path = folder / f"{scene}.parquet"
        if path.is_file():
            return kind.read(path)
        notes.append(f"no {what}: {path} is not there; {remedy(path)} makes it")
        return None

    frames = Frames.read(layout.FRAMES / f"{scene}.parquet")
    model = model or _last_model(scene)
    boxes: dict[str, Boxes3D | None] = {
        "true": table_of(GroundTruth, layout.GROUND_TRUTH, "true boxes"),
        "lifted": table_of(Boxes3D, layout.LIFTED, "lifted boxes"),
        "fused": table_of(Boxes3D, layout.PSEUDO_LABELS, "fused boxes"),
        "predicted": _predicted(scene, model, str(frames.split[0]), params, notes),
    }
    lifted = boxes["lifted"]
    why = table_of(Explanations, layout.LIFT_EXPLAINED, "tracks") if lifted is not None else None
    if why is not None and lifted is not None:
        refuse_others_evidence(scene, lifted, why)
    return SceneLayers(
        name=scene,
        sensors=open_sensors(params.dataset),
        frames=frames,
        cameras=table_of(Cameras, layout.CAMERAS, "images") or Cameras.empty(),
        sweeps=table_of(Sweeps, layout.SWEEPS, "sweeps") or Sweeps.empty(),
        boxes2d=table_of(Boxes2D, layout.BOXES2D, "2D detections") or Boxes2D.empty(),
        masks=table_of(Masks, layout.MASKS, "masks") or Masks.empty(),
        boxes={name: table for name, table in boxes.items() if table is not None},
        why=why or Explanations.empty(),
        lanes_m=_lanes(str(frames.location[0]), notes),
        model=model if boxes["predicted"] is not None else "",
        notes=notes,
    )


def refuse_others_evidence(scene: str, lifted: Boxes3D, why: Explanations) -> None:
    """Make sure that explanations are of these boxes.

    Raises:
        InputError: They are of others.
    """
    if not np.array_equal(lifted.sample_token, why.sample_token):
        path = layout.LIFT_EXPLAINED / f"{scene}.parquet"
        raise InputError(f"{path}: of other boxes; rerun `lift`")


def first_scene(split: str) -> str:
    """The first scene of a split; of any where the split has none."""
    splits = layout.split_per_scene()
    return next((scene for scene, own in splits.items() if own == split), next(iter(splits)))


def frame_index(frames: Frames, wanted: str) -> int:
    """A keyframe by its number within the scene, from 0, or by its token.

    Raises:
        InputError: There is none.
    """
    tokens: list[str] = frames.sample_token.tolist()
    if wanted in tokens:
        return tokens.index(wanted)
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 9 and int(wanted) < len(tokens):
        return int(wanted)
    raise InputError(
        f"--frame {wanted}: {frames.scene_name[0]} has no such keyframe; give 0 to "
        f"{len(tokens) - 1}, or a sample token"
    )


def _last_model(scene: str) -> str:
    folders = (layout.PREDICTIONS / name for name in MODELS)
    return next((f.name for f in folders if (f / f"{scene}.parquet").is_file()), "")


def _predicted(
    scene: str, model: str, split: str, params: Params, notes: list[str]
) -> Boxes3D | None:
    path = layout.PREDICTIONS / model / f"{scene}.parquet"
    if model and path.is_file():
        return Boxes3D.read(path)
    if split != params.scoring.split:
        notes.append(f"no predicted boxes: models predict in {params.scoring.split} alone")
    elif model:
        notes.append(f"no predicted boxes: {path} is not there; {remedy(path)} makes it")
    else:
        notes.append("no predicted boxes: no model has predicted; `dvc repro predict` makes them")
    return None


def _lanes(location: str, notes: list[str]) -> list[NDArrayFloat]:
    path = layout.LANES / f"{location}.parquet"
    if not location or not path.is_file():
        notes.append("no lanes: the data set has no map of this scene")
        return []
    lanes = Lanes.read(path)
    tokens: Sequence[str] = list(dict.fromkeys(lanes.lane_token.tolist()))
    return [lanes.position_m[rows] for rows in rows_by_word(lanes.lane_token, tokens)]


def boxes_of_frame(
    layers: SceneLayers, frame: int, min_score: float
) -> tuple[dict[str, Boxes3D], list[str]]:
    """Boxes of a keyframe by layer that score enough, and notes on layers that lose all."""
    token = layers.frames.sample_token[frame]
    shown: dict[str, Boxes3D] = {}
    notes: list[str] = []
    for name, boxes in layers.boxes.items():
        own = boxes[boxes.sample_token == token]
        shown[name] = own[own.score >= min_score]
        if len(own) and not len(shown[name]):
            notes.append(
                f"{name}: none of {len(own)} boxes scores {min_score:g} (--min-score), the best "
                f"{own.score.max():.2f}"
            )
    return shown, notes
