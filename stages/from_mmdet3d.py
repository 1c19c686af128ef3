"""`python -m stages.from_mmdet3d INFOS OUT`: boxes of mmdet3d, for `import_labels.file`."""

from pathlib import Path

from cm3d.errors import InputError, writing
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_stage
from cm3d.export.mmdet3d.reading import read_infos


def main() -> None:
    """Convert what the command line names."""
    parser = Arguments("stages.from_mmdet3d", __doc__)
    parser.add_argument("infos", type=Path, help="annotation file, JSON")
    parser.add_argument("out", type=Path, help="table that is made, .parquet")
    arguments = parser.parse_args()
    if arguments.out.suffix != ".parquet" or arguments.out.exists():
        raise InputError(f"{arguments.out}: is there or does not end in .parquet; name another one")
    boxes = read_infos(arguments.infos)
    with writing(arguments.out):
        boxes.write(arguments.out)
    print(f"{arguments.out}: {len(boxes)} boxes of {len(set(boxes.sample_token))} keyframes")


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
