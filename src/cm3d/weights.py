"""Weights of networks on disk: opened without running what is in them, checked before any use.

Both formats are told by their content, whatever a file is called: safetensors, and what PyTorch
writes, of which tensors alone are read.
"""

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from cm3d.errors import InputError, reason_of
from cm3d.params.files import check_file

Weights: TypeAlias = dict[str, Tensor]

_HEAD_BYTES: Final = 1024
_LONGEST_HEADER: Final = 100_000_000  # that the safetensors library reads
_ZIP: Final = b"PK\x03\x04"
_PICKLE: Final = b"\x80"
_GIT_LFS: Final = b"version https://git-lfs"
_LONGEST_NAME: Final = 80
_LONGEST_REASON: Final = 120


def read_weights(path: Path, remedy: str) -> Weights:
    """Read the tensors of a file, on the CPU, by name.

    Args:
        path: Safetensors; or what `torch.save` wrote of a state dict, alone or as `state_dict`
            beside other things.
        remedy: What to do if it is none; ends the message.

    Raises:
        InputError: It is no file, damaged, or no weights; nothing in it is run.
    """
    head = _head(check_file(path, remedy), remedy)
    if what := _stranger(head):
        raise InputError(f"{path}: {what}; {remedy}")
    try:
        content = load_file(path) if _is_safetensors(head) else _open_pytorch(path, head)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)}); {remedy}") from error
    except SafetensorError as error:
        raise InputError(f"{path}: damaged or cut short ({_brief(error)}); {remedy}") from error
    except _NoWeightsError as error:
        raise InputError(f"{path}: {error}; {remedy}") from error
    return _named_tensors(path, content, remedy)


def check_weights(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], of: str, path: Path, remedy: str
) -> None:
    """Check that weights are those of a network: each tensor there, of its shape and kind, sound.

    Args:
        found: What a file has, by the network's names.
        wanted: The network's own state.
        of: What the network is called.
        path: The file.
        remedy: What to do if they are not; ends the message.

    Raises:
        InputError: They are not; the message names the first tensor and says how many more.
    """
    if not found.keys() & wanted.keys():
        first = _shown(next(iter(found), "none"))
        raise InputError(
            f"{path}: weights of another network: none of its {len(found)} tensors is one of "
            f"{of}'s, the first is {first}; {remedy}"
        )
    faults = [
        f"{_shown(name)} is {fault}"
        for name, own in wanted.items()
        if (fault := _fault(found.get(name), own, of))
    ]
    faults += [f"{_shown(name)} is unknown to {of}" for name in found if name not in wanted]
    if faults:
        raise InputError(f"{path}: {_first_of(faults)}; {remedy}")
    check_finite({name: found[name].to(own.dtype) for name, own in wanted.items()}, path, remedy)


def check_finite(weights: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Check that a network can compute with its numbers; arguments as of `check_weights`.

    Raises:
        InputError: A number is NaN or infinite, or a variance negative.
    """
    faults = []
    for name, value in weights.items():
        whole = torch.isfinite(value)
        if not whole.all():
            count = value.numel() - int(whole.sum())
            faults.append(f"{_shown(name)} has {count} numbers that are NaN or infinite")
        elif name.endswith("running_var") and (value < 0).any():
            faults.append(f"{_shown(name)} has a negative variance")
    if faults:
        raise InputError(f"{path}: {_first_of(faults)}; {remedy}")


class _NoWeightsError(Exception):
    """A file in a format of PyTorch that has no weights; the message says what it is."""


def _head(path: Path, remedy: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)}); {remedy}") from error


def _is_safetensors(head: bytes) -> bool:
    """Whether a file begins with the length of a JSON object and that object.

    The length's first byte may be that of any other format.
    """
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _LONGEST_HEADER


def _stranger(head: bytes) -> str:
    """What a file is that begins so and can hold no weights; "" where it may hold some."""
    if _is_safetensors(head) or head.startswith((_ZIP, _PICKLE)):
        return ""
    if not head:
        return "an empty file"
    if head.startswith(_GIT_LFS):
        return "a pointer of Git LFS in place of the file, which `git lfs pull` brings"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "a web page in place of the file"
    return "neither safetensors nor what PyTorch writes"


def _open_pytorch(path: Path, head: bytes) -> Any:
    """What `torch.save` wrote; raises `_NoWeightsError`."""
    if head.startswith(_ZIP):
        _check_archive(path)
    try:
        # by handle, as PyTorch would open a path by its suffix
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of kinds that are refused here
            return torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a broken or hostile pickle fails in any way
        if "weights_only" in str(error).lower() or "unsupported" in str(error).lower():
            told = "cannot be read as weights alone, since it holds code or objects beside tensors"
        else:
            told = f"damaged or cut short ({_brief(error)})"
        raise _NoWeightsError(told) from error


def _check_archive(path: Path) -> None:
    """Refuse what PyTorch would take in silence, or never write: it checks no sums."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > path.stat().st_size:
                raise _NoWeightsError("a compressed archive, which PyTorch does not write")
            if not any(entry.filename.endswith("/data.pkl") for entry in entries):
                raise _NoWeightsError("a zip archive without weights")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _NoWeightsError(f"damaged or cut short ({_brief(error)})") from error
    if damaged is not None:
        raise _NoWeightsError(f"damaged: the checksum of {_shown(damaged)} is wrong")


def _named_tensors(path: Path, content: Any, remedy: str) -> Weights:
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state, dict):
        raise InputError(f"{path}: holds a {type(state).__name__}, no tensors by name; {remedy}")
    if not state:
        raise InputError(f"{path}: holds no tensors; {remedy}")
    for name, value in state.items():
        if not (isinstance(name, str) and isinstance(value, Tensor)):
            what = type(value).__name__
            told = f"no state_dict, since {_shown(name)} is of type {what}, no tensor"
            raise InputError(f"{path}: {told}; {remedy}")
    return {name: value.detach() for name, value in state.items()}


def _fault(found: Tensor | None, own: Tensor, of: str) -> str:
    """What is wrong with a tensor, before its numbers are looked at; "" if nothing is."""
    if found is None:
        return f"missing, {of} needs it of shape {list(own.shape)}"
    if found.shape != own.shape:
        return f"of shape {list(found.shape)}, {of}'s has {list(own.shape)}"
    if found.layout != torch.strided or found.device.type != "cpu" or found.is_quantized:
        return "sparse, quantised or without its numbers"
    if _kind(found) != _kind(own):
        return f"of kind {_type(found)}, {of}'s is {_type(own)}"
    return ""


def _kind(value: Tensor) -> tuple[bool, bool, bool]:
    """Floats, complex numbers, truth values or whole numbers; their precision may differ."""
    return value.is_floating_point(), value.is_complex(), value.dtype == torch.bool


def _type(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _first_of(faults: list[str]) -> str:
    more = len(faults) - 1
    return f"{faults[0]} (and {more} more such)" if more else faults[0]


def _shown(name: object) -> str:
    text = str(name) if str(name).isprintable() else repr(name)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
