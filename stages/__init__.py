"""One script per stage: load parameters, call one function, write tables and metrics."""

import sys

from cm3d.execution.stage import begin_program

# `python -m stages.NAME` imports this first, under this name; nobody else does.
if sys.argv[:1] == ["-m"]:
    begin_program()
