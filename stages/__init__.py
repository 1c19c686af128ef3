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

    from cm3d.execution.interruption import begin
    from cm3d.execution.stage import begin_program

    begin()
    begin_program()
