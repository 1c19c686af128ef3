"""`python -m stages.view [--scene S] [--frame I]`: a keyframe with all that was made of it.

Writes a picture: the cameras with detections, masks and 3D boxes, and what is around the vehicle
seen from above. With `--rerun FILE.rrd` it writes a recording of the scene instead.
"""

from io import BytesIO
from pathlib import Path

from PIL import Image
from rich.console import Console

from cm3d.drawing.sheet import contact_sheet
from cm3d.errors import InputError
from cm3d.execution.arguments import Arguments
from cm3d.execution.files import write_whole
from cm3d.execution.stage import run_stage
from cm3d.geometry.arrays import NDArrayByte
from cm3d.lift.explained import ExplainedBoxes
from cm3d.params import Params, load_params
from stages.shared.evidence import evidence_table, of_class, surest_first
from stages.shared.recording import write_recording
from stages.shared.scene_layers import (
    MODELS,
    SceneLayers,
    boxes_of_frame,
    first_scene,
    frame_index,
    read_scene,
)


def main() -> None:
    """Write the picture or the recording."""
    parser = Arguments("stages.view", __doc__)
    parser.add_argument("--scene", help="a drive; the first of val")
    parser.add_argument("--frame", help="its keyframe, by number from 0 or sample token; 0")
    parser.add_argument("--model", choices=MODELS, help="whose predictions; the last one's")
    parser.add_argument("--min-score", type=float, default=0.2, help="of boxes that are drawn; 0.2")
    parser.add_argument("--sweeps", type=int, default=3, help="LiDAR files of a keyframe; 3")
    parser.add_argument("--range", type=float, default=50.0, help="seen from above, in metres; 50")
    parser.add_argument("--out", type=Path, default=Path("view.png"), help="the picture; view.png")
    parser.add_argument("--rerun", type=Path, help="a recording, all keyframes without --frame")
    parser.add_argument("--explain", action="store_true", help="print why boxes are there instead")
    parser.add_argument("--class", dest="class_name", help="explain boxes of this class alone")
    arguments = parser.parse_args()
    if arguments.out.suffix != ".png":
        raise InputError(f"--out {arguments.out}: a picture's name ends in .png")
    if arguments.rerun and arguments.rerun.suffix != ".rrd":
        raise InputError(f"--rerun {arguments.rerun}: a recording's name ends in .rrd")
    if not 0 <= arguments.min_score <= 1:
        raise InputError(f"--min-score {arguments.min_score:g}: give 0 to 1")
    if not 1 <= arguments.sweeps <= 1000:
        raise InputError(f"--sweeps {arguments.sweeps}: give 1 to 1000")
    if not 1 <= arguments.range <= 500:
        raise InputError(f"--range {arguments.range:g}: give 1 to 500 metres")
    params = load_params()
    layers = read_scene(arguments.scene or first_scene("val"), params, arguments.model)
    frame = frame_index(layers.frames, arguments.frame or "0")
    if arguments.explain:
        explain(layers, frame, arguments.class_name)
        return
    if arguments.rerun:
        frames = [frame] if arguments.frame else list(range(len(layers.frames)))
        write_recording(
            arguments.rerun, layers, params, frames, arguments.sweeps, arguments.min_score
        )
        print(
            f"{arguments.rerun}: {len(frames)} keyframes of {layers.name}; rerun {arguments.rerun}"
        )
    else:
        image = draw_sheet(
            layers, frame, params, arguments.sweeps, arguments.min_score, arguments.range
        )
        write_whole(arguments.out, encoded(image, "PNG"))
        token = layers.frames.sample_token[frame]
        print(f"{arguments.out}: {layers.name}, keyframe {frame} ({token})")
    for note in layers.notes:
        print(f"note: {note}")


def draw_sheet(
    layers: SceneLayers, frame: int, params: Params, sweeps: int, min_score: float, reach_m: float
) -> NDArrayByte:
    """The contact sheet of a keyframe; what is not there is noted.

    Raises:
        InputError: A table is broken.
    """
    around = layers.surroundings(frame, params, sweeps)
    cameras = layers.images_of(frame)
    photographs = [layers.photograph(cameras, row) for row in range(len(cameras))]
    shown, notes = boxes_of_frame(layers, frame, min_score)
    for note in notes:
        layers.note(note)
    title = (
        f"{params.dataset.name} ({params.dataset.version}), {layers.name}, keyframe {frame}, "
        f"{layers.frames.sample_token[frame]}; boxes from a score of {min_score:g} on"
    )
    if layers.model:
        title += f"; predicted by {layers.model}"
    cuboids = {name: boxes.cuboids for name, boxes in shown.items()}
    return contact_sheet(title, photographs, around, cuboids, layers.notes, reach_m=reach_m)


def explain(layers: SceneLayers, frame: int, class_name: str | None) -> None:
    """Print what gave the lifted boxes of a keyframe, surest first.

    Raises:
        InputError: `lift` has not run, or there is no box of the class.
    """
    if "lifted" not in layers.boxes or not len(layers.why):
        raise InputError(f"--explain: {layers.name} has no lifted boxes; run `dvc repro lift`")
    chosen = layers.why.sample_token == layers.frames.sample_token[frame]
    found = surest_first(ExplainedBoxes(layers.boxes["lifted"][chosen], layers.why[chosen]))
    if class_name is not None:
        found = of_class(found, class_name)
    title = f"{layers.name}, keyframe {frame}"
    Console().print(evidence_table(title, found, layers.pose(frame)))


def encoded(image: NDArrayByte, kind: str, quality: int = 80) -> bytes:
    """The bytes of an image file."""
    content = BytesIO()
    Image.fromarray(image).save(content, kind, quality=quality)
    return content.getvalue()


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
