"""Relabel the unlabelled part with the model of the round before, and score the labels there."""

import argparse

from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import layout
from cm3d.tables.labelled import is_unlabelled
from stages.detection import write_detections
from stages.scores import write_label_scores


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round", type=int, choices=(1, 2, 3), required=True)
    number = parser.parse_args().round
    params, train = load_params(), layout.split_frames("train")
    frames = train[is_unlabelled(train, params.labels)]
    stage, out = f"relabel_r{number}", layout.relabelled(number)
    before = "finetune" if number == 1 else f"selftrain_r{number - 1}"
    write_detections(stage, before, frames, out, params)
    write_label_scores(stage, out, frames)


if __name__ == "__main__":
    run_stage(main)
