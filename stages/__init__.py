"""One script per stage: load parameters, call one function, write tables and metrics."""

import os
import signal
import sys

# `python -m stages.NAME` imports this first, under this name; nobody else does.
if sys.argv[:1] == ["-m"]:
    # imports take longer than a hurried user: until they are done there is nothing to tidy up
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda n, _: os.write(2, b"interrupted\n") and os._exit(128 + n))

    try:
        from cm3d.execution.interruption import begin
        from cm3d.execution.stage import begin_program
    except ImportError as error:  # what says errors in a line cannot be imported either
        sys.exit(
            f"error: {error}; run `PYTHONPATH=src python -m stages.NAME` from the project's root, "
            "with the Python of .venv (`make install` makes it)"
        )

    begin()
    begin_program()
