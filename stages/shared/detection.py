"""What a trained model sees, one table per scene."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cm3d.detectors.protocol import Detector
from cm3d.execution.devices import choose_device
from cm3d.execution.scenes import write_noted_tables
from cm3d.params import Params
from cm3d.sensors.card import open_sensors
from cm3d.tables import Boxes3D, Cameras, Frames, Sweeps, layout, read_scenes
from cm3d.tables.map_predictions import MapPredictions
from cm3d.tables.noted import Noted
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import load_model
from cm3d.training.frames import TrainingFrame, with_cameras
from cm3d.training.images import check_images
from cm3d.training.inference import predict, predict_maps
from cm3d.training.labels import inference_frames


@dataclass(frozen=True, eq=False)
class DetectScene:
    """Detects in the keyframes of a scene; it is sent to the workers of an engine.

    Args:
        model_name: Of a folder in data/models.
        frames: Keyframes of all scenes.
        params: All parameters.
    """

    model_name: str
    frames: Frames
    params: Params

    def __call__(self, scene: str) -> Noted[Boxes3D]:
        """The boxes of a scene, global frame."""
        params = self.params
        model = _model(self.model_name, params)
        return predict(
            model,
            _frames_of(scene, self.frames, model),
            sensors=open_sensors(params.dataset),
            taxonomy=load_taxonomy(params.taxonomy),
            chosen=params.predict,
            device=choose_device(params.execution.device),
            batch_size=params.execution.frame_batch,
            readers=params.execution.loaders,
        )


@dataclass(frozen=True, eq=False)
class SegmentGround:
    """Says what the ground is around the keyframes of a scene; arguments as of `DetectScene`."""

    model_name: str
    frames: Frames
    params: Params

    def __call__(self, scene: str) -> Noted[MapPredictions]:
        """The masks of a scene."""
        params, model = self.params, _model(self.model_name, self.params, of_maps=True)
        return predict_maps(
            model,
            _frames_of(scene, self.frames, model),
            sensors=open_sensors(params.dataset),
            device=choose_device(params.execution.device),
            batch_size=params.execution.frame_batch,
            readers=params.execution.loaders,
        )


def _frames_of(scene: str, frames: Frames, model: Detector) -> list[TrainingFrame]:
    """The keyframes of a scene with what a model sees of them."""
    sweeps = Sweeps.read(layout.SWEEPS / f"{scene}.parquet")
    found = inference_frames(frames[frames.scene_name == scene], sweeps)
    if model.needs.cameras is None:
        return found
    return with_cameras(found, Cameras.read(layout.CAMERAS / f"{scene}.parquet"))


@lru_cache(maxsize=1)
def _model(name: str, params: Params, *, of_maps: bool = False) -> Detector:
    """A model, read once per process."""
    network = params.network.for_maps() if of_maps else params.network
    return load_model(layout.MODELS / name, network, load_taxonomy(params.taxonomy))


def write_detections(
    title: str, model_name: str, frames: Frames, folder: Path, params: Params
) -> None:
    """Write the boxes of one model in some keyframes, global frame, to `<folder>/<scene>.parquet`.

    Raises:
        InputError: The model or a sensor file cannot be read, or more workers than GPUs.
    """
    _write(title, DetectScene(model_name, frames, params), folder)


def write_masks(title: str, model_name: str, frames: Frames, folder: Path, params: Params) -> None:
    """Write what one model says of the ground around some keyframes; else as `write_detections`."""
    _write(title, SegmentGround(model_name, frames, params), folder)


def _write(title: str, work: DetectScene | SegmentGround, folder: Path) -> None:
    """Spread scenes over workers, each with a GPU of its own where there are any."""
    _model.cache_clear()  # the folder may hold another one since it was read
    sizes = dict(sorted(Counter(work.frames.scene_name.tolist()).items()))
    execution = work.params.execution
    images = None
    if _sees_images(work):
        cameras = read_scenes(Cameras, layout.CAMERAS, list(sizes))
        tokens, root = set(work.frames.sample_token), open_sensors(work.params.dataset).root
        images = check_images(title, cameras, tokens, root, execution.max_unreadable)
    write_noted_tables(
        title, folder, work, sizes, execution, networks=True, unit="keyframe", images=images
    )


def _sees_images(work: DetectScene | SegmentGround) -> bool:
    """Whether the model does, which may be the LiDAR branch of what parameters say."""
    if work.params.network.cameras is None:
        return False
    model = _model(work.model_name, work.params, of_maps=isinstance(work, SegmentGround))
    return model.needs.cameras is not None
