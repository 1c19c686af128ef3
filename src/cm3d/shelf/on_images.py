"""What another program found on images: which entries are of a class and on an image of ours."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.shelf.results import Entries, Results, TableT, Unused
from cm3d.tables import Cameras
from cm3d.tables.contract import shown
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy

# Why entries are of no use, as metrics name it.
MALFORMED: Final = "malformed_entries"
UNKNOWN_CATEGORY: Final = "entries_of_unknown_categories"
UNKNOWN_IMAGE: Final = "entries_on_unknown_images"

_FIRST_PX: Final = 2  # where boxes of shares lie, also those that leave their image


def refuse_shares(box_px: NDArrayFloat, path: Path) -> None:
    """Refuse boxes (N, 4) that are written as shares of their images; NaN is no box.

    Raises:
        InputError: They all lie about the first pixel, between its corners.
    """
    given = box_px[np.isfinite(box_px).all(axis=1)]
    if len(given) and np.abs(given).max() <= _FIRST_PX and np.any(given % 1):
        raise InputError(
            f"{path}: all boxes lie within the first {_FIRST_PX} pixels, as of coordinates from 0 "
            "to 1; write pixels of the stored images"
        )


def camera_tokens(names: Iterable[str], cameras: Cameras) -> NDArrayObject:
    """The image that each name means.

    Args:
        names: (N,) of images: camera tokens, paths of files from the data set's root, or the
            files' own names where no two images of the data set share one.
        cameras: All images of the data set.

    Returns:
        (N,) camera tokens; "" where a name means no image.
    """
    tokens, paths = cameras.camera_token, [str(PurePosixPath(path)) for path in cameras.path]
    stems = [PurePosixPath(path).name for path in paths]
    common = {name for name, count in Counter(stems).items() if count > 1}
    known = {name: token for name, token in zip(stems, tokens, strict=True) if name not in common}
    known |= dict(zip(paths, tokens, strict=True)) | dict(zip(tokens, tokens, strict=True))
    return np.array([known.get(name, "") for name in names], dtype=object)


def usable(
    entries: Entries[TableT], taxonomy: Taxonomy, cameras: Cameras, source: tuple[Path, str]
) -> Results[TableT]:
    """The rows that are whole, of a class of the taxonomy and on an image of the data set.

    Args:
        entries: Have the columns `class_name` and `camera_token`, this one any name of an image.
        taxonomy: The classes.
        cameras: All images of the data set.
        source: The file, and the parameter that names it.

    Returns:
        These, with camera tokens.

    Raises:
        InputError: There are entries, and none is left.
    """
    rows, number, malformed = cast(Any, entries.rows), entries.number, entries.malformed
    token = camera_tokens(rows.camera_token, cameras)
    is_whole = ~np.isin(number, list(malformed))
    is_named = np.isin(rows.class_name, taxonomy.class_names)
    unnamed, unplaced = is_whole & ~is_named, is_whole & is_named & (token == "")
    first = {}
    if malformed:
        first[MALFORMED] = f"entry {min(malformed)}: {malformed[min(malformed)]}"
    if unnamed.any():
        row = int(np.argmax(unnamed))
        first[UNKNOWN_CATEGORY] = f"entry {number[row]}: {shown(rows.class_name[row])}"
    if unplaced.any():
        row = int(np.argmax(unplaced))
        first[UNKNOWN_IMAGE] = f"entry {number[row]}: {shown(rows.camera_token[row])}"
    kept = is_whole & is_named & (token != "")
    if (total := len(rows) + len(set(malformed) - set(number.tolist()))) and not kept.any():
        path, key = source
        raise InputError(
            f"{path}: none of its {total} entries is whole, of a class of taxonomy "
            f"{taxonomy.name} and on an image of the data set ({'; '.join(first.values())}); "
            f"correct {key}"
        )
    counts = {
        MALFORMED: len(malformed),
        UNKNOWN_CATEGORY: int(unnamed.sum()),
        UNKNOWN_IMAGE: int(unplaced.sum()),
    }
    return Results(rows[kept].replace(camera_token=token[kept]), Unused(counts, first))


def rows_by_image(camera_token: NDArrayObject) -> dict[str, NDArrayInt]:
    """Which rows are on each image, ascending."""
    tokens = list(dict.fromkeys(camera_token))
    return dict(zip(tokens, rows_by_word(camera_token, tokens), strict=True))
