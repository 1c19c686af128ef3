import json
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.execution.files import write_csv, write_json


def test_json_is_rounded_and_ordered_as_given(tmp_path: Path) -> None:
    write_json(tmp_path / "m" / "x.json", {"b": 0.12345678, "a": [1, (2.00000001,)]})
    assert (tmp_path / "m" / "x.json").read_text().startswith('{\n  "b": 0.123457')
    assert json.loads((tmp_path / "m" / "x.json").read_text()) == {"b": 0.123457, "a": [1, [2.0]]}


def test_csv(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", [{"step": 0, "loss": 2.5}, {"step": 1, "loss": 1.5}])
    assert (tmp_path / "x.csv").read_text() == "step,loss\n0,2.5\n1,1.5\n"


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"/file: cannot be written .* move it away"):
        write_json(tmp_path / "file" / "x.json", {})
