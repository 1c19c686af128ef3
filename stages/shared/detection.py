"""What a trained model sees, one table per scene."""

from pathlib import Path

from cm3d.execution.devices import choose_device
from cm3d.execution.scenes import write_scene_tables
from cm3d.params import Params
from cm3d.sensors.card import open_sensors
from cm3d.tables import Boxes3D, Frames, Sweeps, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import load_model
from cm3d.training.inference import predict
from cm3d.training.labels import inference_frames


def write_detections(
    stage: str, model_name: str, frames: Frames, out: Path, params: Params
) -> None:
    """Write the boxes of one model in some keyframes, global frame, to `<out>/<scene>.parquet`."""
    taxonomy, sensors = load_taxonomy(params.taxonomy), open_sensors(params.dataset)
    model = load_model(layout.MODELS / model_name, params.detector, taxonomy)

    def boxes_of(scene: str) -> Boxes3D:
        sweeps = Sweeps.read(layout.SWEEPS / f"{scene}.parquet")
        return predict(
            model,
            inference_frames(frames[frames.scene_name == scene], sweeps),
            sensors=sensors,
            taxonomy=taxonomy,
            chosen=params.predict,
            device=choose_device(params.execution.device),
            description=f"{model_name} in {scene}",
        )

    # the model already uses every core, or the GPU
    execution = params.execution.model_copy(update={"engine": "serial"})
    write_scene_tables(stage, out, boxes_of, sorted(set(frames.scene_name)), execution)
