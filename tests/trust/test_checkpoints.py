"""Weights of others and our own: each door refuses broken ones by file, tensor and fault."""

import io
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save as save_contiguous
from torch import Tensor

from cm3d.detectors.mmdet3d import weights_from_mmdet3d
from cm3d.detectors.registry import build_detector
from cm3d.simulation.networks.layers import fold_norms
from cm3d.simulation.networks.segmenter import SegmenterNetwork
from cm3d.simulation.networks.weights import load_weights
from cm3d.simulation.teaching.train import weights_of
from cm3d.training.checkpoint import load_model, save_model
from cm3d.weights import read_weights
from stages.pretrain import initial_weights
from tests.detectors.test_mmdet3d import renamed_for_mmdet3d
from tests.tiny_detector import PROJECT, tiny_detector, tiny_taxonomy
from tests.tiny_sam import TOKENS, load_checkpoint, make_sam, segment_anything, tiny_sam
from tests.trust.refusal import NO_FILES, content_of, refuses

__all__ = ["segment_anything", "tiny_sam"]

State = dict[str, Any]
NAN, INF = float("nan"), float("inf")
DETECTOR = tiny_detector(range_m=3.2, block_channels=[8, 8], block_layers=[1, 0])
CLASSES = tiny_taxonomy()


@dataclass(frozen=True)
class Door:
    """One reader of weights.

    Args:
        state: Sound weights.
        pack: Makes a file's bytes of them.
        path: The file that it reads, whose folder is there.
        read: Reads it.
        names: A tensor of floats with two dimensions at least, and what messages call it.
        remedy: Words that each of its refusals ends with.
    """

    state: State
    pack: Callable[[State], bytes]
    path: Path
    read: Callable[[], object]
    names: tuple[str, str]
    remedy: str


def save(state: State) -> bytes:
    return save_contiguous({name: value.contiguous() for name, value in state.items()})


def torch_bytes(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def detector_state() -> State:
    return dict(build_detector(DETECTOR, CLASSES, 1).state_dict())


@pytest.fixture(scope="session")
def detector_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, build_detector(DETECTOR, CLASSES, 1), DETECTOR, CLASSES)
    return folder


def in_folder(state: State, source: Path, folder: Path, read: Any, remedy: str) -> Door:
    folder.mkdir(parents=True)
    (folder / "detector.json").write_bytes((source / "detector.json").read_bytes())
    name = "head.shared.0.weight"
    return Door(state, save, folder / "model.safetensors", read, (name, name), remedy)


@pytest.fixture
def door(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Door]:
    """The door of that name, with a sound file at its path."""
    door = DOORS[request.param](request, tmp_path, monkeypatch)
    door.path.write_bytes(door.pack(door.state))
    yield door


def finetune_door(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Door:
    """A model of ours, as finetune, relabel, selftrain and predict read it."""
    monkeypatch.chdir(tmp_path)
    state, source = map(request.getfixturevalue, ("detector_state", "detector_folder"))
    folder = Path("data/models/pretrain")
    read = partial(load_model, folder, DETECTOR, CLASSES)
    return in_folder(state, source, folder, read, "rebuild it with `dvc repro pretrain`")


def pretrain_door(path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    from cm3d.params import load_params

    params = load_params(PROJECT / "params.yaml")
    start = params.pretrain.model_copy(update={"init_checkpoint": str(path)})
    params = params.model_copy(update={"detector": DETECTOR, "pretrain": start})
    monkeypatch.setattr("stages.pretrain.load_taxonomy", lambda _: CLASSES)
    return lambda: initial_weights(params)


def folder_door(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Door:
    """A model folder that `pretrain.init_checkpoint` names."""
    state, source = map(request.getfixturevalue, ("detector_state", "detector_folder"))
    read = pretrain_door(tmp_path / "theirs", monkeypatch)
    remedy = "correct pretrain.init_checkpoint"
    return in_folder(state, source, tmp_path / "theirs", read, remedy)


def mmdet3d_door(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Door:
    """A checkpoint of mmdet3d that `pretrain.init_checkpoint` names."""
    state = renamed_for_mmdet3d(request.getfixturevalue("detector_state"))
    path = tmp_path / "centerpoint.pth"
    names = "pts_bbox_head.shared_conv.conv.weight", "head.shared.0.weight"
    return Door(state, torch_bytes, path, pretrain_door(path, monkeypatch), names, "fetch it again")


def sam_door(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Door:
    """A checkpoint that `segment.sam.checkpoint` names."""
    package: ModuleType = request.getfixturevalue("segment_anything")
    tiny = request.getfixturevalue("tiny_sam")
    path, name = tmp_path / "sam.pth", "image_encoder.neck.0.weight"
    read = partial(load_checkpoint, path, package, tiny, monkeypatch)
    remedy = "fetch it again or correct segment.sam.checkpoint"
    return Door(dict(tiny.state_dict()), torch_bytes, path, read, (name, name), remedy)


def segmenter_name(state: State) -> str:
    return next(name for name, value in state.items() if value.ndim == 4)


def simnet_door(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Door:
    """Weights that come with the code."""
    state = dict(fold_norms(SegmenterNetwork()).state_dict())
    path, name = tmp_path / "segmenter.safetensors", segmenter_name(state)
    read = lambda: load_weights(SegmenterNetwork(), path)  # noqa: E731
    half = {n: value.half().contiguous() for n, value in state.items()}
    return Door(half, save, path, read, (name, name), "restore it with Git")


def teaching_door(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Door:
    """What the embedded networks' own training starts from."""
    state = dict(SegmenterNetwork().state_dict())
    path, name = tmp_path / "init.safetensors", segmenter_name(state)
    read = partial(weights_of, "segmenter", path, "correct --init")
    return Door(state, save, path, read, (name, name), "correct --init")


DOORS: dict[str, Callable[..., Door]] = {
    "finetune": finetune_door,
    "pretrain, a folder": folder_door,
    "pretrain, mmdet3d": mmdet3d_door,
    "sam": sam_door,
    "simnet": simnet_door,
    "teaching": teaching_door,
}
AT_EVERY_DOOR = pytest.mark.parametrize("door", DOORS, indirect=True)


def read_refuses(door: Door, *words: str) -> None:
    before = content_of(door.path.parent)
    message = refuses(door.read, str(door.path), door.remedy, *words)
    assert message.startswith(f"{door.path}: "), message
    assert content_of(door.path.parent) == before


@AT_EVERY_DOOR
def test_sound_files_pass(door: Door) -> None:
    assert door.read() is not None


NO_FILE_WORDS = {
    "absent": "missing",
    "folder": "is a folder",
    "named pipe": "is a pipe",
    "link to itself": "cannot be read",
    "link to nothing": "missing",
}


@AT_EVERY_DOOR
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file(door: Door, kind: str) -> None:
    door.path.unlink()
    NO_FILES[kind](door.path.absolute())
    words = NO_FILE_WORDS[kind]
    # pretrain looks at the path that its parameter names before it knows what lies there
    is_named = door.path.name == "centerpoint.pth"
    if is_named and kind == "folder":
        words = "detector.json: missing"
    remedy = "correct pretrain.init_checkpoint" if is_named else door.remedy
    refuses(door.read, str(door.path), remedy, words)


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


def archive(**names: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in names.items():
            file.writestr(name, content)
    return buffer.getvalue()


def compressed(whole: bytes) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(whole)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for entry in source.infolist():
            file.writestr(entry.filename, source.read(entry) + bytes(99_999))
    return buffer.getvalue()


def flipped(whole: bytes) -> bytes:
    """One bit of the largest tensor changed, in an archive of PyTorch."""
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        entry = max(file.infolist(), key=lambda entry: entry.file_size)
    content = bytearray(whole)
    content[entry.header_offset + 200 + entry.file_size // 2] ^= 1
    return bytes(content)


def header(content: object, data: bytes = b"") -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text + data


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 8\n"
# content that is no weights, whatever the door; and what the message says of it
CONTENTS: list[tuple[str, bytes, str]] = [
    ("empty", b"", "an empty file"),
    ("a Git LFS pointer", LFS, "a pointer of Git LFS"),
    ("a web page", b"<!DOCTYPE html><html>Sign in</html>", "a web page"),
    ("a web page after a mark", b"\xef\xbb\xbf\n <html>Not found</html>", "a web page"),
    ("an XML error", b"<?xml version='1.0'?><Error>AccessDenied</Error>", "a web page"),
    ("text", b"weights\n", "neither safetensors nor"),
    ("JSON", b'{"error": "Not Found", "status": 404}', "neither safetensors nor"),
    ("gzip", b"\x1f\x8b\x08" + bytes(40), "neither safetensors nor"),
    ("HDF5", b"\x89HDF\r\n\x1a\n" + bytes(40), "neither safetensors nor"),
    ("zeros", bytes(4096), "neither safetensors nor"),
    ("a zip of something else", archive(**{"readme.txt": b"hello"}), "a zip archive without"),
    ("the start of a zip", b"PK\x03\x04", "damaged or cut short"),
    ("a pickle with code", pickle.dumps(Code()), "cannot be read as weights alone"),
    ("a pickle of a dictionary", pickle.dumps({"a": 1}), "; "),
    ("the start of a pickle", b"\x80\x02", "damaged or cut short"),
    ("an archive with code", torch_bytes({"a": Code()}), "holds code or objects"),
    ("an archive with a model", torch_bytes(torch.nn.Linear(2, 2)), "holds code or objects"),
    ("a list of tensors", torch_bytes([torch.ones(2)]), "holds a list"),
    ("a single tensor", torch_bytes(torch.ones(2)), "holds a Tensor"),
    ("no tensors", torch_bytes({}), "holds no tensors"),
    ("an empty state_dict", torch_bytes({"state_dict": {}}), "holds no tensors"),
    ("a state_dict that is none", torch_bytes({"state_dict": 7}), "holds a int"),
    ("numbers for tensors", torch_bytes({"epoch": 3}), "epoch is of type int"),
    ("tensors without names", torch_bytes({3: torch.ones(2)}), "3 is of type Tensor"),
    ("an archive blown up", compressed(torch_bytes({"a": torch.ones(2)})), "compressed archive"),
    ("safetensors without tensors", save({}), "holds no tensors"),
    ("a header that is too long", struct.pack("<Q", 2**40) + b"{}", "neither safetensors nor"),
    ("a header beyond the file", struct.pack("<Q", 2**20) + b"{}", "damaged or cut short"),
    ("a header of another kind", header({"a": 7}), "damaged or cut short"),
    ("a header in no Unicode", struct.pack("<Q", 4) + b"{\xff\xff}", "damaged or cut short"),
    ("offsets beyond the file", header({"a": F32}), "damaged or cut short"),
    ("offsets that overlap", header({"a": F32, "b": F32}, bytes(8)), "damaged or cut short"),
    ("bytes of nobody", header({"a": F32}, bytes(16)), "damaged or cut short"),
    ("an unknown type", header({"a": {**F32, "dtype": "F7"}}, bytes(8)), "damaged or cut short"),
    ("a negative shape", header({"a": {**F32, "shape": [-2]}}, bytes(8)), "damaged or cut short"),
    ("a huge shape", header({"a": {**F32, "shape": [2**62, 4]}}, bytes(8)), "damaged or cut"),
    ("weights of something else", torch_bytes({"a.weight": torch.ones(2)}), "a.weight"),
    ("the same as safetensors", save({"a.weight": torch.ones(2)}), "a.weight"),
]  # fmt: skip


@AT_EVERY_DOOR
@pytest.mark.parametrize(
    ("content", "says"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS]
)
def test_contents(door: Door, content: bytes, says: str) -> None:
    door.path.write_bytes(content)
    if door.path.name == "sam.pth" and says == "a.weight":
        says = "no checkpoint of SAM"  # whose variant is told by one tensor
    read_refuses(door, says)
    assert not Path("ran").exists()


Damage = Callable[[bytes], bytes]
BYTES: dict[str, Damage] = {
    "cut in half": lambda whole: whole[: len(whole) // 2],
    "its last byte lost": lambda whole: whole[:-1],
    "cut to a few bytes": lambda whole: whole[:100],
}


@AT_EVERY_DOOR
@pytest.mark.parametrize("damage", BYTES)
def test_cut_files(door: Door, damage: str) -> None:
    door.path.write_bytes(BYTES[damage](door.path.read_bytes()))
    read_refuses(door, "damaged or cut short")


@pytest.mark.parametrize("door", ["pretrain, mmdet3d", "sam"], indirect=True)
def test_a_bit_that_flipped(door: Door) -> None:
    door.path.write_bytes(flipped(door.path.read_bytes()))
    read_refuses(door, "damaged: the checksum of ")


Change = Callable[[Tensor], Tensor | None]


def put(value: float) -> Change:
    def change(tensor: Tensor) -> Tensor:
        changed = tensor.clone(memory_format=torch.contiguous_format)
        changed.view(-1)[0] = value
        return changed

    return change


def twice(tensor: Tensor) -> Tensor:
    return torch.cat([tensor, tensor])


# what is done to one tensor, and what the message says of it
TENSORS: list[tuple[str, Change, str]] = [
    ("missing", lambda tensor: None, "is missing"),
    ("another number of channels", twice, "is of shape"),
    ("another number of inputs", lambda tensor: tensor[:, :1].contiguous(), "is of shape"),
    ("fewer dimensions", lambda tensor: tensor.flatten(), "is of shape"),
    ("a single number", lambda tensor: torch.tensor(1.0), "is of shape []"),
    ("nothing", lambda tensor: tensor[:0].contiguous(), "is of shape"),
    ("whole numbers", lambda tensor: tensor.int(), "is of kind int32"),
    ("bytes", lambda tensor: torch.zeros(tensor.shape, dtype=torch.uint8), "is of kind uint8"),
    ("truth values", lambda tensor: tensor > 0, "is of kind bool"),
    ("complex numbers", lambda tensor: tensor.to(torch.complex64), "is of kind complex64"),
    ("NaN", put(NAN), "has 1 numbers that are NaN or infinite"),
    ("infinity", put(INF), "has 1 numbers that are NaN or infinite"),
    ("minus infinity", put(-INF), "has 1 numbers that are NaN or infinite"),
    ("NaN alone", lambda tensor: torch.full_like(tensor, NAN), "numbers that are NaN or infinite"),
    ("beyond float32", lambda t: torch.full(t.shape, 1e300, dtype=torch.float64), "infinite"),
]  # fmt: skip


@AT_EVERY_DOOR
@pytest.mark.parametrize(
    ("change", "says"), [row[1:] for row in TENSORS], ids=[row[0] for row in TENSORS]
)
def test_tensors(door: Door, change: Change, says: str) -> None:
    name, called = door.names
    changed = change(door.state[name])
    state = {n: value for n, value in door.state.items() if n != name}
    state |= {} if changed is None else {name: changed}
    door.path.write_bytes(door.pack(state))
    read_refuses(door, f": {called} {says}" if says.startswith(("is", "has")) else called, says)


@AT_EVERY_DOOR
def test_an_unknown_tensor(door: Door) -> None:
    door.path.write_bytes(door.pack(door.state | {"more.weight": torch.ones(2)}))
    read_refuses(door, "more.weight is unknown to ")


@AT_EVERY_DOOR
def test_many_faults_are_counted(door: Door) -> None:
    first, *rest = door.state
    door.path.write_bytes(door.pack({door.names[0]: door.state[door.names[0]]}))
    if door.path.name == "sam.pth":
        read_refuses(door, "no checkpoint of SAM")
    else:
        assert first and len(rest) > 9
        read_refuses(door, "is missing", f"and {len(rest) - 1} more such")


KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "sparse": lambda tensor: tensor.to_sparse(),
    "without numbers": lambda tensor: tensor.to("meta"),
    "quantised": lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
    "one number for all": lambda t: torch.ones(1).expand(10**6, 10**6),
}


@pytest.mark.parametrize("door", ["pretrain, mmdet3d", "sam"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_tensors_of_other_kinds(door: Door, kind: str) -> None:
    name, called = door.names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        changed = KINDS[kind](door.state[name])
        content = torch_bytes(door.state | {name: changed})
    door.path.write_bytes(content)
    read_refuses(door, called)


@pytest.mark.parametrize("door", ["finetune", "pretrain, a folder"], indirect=True)
def test_a_negative_variance(door: Door) -> None:
    name = "head.shared.1.running_var"
    door.path.write_bytes(door.pack(door.state | {name: -door.state[name]}))
    read_refuses(door, f"{name} has a negative variance")


CONFIGURATIONS: list[tuple[str, bytes, str]] = [
    ("empty", b"", "not valid JSON"),
    ("cut", b'{"name": ', "not valid JSON"),
    ("a list", b"[]", "not the configuration of a detector"),
    ("a number", b"7", "not the configuration of a detector"),
    ("of something else", b'{"model_type": "sam"}', "not the configuration of a detector"),
    ("not UTF-8", b'{"name": "\xff"}', "not valid JSON"),
    ("nests too deep", b"[" * 100_000, "not valid JSON"),
    ("of 5,000 digits", b'{"heads": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ("heads as a number", b'{"heads": 7}', "trained on classes 7"),
    ("heads as null", b'{"heads": null}', "trained on classes None"),
    ("a web page", b"<html></html>", "not valid JSON"),
    ("a Git LFS pointer", LFS, "not valid JSON"),
    ("cameras as a number", b'{"heads": [], "rig": 7}', "rig is 7, no list of cameras"),
    ("cameras as a word", b'{"heads": [], "rig": "front"}', "rig is 'front', no list of cameras"),
    ("cameras of numbers", b'{"heads": [], "rig": [1, null]}', "rig is [1, None], no list"),
    ("many heads", json.dumps({"heads": [["x" * 99] * 99]}).encode(), "trained on classes"),
]


@pytest.mark.parametrize("door", ["finetune", "pretrain, a folder"], indirect=True)
@pytest.mark.parametrize(
    ("content", "says"), [row[1:] for row in CONFIGURATIONS], ids=[r[0] for r in CONFIGURATIONS]
)
def test_configurations(door: Door, content: bytes, says: str) -> None:
    path = door.path.with_name("detector.json")
    path.write_bytes(content)
    own = "retrain" if "trained" in says else door.remedy
    refuses(door.read, f"{path}: ", says, own)


@pytest.mark.parametrize("door", ["finetune", "pretrain, a folder"], indirect=True)
@pytest.mark.parametrize("kind", NO_FILES)
def test_a_configuration_that_is_no_file(door: Door, kind: str) -> None:
    path = door.path.with_name("detector.json")
    path.unlink()
    NO_FILES[kind](path.absolute())
    refuses(door.read, f"{path}: ", NO_FILE_WORDS[kind], door.remedy)


@pytest.mark.parametrize("names", [("car",), ("car", "pedestrian"), ("car", "bus", "barrier")])
def test_another_number_of_classes(
    names: tuple[str, ...], detector_state: State, tmp_path: Path
) -> None:
    path = tmp_path / "centerpoint.pth"
    path.write_bytes(torch_bytes(renamed_for_mmdet3d(detector_state)))
    read = partial(weights_from_mmdet3d, path, DETECTOR, tiny_taxonomy(*names))
    refuses(read, f"{path}: ", "head.", "preset of the checkpoint's model and its classes")


def test_one_tensor_by_two_names(detector_state: State, tmp_path: Path) -> None:
    path, name = tmp_path / "centerpoint.pth", "head.shared.0.weight"
    state = renamed_for_mmdet3d(detector_state)
    path.write_bytes(torch_bytes(state | {name: detector_state[name]}))
    read = partial(weights_from_mmdet3d, path, DETECTOR, CLASSES)
    refuses(read, f"{path}: ", "twice", "correct pretrain.init_checkpoint")


@pytest.mark.parametrize("width", [TOKENS // 2, 768, 1024])
def test_an_encoder_of_another_width(
    width: int,
    segment_anything: ModuleType,
    tiny_sam: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, name = tmp_path / "sam.pth", "image_encoder.patch_embed.proj.bias"
    path.write_bytes(
        torch_bytes(make_sam(segment_anything).state_dict() | {name: torch.ones(width)})
    )
    read = partial(load_checkpoint, path, segment_anything, tiny_sam, monkeypatch)
    refuses(read, f"{path}: ", f"{name} is of shape [{width}]", "segment.sam.checkpoint")


# what other tools write and we take
PASSES: dict[str, Callable[[State], bytes]] = {
    "safetensors in place of PyTorch": save,
    "PyTorch in place of safetensors": torch_bytes,
    "PyTorch's old format": lambda state: _old_format(state),
    "a state_dict beside other things": lambda s: torch_bytes({"state_dict": s, "meta": {"e": 2}}),
    "in half precision": lambda s: save({n: _as(v, torch.float16) for n, v in s.items()}),
    "in double precision": lambda s: torch_bytes({n: _as(v, torch.float64) for n, v in s.items()}),
    "parameters that learn": lambda s: torch_bytes(
        {n: torch.nn.Parameter(v) if v.is_floating_point() else v for n, v in s.items()}
    ),
}


def _as(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.to(dtype) if value.is_floating_point() else value


def _old_format(state: State) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.mark.parametrize("first", [b"\x80", b"<", b"P"])
def test_the_length_of_a_header_is_no_format(first: bytes, tmp_path: Path) -> None:
    text = json.dumps({"a": F32}).encode()
    length = 256 + first[0]
    whole = struct.pack("<Q", length) + text.ljust(length) + bytes(8)
    assert whole.startswith(first)
    (tmp_path / "a").write_bytes(whole)
    assert read_weights(tmp_path / "a", "none")["a"].tolist() == [0.0, 0.0]


@AT_EVERY_DOOR
@pytest.mark.parametrize("kind", PASSES)
def test_passes(door: Door, kind: str) -> None:
    door.path.write_bytes(PASSES[kind](door.state))
    assert door.read() is not None
