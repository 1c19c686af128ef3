"""What sections of params.yaml are made of: bounded numbers, names, files, models of the shelf.

Every number has two bounds: beyond them are slips of the pen, which would ask for more memory than
there is, or never end.
"""

import posixpath
import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from cm3d.errors import InputError

# Numbers that decide no amount of work.
Positive = Annotated[float, Field(ge=1e-9, le=1e6)]
NonNegative = Annotated[float, Field(ge=0, le=1e6)]
Signed = Annotated[float, Field(ge=-1e6, le=1e6)]
Share = Annotated[float, Field(ge=0, le=1)]
Index = Annotated[int, Field(ge=0, le=1_000_000)]
Metres = Annotated[float, Field(ge=0.01, le=10_000)]

# Numbers that do.
MOST_COUNTED: Final = 100_000
Count = Annotated[int, Field(ge=1, le=MOST_COUNTED)]
CountOrNone = Annotated[int, Field(ge=0, le=MOST_COUNTED)]
Few = Annotated[int, Field(ge=1, le=1000)]
FewOrNone = Annotated[int, Field(ge=0, le=1000)]
Channels = Annotated[int, Field(ge=1, le=4096)]
Side_px = Annotated[int, Field(ge=16, le=16_384)]

_LONGEST_NAME: Final = 200  # bytes; file systems take 255, and suffixes are added

# What a name must be; completes "not ...".
NAME: Final = (
    "a name of letters, digits, _ . - (a letter or digit first, no two dots in a row, at most "
    f"{_LONGEST_NAME} bytes)"
)


def is_name(value: object) -> bool:
    """Whether a file, a folder or a package may have this name, which is never a path."""
    if not isinstance(value, str) or re.fullmatch(r"[^\W_][\w.-]*", value) is None:
        return False
    return ".." not in value and len(value.encode()) <= _LONGEST_NAME


def _named(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"not {NAME}")
    return text


# Of a file, a folder or a package.
Name = Annotated[str, AfterValidator(_named)]

# Text that people see, or that stands for a place: no line breaks, no null bytes.
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=1000)]

# Of the matrix products of a network on a GPU; a CPU computes in fp32.
Precision = Literal["fp32", "bf16", "fp16"]

# A file of the repository that stands for none where a parameter names a file: DVC, which depends
# on what parameters name, needs one that is there.
NO_FILE: Final = "data/none"


def _is_given(value: Any) -> Any:
    if value is None:
        raise ValueError(f"names no file; {NO_FILE} stands for none")
    return value


def _plain(path: str) -> str:
    if path.startswith("~") or "://" in path or "${" in path:
        raise ValueError("no path of this machine; write it in full, without ~, $ or ://")
    return posixpath.normpath(path)


# A file that DVC's stages depend on; relative paths start at the current folder.
NamedFile = Annotated[Line, BeforeValidator(_is_given), AfterValidator(_plain)]


def _spelled(phrase: str) -> str:
    if phrase != " ".join(phrase.lower().split()) or not phrase or set(phrase) & set("._?"):
        raise ValueError("words in lower case, one space apart, without . ? _")
    return phrase


# What stands for a class in the prompt of an open-vocabulary detector.
Phrase = Annotated[str, AfterValidator(_spelled)]


class Section(BaseModel):
    """A section of params.yaml: frozen, every key known and required, no value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    def __hash__(self) -> int:
        """By value, so that what is built from parameters can be cached by them."""
        return hash(self.model_dump_json())


class ShelfModel(Section):
    """A pretrained model: a folder, or an id on the Hugging Face hub at one commit."""

    model: Line
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None


def checked_name(name: str, what: str) -> str:
    """A name of a file or folder that does not come from params.yaml, as it is.

    Args:
        name: What was given.
        what: It names, for the message.

    Raises:
        InputError: It is none.
    """
    if not is_name(name):
        raise InputError(f"{what} {name!r}: not {NAME}; rename it")
    return name
