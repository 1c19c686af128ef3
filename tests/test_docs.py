"""What the documentation says can be done, can be done: its commands go through bash.

Every program that they name is a shim that notes what it was called with; only
`experiments.preset` runs, because its output stands among the words of other commands.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.cli.parser import get_main_parser
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

from cm3d.execution.pipeline import read_stages
from cm3d.params import load_params, parse_params, read_yaml
from cm3d.tables import layout
from experiments.weights import named
from stages.report import describe, markdown_table, read_scores

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    *sorted((PROJECT / "docs").glob("*.md")),
]
SHIM = """#!/bin/bash
if [ "${0##*/} $1 $2" = "python -m experiments.preset" ]; then exec %s "$@"; fi
printf '%%s\\0' "$NUMBER" "$#" "${0##*/}" "$@" >> "$CALLS"
"""
PROGRAMS = (
    *("dvc", "make", "python", "pip", "git", "mlflow", "ray", "torchrun"),
    *("srun", "sbatch", "scontrol", "docker", "id"),
    *("hostname", "head", "sleep", "curl", "mkdir", "cp", "ls", "chmod"),
)


@dataclass(frozen=True)
class Call:
    """A program called by the commands of a page, with the words that it got from bash."""

    page: str
    program: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join([self.program, *self.words])}"


def blocks() -> list[tuple[str, str]]:
    """Pages with what they give to be typed: fenced blocks, and commands within a sentence."""
    found = []
    for page in PAGES:
        text = page.read_text()
        fenced = re.findall(r"```bash\n(.*?)```", text, re.S)
        prose = re.sub(r"```.*?```", "", text, flags=re.S)
        inline = re.findall(r"`((?:dvc|make|PYTHONPATH=src python|python -m) [^`]+)`", prose)
        found += [(page.name, block) for block in fenced]
        found += [(page.name, " ".join(command.split())) for command in inline]
    return found


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """All calls of all commands; a line of bash that fails or complains fails here."""
    folder = tmp_path_factory.mktemp("workspace")
    programs, scripts, noted = folder / ".venv" / "bin", folder / "blocks", folder / "calls"
    for created in (programs, scripts):
        created.mkdir(parents=True)
    for name in PROGRAMS:
        (programs / name).write_text(SHIM % sys.executable)
        (programs / name).chmod(0o755)
    (programs / "activate").touch()
    for name in ("src", "experiments"):
        (folder / name).symlink_to(PROJECT / name)
    noted.touch()
    commands = blocks()
    for number, (_, block) in enumerate(commands):
        (scripts / str(number)).write_text(f"{block}\nwait\n")
    run_all = (
        f"for number in {{0..{len(commands) - 1}}}; do "
        "NUMBER=$number /bin/bash -eu blocks/$number || echo blocks/$number failed >&2; done"
    )
    bash = subprocess.run(
        ["/bin/bash", "-c", run_all],
        cwd=folder,
        env={
            "PATH": str(programs),
            "CALLS": str(noted),
            "HOME": "/home/someone",
            "NUSCENES_ROOT": "/data/nuscenes",
            "SLURM_ARRAY_TASK_ID": "0",
            "SLURM_JOB_NODELIST": "node[1-2]",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert bash.stderr == ""
    return list(read_calls(noted.read_text(), commands))


def read_calls(noted: str, commands: list[tuple[str, str]]) -> Iterator[Call]:
    """What the shims noted: number of the block, number of words, program, words."""
    words = iter(noted.split("\0")[:-1])
    for number in words:
        count, program = int(next(words)), next(words)
        yield Call(commands[int(number)][0], program, tuple(next(words) for _ in range(count)))


def check_calls(calls: list[Call], program: str, check: Callable[[Call], object]) -> None:
    """Check all calls of a program, each once, and say all that is wrong."""
    chosen = {call.words: call for call in calls if call.program == program}
    assert chosen
    faults = []
    for call in chosen.values():
        try:
            check(call)
        except (Exception, SystemExit) as error:
            faults.append(f"{call}\n    {type(error).__name__}: {error}")
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


@cache
def stages() -> dict[str, dict[str, Any]]:
    return read_stages(PROJECT / "dvc.yaml")


@cache
def targets() -> set[str]:
    """What DVC can be asked for: stages, groups of stages, and what stages write."""
    written = [
        path
        for stage in stages().values()
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
        for path in ([entry] if isinstance(entry, str) else entry)
    ]
    return {*stages(), *(name.split("@")[0] for name in stages()), *written}


def test_dvc_knows_the_arguments_and_the_targets(calls: list[Call]) -> None:
    def check(call: Call) -> None:
        arguments = get_main_parser().parse_args(list(call.words))
        unknown = set(getattr(arguments, "targets", None) or []) - targets()
        if unknown:
            raise ValueError(f"no such targets: {unknown}")

    check_calls(calls, "dvc", check)


def test_overrides_are_parameters_with_valid_values(calls: list[Call], tmp_path: Path) -> None:
    copy = tmp_path / "params.yaml"

    def check(call: Call) -> None:
        overrides = getattr(get_main_parser().parse_args(list(call.words)), "set_param", None)
        for sweep in get_hydra_sweeps({"params.yaml": overrides or []}):
            if sweep["params.yaml"]:
                copy.write_text((PROJECT / "params.yaml").read_text())
                apply_overrides(copy, list(sweep["params.yaml"]))
                parse_params(read_yaml(copy))

    check_calls(calls, "dvc", check)


def test_experiments_leave_the_workspace_as_it_is(calls: list[Call]) -> None:
    """Else the command that a page names next runs on top of what this one changed."""

    def check(call: Call) -> None:
        arguments = get_main_parser().parse_args(list(call.words))
        if getattr(arguments, "set_param", None):
            named_copy = arguments.tmp_dir and arguments.name
            if not (named_copy or arguments.queue):
                raise ValueError("changes params.yaml; add --temp -n NAME")

    check_calls(calls, "dvc", check)


def test_make_targets_exist(calls: list[Call]) -> None:
    known = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.M)
    values = read_yaml(PROJECT / "params.yaml")

    def check(call: Call) -> None:
        for word in call.words:
            variable, is_set, value = word.partition("=")
            assert is_set or word in known
            if variable == "MODEL" and value != "...":
                named(values, value)

    check_calls(calls, "make", check)


@pytest.mark.parametrize("program", ["python", "torchrun"])
def test_modules_exist_and_know_the_arguments(
    calls: list[Call], program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Understood(Exception):
        """Arguments were parsed; the module is not to go on."""

    def parse_only(self: argparse.ArgumentParser, *_: Any) -> None:
        _, unknown = parse(self)
        assert not unknown, f"unknown arguments {unknown}"
        raise Understood

    parse = argparse.ArgumentParser.parse_known_args
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", parse_only)

    def check(call: Call) -> None:
        if "-m" not in call.words:
            assert (PROJECT / call.words[0]).is_file()
            return
        place = call.words.index("-m") + 1
        name, arguments = call.words[place], call.words[place + 1 :]
        if name.endswith(".NAME"):
            return
        assert find_spec(name), "no such module"
        if name.split(".")[0] in ("stages", "experiments", "benchmarks", "trust", "cm3d"):
            module = import_module(name)
            if vars(module).keys() & {"argparse", "Arguments"}:
                monkeypatch.setattr("sys.argv", [name, *arguments])
                with suppress(Understood):
                    module.main()

    check_calls(calls, program, check)


def test_installed_requirements_exist(calls: list[Call]) -> None:
    def check(call: Call) -> None:
        for option, value in zip(call.words, call.words[1:], strict=False):
            assert option != "-r" or (PROJECT / value).is_file()

    check_calls(calls, "pip", check)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_stage_is_explained() -> None:
    text = (PROJECT / "docs" / "pipeline.md").read_text()
    for stage in yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]:
        assert f"`{re.sub('_r[0-9]$', '_rN', stage)}`" in text


def test_the_readme_has_the_table_that_came_out() -> None:
    scores = read_scores(PROJECT / layout.EVALUATION)
    table = markdown_table(describe(load_params(PROJECT / "params.yaml"), scores), scores)
    assert table in (PROJECT / "README.md").read_text(), (
        "put in what `python -m stages.report --markdown` prints"
    )
