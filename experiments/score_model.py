"""`python -m experiments.score_model finetune`: score trained models of the workspace by name.

For comparisons that need no self-training: `evaluate` scores every model, so it trains them all.
"""

import argparse
import json

from cm3d.evaluation.summary import headline
from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import Sweeps, layout, read_scenes
from cm3d.training.checkpoint import load_model
from cm3d.training.labels import inference_frames
from stages.scores import Scorer
from stages.training import detect


def main() -> None:
    """Print the seven figures of each model on the scored split, one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="folder in data/models")
    names = parser.parse_args().models
    params = load_params()
    scorer = Scorer.of(layout.split_frames(params.scoring.split), params.evaluate.engine)
    frames = scorer.frames
    sweeps = read_scenes(Sweeps, layout.SWEEPS, sorted(set(frames.scene_name)))
    for name in names:
        model = load_model(layout.MODELS / name, params.detector)
        boxes = detect(model, inference_frames(frames, sweeps), params, f"predict by {name}")
        figures = headline(scorer.score(boxes))
        print(json.dumps({"model": name, "seed": params.seed, **figures}))


if __name__ == "__main__":
    run_stage(main)
