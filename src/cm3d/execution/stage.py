"""What every stage does around its own work: fail in one line, run its own code."""

import sys
from collections.abc import Callable
from pathlib import Path

import cm3d
from cm3d.errors import InputError


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`; bad input ends in one line on stderr and exit code 1."""
    try:
        refuse_foreign_code(Path.cwd())
        main()
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}; check the path, its permissions and the disk")
    except KeyboardInterrupt:
        print("interrupted; finished scenes are kept, run it again to go on", file=sys.stderr)
        sys.exit(130)


def refuse_foreign_code(project: Path) -> None:
    """Make sure that the package in use is the one below `project`.

    An installed copy would run the wrong code in `dvc exp run --temp`, under the right hash.

    Raises:
        InputError: `cm3d` was imported from elsewhere.
    """
    source = Path(str(cm3d.__file__)).resolve()
    if not source.is_relative_to(project.resolve()):
        raise InputError(
            f"cm3d was imported from {source.parent}; run `PYTHONPATH=src python -m stages.NAME` "
            "from the project's root and uninstall any installed copy"
        )


def _fail(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)
