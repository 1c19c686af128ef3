"""What no lint rule says: how files of others are read, and what may stand in a command."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[3]
CODE = ("src", "stages", "experiments", "benchmarks", "trust", "docs")
# Calls that would run code or follow a moving target, and the argument that prevents it.
WANTED = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "snapshot_download": ("revision", ...),
    "hf_hub_download": ("revision", ...),
}
FORBIDDEN = {"trust_remote_code", "allow_pickle", "weights_only"}


def faults(code: str) -> Iterator[str]:
    """Calls of a module that lack what they need, or ask for what none may."""
    for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        given = {word.arg: word.value for word in call.keywords}
        values = {
            arg: value.value if isinstance(value, ast.Constant) else ...
            for arg, value in given.items()
        }
        needed, wanted = WANTED.get(name, ("", None))
        if needed and (needed not in values or (wanted is not ... and values[needed] != wanted)):
            yield f"line {call.lineno}: {name} without {needed}"
        elif not needed:
            yield from (
                f"line {call.lineno}: {name} with {arg}"
                for arg in sorted(FORBIDDEN & values.keys() - {None})
                if values[arg] is not (arg == "weights_only")
            )


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("torch.load(path)", "line 1: torch.load without weights_only"),
        ("torch.load(path, weights_only=False)", "line 1: torch.load without weights_only"),
        ("np.load(path)", "line 1: np.load without allow_pickle"),
        ("np.load(path, allow_pickle=True)", "line 1: np.load without allow_pickle"),
        ("snapshot_download(name)", "line 1: snapshot_download without revision"),
        ("kind.from_pretrained(f, trust_remote_code=True)", "kind.from_pretrained with trust_rem"),
        ("np.lib.npyio.NpzFile(f, allow_pickle=True)", "NpzFile with allow_pickle"),
    ],
)
def test_each_rule_sees_what_breaks_it(code: str, fault: str) -> None:
    assert any(fault in found for found in faults(code))


@pytest.mark.parametrize(
    "code",
    [
        "torch.load(path, map_location='cpu', weights_only=True)",
        "np.load(path, allow_pickle=False)",
        "snapshot_download(name, revision=commit)",
        "kind.from_pretrained(folder, trust_remote_code=False)",
    ],
)
def test_good_code_passes(code: str) -> None:
    assert not list(faults(code))


def test_the_code_reads_files_of_others_without_running_them() -> None:
    files = [path for folder in CODE for path in sorted((PROJECT / folder).rglob("*.py"))]
    assert len(files) > 100
    found = [f"{path}: {fault}" for path in files for fault in faults(path.read_text())]
    assert not found


def test_no_command_has_words_of_params_yaml() -> None:
    """A command goes through a shell: what is filled in stands in dvc.yaml itself."""
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    for name, stage in stages.items():
        command = stage.get("do", stage)["cmd"]
        for word in re.findall(r"\$\{(\w+)", command):
            assert word in ("item", "key"), f"{name}: {command}"
        assert "$" not in re.sub(r"\$\{[\w.]+\}", "", command), f"{name} reads the environment"
