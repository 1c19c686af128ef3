"""A scene as a recording that Rerun's viewer plays; it needs requirements-view.txt."""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from cm3d.drawing.camera import hues
from cm3d.drawing.canvas import COLORS
from cm3d.errors import InputError, writing
from cm3d.evaluation.masks.measures import decode
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.lift.explained import ExplainedBoxes
from cm3d.params import Params
from cm3d.tables import Boxes3D, Cameras, Masks
from stages.shared.evidence import told
from stages.shared.scene_layers import SceneLayers

_TIMELINE: Final = "keyframe"
_OPAQUE: Final = 150
_PLANE_M: Final = 3.0  # from a camera to its image in space


def write_recording(
    path: Path,
    layers: SceneLayers,
    params: Params,
    frames: list[int],
    sweeps: int,
    min_score: float,
) -> None:
    """Record keyframes of a scene.

    Args:
        path: The file; its name ends in .rrd.
        layers: All there is of the scene.
        params: All parameters.
        frames: Which keyframes.
        sweeps: LiDAR files of each, at most.
        min_score: Boxes of lower scores are left out.

    Raises:
        InputError: Rerun is not installed, or the file cannot be written.
    """
    try:
        rerun: Any = import_module("rerun")
    except ImportError as error:
        raise InputError(
            "--rerun: rerun-sdk is not installed; `pip install -r requirements-view.txt`, or "
            "leave --rerun out for a picture"
        ) from error
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.touch()
    recorder = _Recorder(rerun, layers, params, sweeps, min_score)
    with rerun.RecordingStream(f"cm3d {layers.name}", recording_id=layers.name) as stream:
        stream.save(partial)
        recorder.log_scene(stream)
        for frame in frames:
            recorder.log_frame(stream, frame)
        stream.flush(blocking=True)
        stream.disconnect()
    with writing(path):
        partial.replace(path)


class _Recorder:
    """Logs what there is; places are relative to the first keyframe, as floats are short."""

    def __init__(
        self, rerun: Any, layers: SceneLayers, params: Params, sweeps: int, min_score: float
    ) -> None:
        self._rerun, self._layers, self._params = rerun, layers, params
        self._sweeps, self._min_score = sweeps, min_score
        self._origin_m = layers.pose(0).translation_m

    def log_scene(self, stream: Any) -> None:
        """What does not change: lanes, tracks, and which way is up."""
        rerun, ground_m = self._rerun, np.zeros(1)
        stream.log("world", rerun.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        ways = {"lanes": self._layers.lanes_m, "tracks": self._layers.tracks_m()}
        for name, ways_m in ways.items():
            strips = [
                np.column_stack([w - self._origin_m[:2], ground_m.repeat(len(w))]) for w in ways_m
            ]
            if strips:
                stream.log(
                    f"world/{name}", rerun.LineStrips3D(strips, colors=[COLORS[name]]), static=True
                )

    def log_frame(self, stream: Any, frame: int) -> None:
        """One keyframe."""
        rerun, layers = self._rerun, self._layers
        stream.set_time(_TIMELINE, sequence=frame)
        pose = layers.pose(frame)
        stream.log("world/ego", self._transform(pose))
        around = layers.surroundings(frame, self._params, self._sweeps)
        points_m = around.points_m - self._origin_m
        stream.log(
            "world/sweeps",
            rerun.Points3D(points_m, colors=_by_height(points_m, pose, self._origin_m)),
        )
        token = layers.frames.sample_token[frame]
        for name, boxes in layers.boxes.items():
            chosen = (boxes.sample_token == token) & (boxes.score >= self._min_score)
            extra = self._evidence(stream, chosen, pose) if name == "lifted" else []
            stream.log(f"world/boxes/{name}", self._boxes(boxes[chosen], name), *extra)
        cameras = layers.images_of(frame)
        for row in range(len(cameras)):
            self._log_image(stream, cameras, row)

    def _boxes(self, boxes: Boxes3D, name: str) -> Any:
        half = np.zeros((len(boxes), 2))
        quaternions = np.column_stack([half, np.sin(boxes.yaw_rad / 2), np.cos(boxes.yaw_rad / 2)])
        return self._rerun.Boxes3D(
            centers=boxes.center_m - self._origin_m,
            sizes=boxes.cuboids.size_m,
            quaternions=quaternions,
            colors=[COLORS[name]] * len(boxes),
            labels=[f"{c} {s:.2f}" for c, s in zip(boxes.class_name, boxes.score, strict=True)],
            show_labels=False,
        )

    def _evidence(self, stream: Any, chosen: Any, pose: SE3) -> list[Any]:
        """Why lifted boxes are as they are: a document, and values that a selected box shows."""
        if not len(self._layers.why):
            return []
        found = ExplainedBoxes(self._layers.boxes["lifted"][chosen], self._layers.why[chosen])
        rows = [[cell.replace("\n", "; ") for cell in row] for row in told(found, pose)]
        head = ["object; keyframes", "class; votes", "ahead, left; points", "centre; cost",
                "heading; front", "size", "score and factors"]  # fmt: skip
        lines = [head, ["---"] * len(head), *rows]
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        stream.log("evidence", self._rerun.TextDocument(text, media_type="text/markdown"))
        why = found.why
        return [
            self._rerun.AnyValues(
                track=why.track,
                points=why.points,
                center_from=why.center_from.tolist(),
                heading_from=why.heading_from.tolist(),
                front_from=why.front_from.tolist(),
                size_from=why.size_from.tolist(),
                raw_score=why.raw_score,
            )
        ]

    def _log_image(self, stream: Any, cameras: Cameras, row: int) -> None:
        rerun, layers = self._rerun, self._layers
        place = f"world/cameras/{cameras.channel[row]}"
        size_px = (int(cameras.width_px[row]), int(cameras.height_px[row]))
        intrinsics_px = cameras.intrinsics_px[row].reshape(3, 3)
        stream.log(place, self._transform(SE3.from_pose(cameras.global_SE3_camera[row])))
        stream.log(
            place,
            rerun.Pinhole(
                image_from_camera=intrinsics_px, resolution=size_px, image_plane_distance=_PLANE_M
            ),
        )
        file = layers.sensors.root / cameras.path[row]
        if file.is_file():
            stream.log(place, rerun.EncodedImage(path=file))
        else:
            layers.note(f"{cameras.channel[row]}: {file}: image is missing")
            stream.log(place, rerun.Clear(recursive=False))
        token = cameras.camera_token[row]
        masks = layers.masks[layers.masks.camera_token == token]
        stream.log(
            f"{place}/masks",
            rerun.EncodedImage(contents=_overlay(masks, size_px), media_type="image/png"),
        )
        boxes = layers.boxes2d[layers.boxes2d.camera_token == token]
        stream.log(
            f"{place}/detections",
            rerun.Boxes2D(
                array=boxes.box_px,
                array_format=rerun.Box2DFormat.XYXY,
                labels=[f"{c} {s:.2f}" for c, s in zip(boxes.class_name, boxes.score, strict=True)],
            ),
        )

    def _transform(self, global_SE3_own: SE3) -> Any:
        return self._rerun.Transform3D(
            translation=global_SE3_own.translation_m - self._origin_m,
            mat3x3=global_SE3_own.rotation,
        )


def _by_height(points_m: NDArrayFloat, pose: SE3, origin_m: NDArrayFloat) -> NDArrayByte:
    """Greys (P, 3), the brighter the higher."""
    above_m = points_m[:, 2] - (pose.translation_m - origin_m)[2]
    shade = np.interp(above_m, [-0.5, 3.5], [70, 220]).astype(np.uint8)
    return np.repeat(shade[:, None], 3, axis=1)


def _overlay(masks: Masks, size_px: tuple[int, int]) -> bytes:
    """A PNG (height, width, 4) of masks in many colours, clear elsewhere."""
    image = np.zeros((size_px[1], size_px[0], 4), dtype=np.uint8)
    if len(masks):
        for mask, color in zip(decode(masks), hues(masks.detection_id), strict=True):
            shape = cv2.resize(mask.astype(np.uint8), size_px, interpolation=cv2.INTER_NEAREST)
            image[shape > 0] = (*color[::-1], _OPAQUE)
    return bytes(cv2.imencode(".png", image)[1])
