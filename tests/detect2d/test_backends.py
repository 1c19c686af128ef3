"""From the parameters to a detector, or to the one line that says what it lacks."""

from pathlib import Path

import pytest

from cm3d import params
from cm3d.detect2d.detect import build_detector
from cm3d.detect2d.network import NetworkDetector
from cm3d.errors import InputError


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("grounding_dino", r"detect2d\.grounding_dino\.revision: .* not pinned; run `make weights"),
        ("owlv2", r"detect2d\.owlv2\.revision: .* not pinned; run `make weights MODEL=detect2d"),
        ("detic", r"detect2d\.backend: detic needs detectron2"),
    ],
)
def test_what_a_detector_lacks_is_said_in_one_line(
    defaults: params.Params, backend: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cm3d.detect2d.detic_model.find_spec", lambda name: None)
    sections = {name: getattr(defaults.detect2d, name) for name in ("grounding_dino", "owlv2")}
    unpinned = {name: s.model_copy(update={"revision": None}) for name, s in sections.items()}
    detect2d = defaults.detect2d.model_copy(update={"backend": backend} | unpinned)
    with pytest.raises(InputError, match=message) as caught:
        build_detector(detect2d, defaults.execution, 0, Path())
    assert "\n" not in str(caught.value)


def test_a_network_is_loaded_once_per_process(defaults: params.Params, owlv2_folder: Path) -> None:
    section = params.Owlv2(model=str(owlv2_folder), revision=None, template="a {}")
    detect2d = defaults.detect2d.model_copy(update={"backend": "owlv2", "owlv2": section})
    detector = build_detector(detect2d, defaults.execution, 0, Path())
    assert isinstance(detector, NetworkDetector)
    assert build_detector(detect2d.model_copy(), defaults.execution, 0, Path()) is detector
    plain = detect2d.model_copy(update={"prompts": "plain"})
    assert build_detector(plain, defaults.execution, 0, Path()) is not detector
