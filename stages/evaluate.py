"""Score one label set, or what one model predicts, on one split, as the nuScenes devkit does."""

import argparse
from pathlib import Path

from cm3d.evaluation.agnostic import PROTOCOLS
from cm3d.evaluation.summary import agnostic_headlines, headline, per_class
from cm3d.execution.files import write_json
from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import layout
from stages.scores import Scorer, write_plots


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of the files that are written")
    parser.add_argument("boxes", type=Path, help="folder of tables, one per scene")
    arguments = parser.parse_args()
    params, file = load_params(), f"{arguments.name}.json"
    scorer = Scorer.of(layout.split_frames(params.scoring.split), params.evaluate.engine)
    boxes = scorer.labels(arguments.boxes)
    scores, agnostic = scorer.score(boxes), scorer.score_agnostic(boxes, PROTOCOLS)

    write_json(layout.EVALUATION / file, {"engine": scores.engine, **headline(scores)})
    write_json(layout.METRICS / "evaluate_classes" / file, per_class(scores))
    write_json(layout.METRICS / "evaluate_agnostic" / file, agnostic_headlines(agnostic))
    ap, curves = (layout.PLOTS / f"evaluate_{kind}" / file for kind in ("ap", "pr"))
    write_plots(arguments.name, scores, ap, curves)


if __name__ == "__main__":
    run_stage(main)
