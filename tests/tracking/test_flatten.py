from mlflow.utils.validation import _validate_metric_name

from cm3d.tracking.flatten import accepted_name, flat_metrics, flat_params


def test_params_are_leaves_by_dotted_path_and_lists_are_left_out() -> None:
    params = {"seed": 0, "lift": {"nms": True, "nms_radius_m": {"car": 2.0}}, "blocks": [1, 2]}
    assert flat_params(params) == {"seed": "0", "lift.nms": "True", "lift.nms_radius_m.car": "2.0"}


def test_params_longer_than_mlflow_takes_are_left_out() -> None:
    assert flat_params({"short": "a" * 6000, "long": "a" * 6001}).keys() == {"short"}


def test_metrics_are_finite_numbers_by_path() -> None:
    metrics = {"fuse": {"mAP": 0.25, "AVE": None, "nan": float("nan"), "protocol": "x"}, "n": 3}
    assert flat_metrics(metrics) == {"fuse/mAP": 0.25, "n": 3.0}


def test_names_are_made_acceptable_to_mlflow() -> None:
    assert accepted_name("loss/truck+bus (é)") == "loss/truck-bus ---"
    assert accepted_name("a.b_c-d: e/f 1") == "a.b_c-d: e/f 1"
    for name in [*flat_metrics({"a+b": {"c%": 1}}), *flat_params({"a=b": 1})]:
        _validate_metric_name(name)
