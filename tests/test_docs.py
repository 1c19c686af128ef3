"""What the documentation says can be done, can be done."""

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from dvc.cli.parser import get_main_parser

from cm3d.evaluation.report import markdown_table, read_metrics
from cm3d.params import parse_params
from cm3d.tables import layout
from experiments.overrides import with_overrides
from experiments.preset import load_preset

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    *sorted((PROJECT / "docs").glob("*.md")),
]


def commands() -> Iterator[str]:
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip() and not line.lstrip().startswith("#"):
                    yield line
        yield from re.findall(r"`((?:dvc|make|PYTHONPATH=src python) [^`]+)`", page.read_text())


COMMANDS = sorted(set(commands()))


def words_of(command: str, program: str) -> Iterator[list[str]]:
    """Arguments of each call of a program in a command line."""
    flat = re.sub(r"\$\((.*?)\)", lambda m: f"; {m[1]}; ", command)
    for call in re.split(r";|&&", flat):
        words = shlex.split(call, comments=True)
        words = [w for w in words if not re.match(r"[A-Z_]+=", w)]
        if words[:1] == [program]:
            yield words[1:]


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("command", COMMANDS)
def test_make_targets_exist(command: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.M)
    for target, *_ in words_of(command, "make"):
        assert target in targets


@pytest.mark.parametrize("command", COMMANDS)
def test_modules_exist(command: str) -> None:
    for option, *names in words_of(command, "python"):
        if option == "-m" and not names[0].endswith("NAME"):
            assert find_spec(names[0]), names[0]
        elif option.endswith(".py"):
            assert (PROJECT / option).is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_dvc_knows_the_arguments(command: str) -> None:
    for words in words_of(command, "dvc"):
        get_main_parser().parse_args(words)


@pytest.mark.parametrize("command", [c for c in COMMANDS if re.search("-S|experiments.preset", c)])
def test_overrides_are_parameters_with_valid_values(command: str) -> None:
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())
    for presets in re.findall(r"experiments\.preset ([\w ]+)", command):
        for preset in presets.split():
            values = with_overrides(values, load_preset(preset))
    for assignment in re.findall(r"-S '?([^\s']+)", command):
        key, _, choices = assignment.partition("=")
        for choice in choices.split(","):
            parse_params(with_overrides(values, {key: yaml.safe_load(choice)}))


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
    table = markdown_table(read_metrics(PROJECT / layout.EVALUATION))
    assert table in (PROJECT / "README.md").read_text(), (
        "put in what `python -m cm3d.evaluation.report --markdown` prints"
    )
