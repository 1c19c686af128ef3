"""The page of plots that needs no internet."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from dvc_render.html import PAGE_HTML
from dvc_render.vega import VegaRenderer

from cm3d.errors import InputError
from experiments import plots

PROJECT = Path(__file__).parents[2]
TEMPLATES = PROJECT / ".dvc" / "plots"


def test_the_page_names_no_host(tmp_path: Path) -> None:
    remote = PAGE_HTML.replace("{scripts}", VegaRenderer.SCRIPTS)
    assert remote.count("https://") == 3
    page = plots.self_contained(remote, "var a = '</script>';")
    assert "https://" not in page
    assert "<script>var a = '<\\/script>';</script>\n</head>" in page


def test_a_plot_without_rows_is_left_out() -> None:
    class Plot(VegaRenderer):
        def __init__(self, name: str, spec: str) -> None:
            super().__init__([], name)
            self.spec = spec

        def partial_html(self, **_: object) -> str:
            return self.spec

    parts = [
        Plot("a.json", "{}").generate_html(),
        Plot("b.json", '{"mark": "bar"}').generate_html(),
    ]
    page = plots.self_contained(f"<head></head><body>{''.join(parts)}</body>", "library")
    assert "a_json" not in page
    assert page.count("<div") == page.count("</div>") == 1
    assert "'#b_json'" in page


def test_dvc_draws_and_the_library_goes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    library = ModuleType("vl_convert")
    monkeypatch.setattr(library, "javascript_bundle", lambda vl_version: "library", raising=False)
    monkeypatch.setitem(sys.modules, "vl_convert", library)
    calls: list[list[str]] = []

    class Result:
        returncode = 0

    def run(command: list[str], **_: object) -> Result:
        calls.append(command[3:])
        plots.PAGE.parent.mkdir(exist_ok=True)
        plots.PAGE.write_text("<head></head>")
        return Result()

    monkeypatch.setattr("experiments.plots.subprocess.run", run)
    plots.draw([])
    plots.draw(["HEAD", "no_push"])
    out = ["--out", "dvc_plots"]
    assert calls == [["plots", "show", *out], ["plots", "diff", "HEAD", "no_push", *out]]
    assert plots.PAGE.read_text() == "<head><script>library</script>\n</head>"
    Result.returncode = 1
    with pytest.raises(InputError, match="`dvc plots diff none` failed; its messages are above"):
        plots.draw(["none"])


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(InputError, match="vl-convert-python: not installed; run `make plots`"):
        plots.draw([])


def test_every_plot_has_a_title_and_a_template() -> None:
    defined = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["plots"]
    used = set()
    for entry in defined:
        ((name, plot),) = entry.items()
        assert plot["title"] == name
        used.add(plot["template"])
    assert used == {path.stem for path in TEMPLATES.glob("*.json")}
