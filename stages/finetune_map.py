"""Train map segmentation on the maps around the labelled part (paper, Table 11)."""

from cm3d.execution.stage import run_stage
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.params import load_params
from cm3d.splits.labelled import is_labelled
from cm3d.tables import layout
from cm3d.tables.map_areas import read_ground_maps
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import load_model
from cm3d.training.frames import with_locations
from cm3d.training.labels import inference_frames
from stages.shared.training import read_train_split, train_detector

STAGE = "finetune_map"


def main() -> None:
    """Run the stage."""
    params, split = load_params(), read_train_split(STAGE)
    chosen = split.frames[is_labelled(split.frames, params.labels, params.seed)]
    frames = with_locations(inference_frames(chosen, split.sweeps), chosen)
    initial = None
    if params.finetune_map.init == "pretrain":
        taxonomy = load_taxonomy(params.taxonomy)
        model = load_model(layout.MODELS / "pretrain", params.network, taxonomy)
        initial = model.state_dict()
    used = {"labelled_frames.json": sorted(chosen.sample_token)}
    maps = read_ground_maps(chosen, STAGE, MAP_CLASSES)
    train_detector(STAGE, frames, params.finetune_map, params, initial, used, maps)


if __name__ == "__main__":
    run_stage(main, trains=True)
