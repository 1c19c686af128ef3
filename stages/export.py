"""`python -m stages.export FORMAT FOLDER OUT`: boxes for other programs; docs/export.md."""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cm3d.errors import InputError, writing
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_stage
from cm3d.export.protocol import INPUTS, Labels, formats, open_format
from cm3d.export.reading import read_boxes
from cm3d.params import Params, load_params
from cm3d.splits.labelled import is_labelled, knob_of
from cm3d.tables import Frames, layout
from cm3d.taxonomy import load_taxonomy
from stages.shared.card import card, with_sums

SPLITS: Final = ("train", "val", "labelled", "unlabelled")


def chosen_frames(split: str, params: Params) -> Frames:
    """The keyframes of one of `SPLITS`; the last two are the parts of train.

    Raises:
        InputError: There is none.
    """
    if split in ("train", "val"):
        return layout.split_frames(split, wanted_by="--split")
    train = layout.split_frames("train", wanted_by="--split")
    chosen = train[is_labelled(train, params.labels, params.seed) == (split == "labelled")]
    if not len(chosen):
        raise InputError(
            f"--split {split}: {knob_of(params.labels)} leaves no such keyframe of train; use "
            "another split or share"
        )
    return chosen


def refuse_taken(out: Path) -> None:
    """Make sure that nothing is replaced.

    Raises:
        InputError: There is a file, or a folder with something in it.
    """
    with writing(out):
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise InputError(f"{out}: is there, and no folder; name another one")
        if out.is_dir() and any(out.iterdir()):
            raise InputError(f"{out}: is not empty; name a new folder or delete it")


@contextmanager
def published(out: Path) -> Iterator[Path]:
    """A folder that becomes `out`, at once, when the block ends, and nothing if it fails."""
    above = next(folder for folder in out.absolute().parents if folder.is_dir())
    # named by the whole of what is to be made, as another export may begin beside it
    made = above / f".{'-'.join(out.absolute().relative_to(above).parts)}.partial"
    try:
        with writing(out):
            shutil.rmtree(made, ignore_errors=True)  # of a run that was killed
            made.mkdir()
        yield made
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            made.rename(out)  # in an empty folder's place
    finally:
        shutil.rmtree(made, ignore_errors=True)


def share(text: str) -> float:
    """A number in [0, 1] of the command line."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{value:g} is not in [0, 1]")
    return value


def main() -> None:
    """Write what the command line names."""
    parser = Arguments("stages.export", __doc__)
    parser.add_argument("format", choices=formats(), help="package of cm3d.export")
    parser.add_argument("folder", type=Path, help="one table of boxes per scene")
    parser.add_argument("out", type=Path, help="folder that is made")
    parser.add_argument("--split", choices=SPLITS, default="val", help="keyframes; default val")
    parser.add_argument("--min-score", type=share, default=0.0, help="leave out boxes below")
    parser.add_argument(
        "--made-from",
        nargs="+",
        choices=INPUTS,
        default=INPUTS,
        help="what the boxes come from, which a nuScenes result file says; default all",
    )
    parser.add_argument("--card", action="store_true", help="add a page about the boxes and hashes")
    arguments = parser.parse_args()
    refuse_taken(arguments.out)
    params = load_params()
    taxonomy, to = load_taxonomy(params.taxonomy), open_format(arguments.format)
    frames, known = chosen_frames(arguments.split, params), to.class_names(taxonomy)
    boxes = read_boxes(
        arguments.folder, frames, taxonomy, known, arguments.format, arguments.min_score
    )
    labels = Labels(frames, boxes, arguments.split, arguments.made_from, params, taxonomy)
    files = to.files(labels)
    if arguments.card:
        page = card(labels, arguments.folder, arguments.min_score, arguments.format)
        files = with_sums(files, page)
    with published(arguments.out) as folder:
        for name, content in files:
            with writing(folder / name):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
    print(f"{arguments.out}: {len(frames)} keyframes, of {len(boxes)} boxes")


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
