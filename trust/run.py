"""`make trust`: measure what the project promises, part by part, and write docs/trust.md.

`python -m trust.run kills signals --short` runs some parts with few repetitions.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from trust.curves import draw
from trust.outcome import Measured, Outcome, read_measured
from trust.render import PAGE, render
from trust.workplace import Workplace, open_workplace

PARTS: Final = (
    "kills",
    "signals",
    "disks",
    "same_bytes",
    "leakage",
    "parallel",
    "load",
    "refusals",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that are named, all without a name; 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--short", action="store_true", help="few repetitions")
    parser.add_argument("--render", action="store_true", help="write the page from what there is")
    parser.add_argument("--base", type=Path, help="a clone reproduced at smoke scale, to save time")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    names = [] if chosen.render else [name for name in PARTS if name in (chosen.parts or PARTS)]
    faults = run_parts(names, chosen.short, chosen.base) if names else 0
    draw(read_measured("load"))
    PAGE.write_text(render(PAGE.read_text(), PARTS))
    return 1 if faults else 0


def run_parts(names: Sequence[str], short: bool, base: Path | None) -> int:
    """Run parts one after the other; how many faults they have found."""
    # a shell in the background lets its children ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["PYTHONUNBUFFERED"] = "1"
    faults, begun_s = 0, time.monotonic()
    print(f"trust: making a workspace at smoke scale, then {', '.join(names)}", flush=True)
    with open_workplace(short, base) as place:
        measures = {name: _measure_of(name) for name in names}
        for number, name in enumerate(names, 1):
            passed_min = (time.monotonic() - begun_s) / 60
            print(f"{name}: part {number} of {len(names)}, {passed_min:.0f} min so far", flush=True)
            faults += _run_part(name, measures, place)
    print(f"trust: {faults} faults, in {(time.monotonic() - begun_s) / 60:.0f} min", flush=True)
    return faults


def _measure_of(name: str) -> Callable[[Workplace], Outcome]:
    measure: Callable[[Workplace], Outcome] = import_module(f"trust.{name}").measure
    return measure


def _run_part(
    name: str, measures: Mapping[str, Callable[[Workplace], Outcome]], place: Workplace
) -> int:
    begun_s = time.monotonic()
    try:
        outcome = measures[name](place)
    except Exception as error:  # the other parts are to be measured all the same
        reason = " ".join(str(error).split())[-300:]
        outcome = Outcome(1, 0, [], [f"the part itself: {type(error).__name__}: {reason}"])
    took_s = time.monotonic() - begun_s
    Measured(name, place.short, took_s, outcome).write()
    print(f"{name}: {outcome.kept} of {outcome.tried} kept, in {took_s:.0f} s", flush=True)
    for fault in outcome.faults:
        print(f"  {fault}", flush=True)
    return len(outcome.faults)


if __name__ == "__main__":
    sys.exit(main())
