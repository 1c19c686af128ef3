"""`python -m experiments.same_content OLD NEW`: what two `data` folders have in common.

For a change that must change nothing: every output of the pipeline is compared byte by byte, tables
that differ in bytes column by column. Exit code 1 where a value differs.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.errors import InputError
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program

OUTPUTS: Final = (
    "index",
    "boxes2d",
    "masks",
    "lifted",
    "lift_explained",
    "sam3d",
    "imported",
    "pseudo_labels",
    "models",
    "pseudo_labels_r1",
    "pseudo_labels_r2",
    "pseudo_labels_r3",
    "predictions",
    "map_predictions",
)


def compare(old: Path, new: Path) -> list[str]:
    """Names of the columns in which two files differ; of no table, its whole content is one.

    Columns that only one of two tables has are listed as such and are no difference in values.
    """
    if old.read_bytes() == new.read_bytes():
        return []
    if old.suffix != ".parquet":
        return ["content"]
    first, second = pq.read_table(old, partitioning=None), pq.read_table(new, partitioning=None)
    shared = [name for name in first.column_names if name in second.column_names]
    return [name for name in shared if not _equal(first[name], second[name])]


def _equal(first: pa.ChunkedArray, second: pa.ChunkedArray) -> bool:
    """Whether two columns hold the same values; NaN equals NaN."""
    if first.equals(second):
        return True
    one, other = _flat(first), _flat(second)
    both_numbers = all(np.issubdtype(values.dtype, np.number) for values in (one, other))
    return both_numbers and np.array_equal(one, other, equal_nan=True)


def _flat(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    whole = column.combine_chunks()
    is_list = pa.types.is_list(whole.type) or pa.types.is_fixed_size_list(whole.type)
    return np.asarray((whole.flatten() if is_list else whole).to_numpy(zero_copy_only=False))


def report(old: Path, new: Path, outputs: Iterable[str] = OUTPUTS) -> tuple[list[list[Any]], bool]:
    """One row per output: files, how many are equal in bytes, which columns differ.

    Returns:
        The rows, and whether all values are the same.

    Raises:
        InputError: An output is missing on one side.
    """
    rows, same = list[list[Any]](), True
    for name in outputs:
        files = [_files(folder / name) for folder in (old, new)]
        if files[0] != files[1]:
            raise InputError(f"{name}: {sorted(files[0] ^ files[1])[:3]} on one side only")
        pairs = [(old / name / file, new / name / file) for file in sorted(files[0])]
        equal = sum(one.read_bytes() == other.read_bytes() for one, other in pairs)
        differing = sorted({column for pair in pairs for column in compare(*pair)})
        rows.append([name, len(pairs), equal, ", ".join(differing) or "none"])
        same &= not differing
    return rows, same


def _files(folder: Path) -> set[str]:
    if not folder.is_dir():
        raise InputError(f"{folder}: missing; run `dvc repro` there")
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if _is_content(p)}


def _is_content(path: Path) -> bool:
    return path.is_file() and path.name != ".gitignore"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison."""
    parser = Arguments("experiments.same_content", __doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    folders = parser.parse_args(arguments)
    rows, same = report(folders.old, folders.new)
    for row in [["output", "files", "equal bytes", "columns that differ"], *rows]:
        print(f"{row[0]:20} {row[1]!s:>6} {row[2]!s:>12}  {row[3]}")
    return 0 if same else 1


if __name__ == "__main__":
    run_program(lambda: sys.exit(main()))
