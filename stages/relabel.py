"""Relabel the unlabelled part with the model of the round before."""

import argparse

from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.splits.labelled import is_unlabelled
from cm3d.tables import layout
from stages.shared.detection import write_detections


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round", type=int, choices=(1, 2, 3), required=True)
    number = parser.parse_args().round
    params, stage = load_params(), f"relabel_r{number}"
    train = layout.split_frames("train", wanted_by=stage)
    frames = train[is_unlabelled(train, params.labels, params.seed)]
    before = "finetune" if number == 1 else f"selftrain_r{number - 1}"
    write_detections(stage, before, frames, layout.relabelled(number), params)


if __name__ == "__main__":
    run_stage(main)
