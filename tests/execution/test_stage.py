import os
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import begin_program, refuse_foreign_code, run_program, run_stage


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["stage"])


def broken() -> None:
    raise InputError("data/x.parquet: missing;\n  run it")


def unwritable() -> None:
    raise PermissionError(13, "Permission denied", "data/x.parquet")


def stopped() -> None:
    raise KeyboardInterrupt


def faulty() -> None:
    raise ValueError("a bug is not bad input")


def test_bad_input_is_one_line_and_exit_code_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_stage(broken)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: data/x.parquet: missing; run it\n"


def test_a_program_ends_as_a_stage_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_program(broken)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: data/x.parquet: missing; run it\n"
    with pytest.raises(SystemExit) as caught:
        run_program(stopped)
    assert caught.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"
    with pytest.raises(ValueError, match="a bug"):
        run_program(faulty)


def test_a_wrong_argument_is_bad_input() -> None:
    with pytest.raises(
        InputError, match=r"^experiments\.x: unrecognized .*`python -m exp.* --help`"
    ):
        Arguments("experiments.x", None).parse_args(["--unknown"])


def test_unwritable_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_stage(unwritable)
    assert capsys.readouterr().err.startswith("error: data/x.parquet: Permission denied")


def test_bugs_keep_their_traceback() -> None:
    with pytest.raises(ValueError, match="a bug"):
        run_stage(faulty)


def test_code_from_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="uninstall any installed copy"):
        refuse_foreign_code(tmp_path)


@pytest.mark.parametrize(("chosen", "then"), [(None, "PASSIVE"), ("active", "active")])
def test_threads_sleep_unless_the_shell_has_chosen(
    chosen: str | None, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", chosen or "")
    if chosen is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    begin_program()
    assert os.environ["OMP_WAIT_POLICY"] == then
