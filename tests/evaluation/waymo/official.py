"""Run within an environment that has Waymo's package: its own metric on two files of `Objects`.

Usage: PYTHON official.py PREDICTIONS GROUND_TRUTH; prints JSON: [AP, APH] by shard and level, and
the seconds of the op. It imports nothing of this project.
"""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    import numpy as np
    import tensorflow as tf
    from waymo_open_dataset.metrics.ops import py_metrics_ops
    from waymo_open_dataset.metrics.python import config_util_py
    from waymo_open_dataset.protos import breakdown_pb2, metrics_pb2

    predicted, true = metrics_pb2.Objects(), metrics_pb2.Objects()
    predicted.ParseFromString(Path(sys.argv[1]).read_bytes())
    true.ParseFromString(Path(sys.argv[2]).read_bytes())
    truths = [o for o in true.objects if o.object.num_lidar_points_in_box > 0]

    config = metrics_pb2.Config(
        score_cutoffs=[i * 0.01 for i in range(100)] + [1.0],
        matcher_type=metrics_pb2.MatcherProto.TYPE_HUNGARIAN,
        iou_thresholds=[0.0, 0.7, 0.5, 0.5, 0.5],
        box_type=1,
    )
    for name in ("OBJECT_TYPE", "RANGE"):
        config.breakdown_generator_ids.append(breakdown_pb2.Breakdown.GeneratorId.Value(name))
        config.difficulties.add().levels.extend([1, 2])

    keys = sorted({_key(o) for o in [*predicted.objects, *truths]})
    number = {key: row for row, key in enumerate(keys)}
    inputs = {
        "prediction_bbox": _boxes(predicted.objects),
        "prediction_type": np.array([o.object.type for o in predicted.objects], np.uint8),
        "prediction_score": np.array([o.score for o in predicted.objects], np.float32),
        "prediction_frame_id": np.array([number[_key(o)] for o in predicted.objects], np.int64),
        "prediction_overlap_nlz": np.array([o.overlap_with_nlz for o in predicted.objects], bool),
        "ground_truth_bbox": _boxes(truths),
        "ground_truth_type": np.array([o.object.type for o in truths], np.uint8),
        "ground_truth_frame_id": np.array([number[_key(o)] for o in truths], np.int64),
        "ground_truth_difficulty": np.array([_level(o) for o in truths], np.uint8),
    }
    tensors = {name: tf.constant(values) for name, values in inputs.items()}
    begin = time.perf_counter()
    ap, aph, *_ = py_metrics_ops.detection_metrics(**tensors, config=config.SerializeToString())
    seconds = time.perf_counter() - begin
    names = config_util_py.get_breakdown_names_from_config(config)
    scores = {
        name: [float(a), float(b)]
        for name, a, b in zip(names, ap.numpy(), aph.numpy())  # noqa: B905
    }
    print(json.dumps({"seconds": seconds, "scores": scores}))


def _key(thing):
    return f"{thing.context_name}_{thing.camera_name}", thing.frame_timestamp_micros


def _level(thing):
    annotated = thing.object.detection_difficulty_level
    return annotated or (2 if thing.object.num_lidar_points_in_box <= 5 else 1)


def _boxes(things):
    import numpy as np

    names = ("center_x", "center_y", "center_z", "length", "width", "height", "heading")
    rows = [[getattr(o.object.box, name) for name in names] for o in things]
    return np.array(rows, np.float32).reshape(-1, 7)


if __name__ == "__main__":
    main()
