"""Outputs are replaced together and whole, full disks are named, damaged work is done again."""

import errno
import fcntl
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cm3d.errors import InputError
from cm3d.execution import interruption, resume
from cm3d.execution import publication as publishing
from cm3d.execution.arguments import Arguments, member_of
from cm3d.execution.files import read_sealed, write_csv, write_json, write_sealed, write_whole
from cm3d.execution.publication import publication
from cm3d.execution.resume import work_folder
from cm3d.execution.scenes import UnfinishedTables, write_noted_tables
from cm3d.params import Execution, load_params
from cm3d.tables import Boxes2D
from cm3d.tables.noted import UNREADABLE, LeftOut, Noted
from cm3d.training.object_bank import write_bank
from cm3d.training.resume import ResumeFile
from tests.trust.refusal import content_of, refuses

BOXES = Boxes2D(["t"], [1], ["car"], [0.5], [[0, 0, 1, 1]])
OUT, METRICS = Path("data/boxes2d"), Path("metrics/detect2d.json")


@pytest.fixture(autouse=True)
def each_its_own_work() -> Iterator[None]:
    """What a failed test holds is no other's: a process holds its work until it ends."""
    yield
    resume._forget()


@pytest.fixture
def earlier(bare_workspace: Path) -> dict[str, bytes]:
    """Outputs of an earlier run."""
    for path, text in ((OUT / "a.parquet", "old"), (METRICS, "{}")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return outputs()


def outputs() -> dict[str, bytes]:
    """All that lies where outputs do, by path."""
    return {
        f"{top}/{path}": content
        for top in ("data", "metrics")
        for path, content in content_of(Path(top)).items()
    }


def publish() -> None:
    with publication("detect2d") as made:
        (made.folder(OUT) / "a.parquet").write_text("new")
        made.json(METRICS, {"images": 1})


def test_outputs_and_metrics_are_replaced_together(earlier: dict[str, bytes]) -> None:
    publish()
    assert outputs() == {str(OUT / "a.parquet"): b"new", str(METRICS): b'{\n  "images": 1\n}\n'}
    assert not list(Path(".cache/resume").iterdir())


def not_a_number() -> None:
    with publication("detect2d") as made:
        (made.folder(OUT) / "a.parquet").write_text("new")
        made.json(METRICS, {"score": float("nan")})


def bad_score() -> None:
    with publication("detect2d") as made:
        (made.folder(OUT) / "a.parquet").write_text("new")
        raise InputError("data/x: the score is not finite; mend it")


def failing(patch: pytest.MonkeyPatch, where: str, number: int, at: int) -> None:
    """Let the call of this place in the order fail with an error that names no file."""
    calls = iter(range(10_000))
    whole = getattr(publishing, where)

    def fail(*arguments: Any) -> Any:
        if next(calls) == at:
            raise OSError(number, os.strerror(number))
        return whole(*arguments)

    patch.setattr(publishing, where, fail)


# The function that fails, how, at which of its calls, and the words that must stand in the message.
FAILURES = {
    "the first does not reach the disk": ("sync", errno.ENOSPC, 0, (str(OUT), "free some")),
    "the second does not reach the disk": ("sync", errno.EIO, 1, (str(METRICS), "disk fails")),
    "a quota ends": ("sync", errno.EDQUOT, 1, (str(METRICS), "quota")),
    "the first cannot be moved away": ("_rename", errno.EACCES, 0, (str(OUT), "Permission")),
    "the first cannot be put in place": ("_rename", errno.EROFS, 1, (str(OUT), "Read-only")),
    "the second cannot be moved away": ("_rename", errno.EPERM, 2, (str(METRICS), "owner")),
    "the second cannot be put in place": ("_rename", errno.ENOSPC, 3, (str(METRICS), "free")),
    "the second is in use": ("_rename", errno.EBUSY, 3, (str(METRICS), "busy", "stop it")),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_leaves_all_earlier_outputs(
    case: str, earlier: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, number, at, words = FAILURES[case]
    with monkeypatch.context() as patch:
        failing(patch, where, number, at)
        refuses(publish, *words, "cannot be written")
    assert outputs() == earlier
    publish()
    assert outputs()[str(OUT / "a.parquet")] == b"new"


@pytest.mark.parametrize(
    ("action", "words"),
    [(not_a_number, ("detect2d.json", "not finite")), (bad_score, ("the score is not finite",))],
)
def test_what_fails_after_the_tables_leaves_all_earlier_outputs(
    action: Callable[[], None], words: tuple[str, ...], earlier: dict[str, bytes]
) -> None:
    refuses(action, *words)
    assert outputs() == earlier


def test_a_folder_that_cannot_be_emptied_is_named_beforehand(
    earlier: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = OUT / "below"
    fixed.mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != fixed)
    refuses(publish, str(OUT), "cannot be written", "Permission denied", "owner or mode")
    assert outputs() == earlier


def test_a_file_where_the_outputs_folder_belongs_is_named(bare_workspace: Path) -> None:
    Path("data").write_text("mine")
    said = refuses(publish, "data: cannot be written", "move it away")
    assert "free" not in said
    assert Path("data").read_text() == "mine"
    assert not METRICS.exists()


def test_a_link_is_replaced_and_what_it_leads_to_is_kept(bare_workspace: Path) -> None:
    (bare_workspace / "elsewhere").mkdir()
    (bare_workspace / "elsewhere" / "mine").write_text("mine")
    OUT.parent.mkdir()
    OUT.symlink_to(bare_workspace / "elsewhere")
    publish()
    assert [path.name for path in OUT.iterdir()] == ["a.parquet"]
    assert (bare_workspace / "elsewhere" / "mine").read_text() == "mine"


@pytest.mark.parametrize("at", [None, 2])
def test_a_cache_on_another_disk_is_copied_beside_the_outputs(
    at: int | None, earlier: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of it stays there, also if the second output fails."""
    disks = iter(range(1000))
    monkeypatch.setattr(publishing, "_disk_of", lambda _: next(disks))
    if at is not None:
        failing(monkeypatch, "_rename", errno.ENOSPC, at)
        refuses(publish, str(METRICS), "free some")
        assert outputs() == earlier
    else:
        publish()
        assert outputs().keys() == earlier.keys()
        assert outputs() != earlier


def test_a_signal_waits_until_all_outputs_are_in_place() -> None:
    ended: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interruption.os, "_exit", ended.append)
        patch.setattr(interruption, "kill_descendants", lambda: None)
        patch.setattr(interruption, "_tidy_up", lambda: None)
        patch.setattr(interruption.os, "dup2", lambda *_: None)
        patch.setattr(interruption.signal, "signal", lambda *_: None)
        patch.setattr(interruption, "_waiting", [])
        with interruption.uninterrupted():
            interruption._end(15, None)
            assert not ended
    assert ended == [143]


# ---- places that cannot be written


@contextmanager
def small_files(limit: int = 16) -> Iterator[None]:
    """Within, no file grows beyond so many bytes: every writer meets a real error of the system."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def save_state(folder: Path) -> None:
    ResumeFile(folder, "print", 0.0).save_if_due([], {"model": torch.nn.Linear(9, 9)})


WRITERS: dict[str, Callable[[Path], object]] = {
    "x.json": lambda folder: write_json(folder / "x.json", {"a figure": 1.0}),
    "x.csv": lambda folder: write_csv(folder / "x.csv", [{"a step": 1, "a loss": 2.5}]),
    "x.bin": lambda folder: write_whole(folder / "x.bin", bytes(99)),
    "x.seal": lambda folder: write_sealed(folder / "x.seal", bytes(99)),
    "x.parquet": lambda folder: BOXES.write(folder / "x.parquet"),
    "training.pt": save_state,
    "bank": lambda folder: write_bank(folder / "bank", ("car",), []),
    "out.notes": lambda folder: UnfinishedTables(folder / "out").add(lambda _: Noted(BOXES), "a"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_that_finds_no_room_names_its_file(name: str, tmp_path: Path) -> None:
    with small_files():
        refuses(lambda: WRITERS[name](tmp_path), name, "File too large", "ulimit -f")
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("name", ["x.json", "x.csv", "x.seal", "training.pt"])
def test_a_disk_that_fails_is_named_and_the_earlier_file_kept(
    name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITERS[name](tmp_path)
    before = content_of(tmp_path)

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    refuses(lambda: WRITERS[name](tmp_path), name, os.strerror(number))
    assert content_of(tmp_path) == before


@pytest.mark.parametrize("file", [".cache", ".cache/resume"])
def test_a_file_in_place_of_the_cache_is_no_full_disk(file: str, bare_workspace: Path) -> None:
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text("mine")
    said = refuses(publish, f"{file}: cannot be written", "move it away")
    assert "free" not in said
    assert Path(file).read_text() == "mine"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOLCK, ("No locks", "flock")),
        (errno.EOPNOTSUPP, ("not supported", "flock")),
        (errno.ENOSYS, ("not implemented", "flock")),
    ],
)
def test_a_cache_without_locks_is_one_line(
    number: int, words: tuple[str, ...], bare_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> None:
        raise OSError(number, "")

    monkeypatch.setattr(fcntl, "flock", fail)
    refuses(lambda: work_folder("detect2d"), ".cache/resume", *words)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EMFILE])
def test_a_cache_that_cannot_be_written_is_one_line(
    number: int, bare_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: object, *_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number), str(path))

    (bare_workspace / ".cache" / "resume").mkdir(parents=True)
    monkeypatch.setattr(os, "open", fail)
    refuses(lambda: work_folder("detect2d"), ".cache/resume", os.strerror(number))


# ---- damaged work


def cut(share: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


def zeros(path: Path) -> None:
    """What a power failure leaves of a file whose length alone has reached the disk."""
    path.write_bytes(bytes(path.stat().st_size))


def turn_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def note(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text)


DAMAGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "table empty": ("out/a.parquet", cut(0)),
    "table cut in half": ("out/a.parquet", cut(0.5)),
    "table all zeros": ("out/a.parquet", zeros),
    "a bit of the table": ("out/a.parquet", turn_a_bit),
    "table away": ("out/a.parquet", Path.unlink),
    "table of another scene": ("out/a.parquet", lambda path: Boxes2D.empty().write(path)),
    "table beside cut": ("beside/a.parquet", cut(0.9)),
    "table beside away": ("beside/a.parquet", Path.unlink),
    "note empty": ("out.notes/a.json", cut(0)),
    "note cut": ("out.notes/a.json", cut(0.5)),
    "note all zeros": ("out.notes/a.json", zeros),
    "note away": ("out.notes/a.json", Path.unlink),
    "note a list": ("out.notes/a.json", note("[]")),
    "note a number": ("out.notes/a.json", note("3")),
    "note of an earlier version": ("out.notes/a.json", note("{}")),
    "note not UTF-8": ("out.notes/a.json", lambda path: path.write_bytes(b"\xff{}") and None),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_scene_is_made_again(case: str, tmp_path: Path) -> None:
    tables = UnfinishedTables(tmp_path / "out", (tmp_path / "beside",))
    calls: list[str] = []

    def make(scene: str) -> Noted[Boxes2D]:
        calls.append(scene)
        return Noted(BOXES, {"words": ("tram",)}, beside=(BOXES,))

    told: LeftOut = {"words": ("tram",)}
    assert tables.add(make, "a") == tables.add(make, "a") == tables.finished("a") == told
    assert calls == ["a"]
    before = content_of(tmp_path)
    file, damage = DAMAGE[case]
    damage(tmp_path / file)
    assert tables.finished("a") is None
    assert tables.add(make, "a") == told
    assert calls == ["a", "a"]
    assert content_of(tmp_path) == before


STATES: dict[str, Callable[[Path], None]] = {
    "empty": cut(0),
    "shorter than its seal": cut(0.005),
    "cut in half": cut(0.5),
    "all zeros": zeros,
    "a bit": turn_a_bit,
    "without a seal": lambda path: torch.save({}, path),
    "something else": note("no state"),
}


@pytest.mark.parametrize("case", STATES)
def test_a_damaged_state_of_a_training_begins_anew(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_state(tmp_path)
    model, state = torch.nn.Linear(9, 9), ResumeFile(tmp_path, "print", 0.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    STATES[case](tmp_path / "training.pt")
    assert state.restore({"model": model}) == []
    assert all(torch.equal(model.state_dict()[name], before[name]) for name in before)
    assert capsys.readouterr().out == (
        f"note: {tmp_path}/training.pt: damaged; the training begins anew\n"
    )


def test_a_sealed_file_gives_back_what_was_written(tmp_path: Path) -> None:
    for content in (b"", b"x", bytes(np.random.default_rng(0).bytes(999))):
        write_sealed(tmp_path / "x", content)
        assert read_sealed(tmp_path / "x") == content
    assert read_sealed(tmp_path / "none") is None


def test_damaged_work_is_not_published(bare_workspace: Path) -> None:
    execution = load_params().execution.model_copy(update={"engine": "serial"})

    def run(fails: bool) -> None:
        def make(scene: str) -> Noted[Boxes2D]:
            if scene == "b" and fails:
                raise InputError("b: broken; mend it")
            return Noted(BOXES, {UNREADABLE: ()})

        write_all(make, execution)

    refuses(lambda: run(fails=True), "b: broken")
    (table,) = Path(".cache/resume").rglob("a.parquet")
    cut(0.5)(table)
    run(fails=False)
    assert len(Boxes2D.read(OUT / "a.parquet")) == 1
    assert sorted(path.name for path in OUT.iterdir()) == ["a.parquet", "b.parquet"]


def write_all(make: Callable[[str], Noted[Boxes2D]], execution: Execution) -> None:
    with publication("detect2d") as made:
        write_noted_tables("detect2d", made.folder(OUT), make, {"a": 1, "b": 1}, execution)


# ---- command lines

NAMES: dict[str, tuple[str, str, str]] = {
    "unknown": ("evaluate", "lifed", "did you mean lifted"),
    "of another group": ("predict", "lifted", "choose of pretrain"),
    "a path": ("evaluate", "a/lifted", "no evaluate@a/lifted"),
    "upwards": ("evaluate", "../lifted", "no evaluate@../lifted"),
    "the folder above": ("predict", "..", "no predict@.."),
    "this folder": ("predict", ".", "no predict@."),
    "empty": ("evaluate", "", "no evaluate@;"),
    "absolute": ("predict", "/etc", "no predict@/etc"),
    "with the group": ("evaluate", "evaluate@lifted", "no evaluate@evaluate@lifted"),
    "with a space": ("evaluate", "lifted ", "did you mean lifted"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_that_dvc_does_not_have_is_refused(case: str, bare_workspace: Path) -> None:
    group, name, words = NAMES[case]
    before = content_of(bare_workspace)
    refuses(lambda: member_of(group, name), f"stages.{group}", words)
    assert content_of(bare_workspace) == before
    assert member_of("evaluate", "lifted") == "lifted"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "required: --round"),
        (["--round"], "expected one argument"),
        (["--round", "4"], "invalid choice"),
        (["--round", "one"], "invalid int value"),
        (["--round", "1", "more"], "unrecognized arguments: more"),
        (["--rou", "1"], "required: --round"),
    ],
)
def test_a_command_line_is_refused_in_one_line(given: list[str], words: str) -> None:
    parser = Arguments("stages.relabel", "Relabel.")
    parser.add_argument("--round", type=int, choices=(1, 2, 3), required=True)
    refuses(lambda: parser.parse_args(given), "stages.relabel", words, "--help")
