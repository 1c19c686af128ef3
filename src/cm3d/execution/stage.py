"""What every stage does around its own work: fail in one line, run its own code."""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cm3d
from cm3d.errors import InputError, refused, writing
from cm3d.execution.environment import check_environment, refuse_several
from cm3d.execution.interruption import ended_in_one_line


def run_stage(
    main: Callable[[], None], *, has_arguments: bool = False, trains: bool = False
) -> None:
    """Run a stage's `main`; bad input ends in one line on stderr and exit code 1.

    So do failures of the system, by what helps against them, and a signal that ends the process.

    Args:
        main: Of the stage.
        has_arguments: Whether it reads the command line; otherwise that must be empty.
        trains: Whether it may be one of several processes that `torchrun` has started.
    """
    with ended_in_one_line(), _failing_in_one_line():
        check_environment()
        if not trains:
            refuse_several(os.environ)
        if sys.argv[1:] and not has_arguments:
            raise InputError(f"{sys.argv[1]}: this stage takes no arguments; set params.yaml")
        refuse_foreign_code(Path.cwd())
        begin_s = time.monotonic()
        main()
        with writing(Path("/dev/stdout")):
            sys.stdout.flush()
        _record(time.monotonic() - begin_s)


def run_program(main: Callable[[], None]) -> None:
    """Run `main` of a program beside the pipeline; bad input and Ctrl-C end as those of a stage."""
    with _failing_in_one_line():
        try:
            main()
            with writing(Path("/dev/stdout")):
                sys.stdout.flush()
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)


def _record(seconds: float) -> None:
    # what they import must not be needed to see whether the environment is sound
    from cm3d.execution.durations import record
    from cm3d.execution.processes import leads

    if leads():
        record(seconds)


def begin_program() -> None:
    """What a stage does before it imports anything heavy: see whether the environment is sound.

    Threads of a network's arithmetic then sleep while they wait for each other. Where other work
    has the cores they would wait busily for one that does not run, and a training slows down
    sixfold (docs/execution.md). OpenMP reads the variable once, when torch is imported.
    """
    with _failing_in_one_line():
        check_environment()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def _failing_in_one_line() -> Iterator[None]:
    # either is None where the shell has closed it
    sys.stdout = sys.stdout or Path(os.devnull).open("w")
    sys.stderr = sys.stderr or Path(os.devnull).open("w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
    except InputError as error:
        _fail(str(error))
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python would fail again at its end
        _fail(str(refused(error)))
    except OSError as error:
        _fail(str(refused(error)))
    except MemoryError as error:
        told = f"out of memory ({error})" if str(error) else "out of memory"
        _fail(f"{told}; lower execution.workers or use a machine with more")


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
