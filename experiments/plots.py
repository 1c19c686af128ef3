"""`python -m experiments.plots [REVISION ...]`: DVC's plots as one page that needs no internet.

Without a revision the page shows the workspace, with one the workspace beside it, with several
these beside each other. The page is `dvc_plots/index.html`; `make plots` installs what this needs.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cm3d.errors import InputError, unwritable
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program

PAGE: Final = Path("dvc_plots/index.html")
VEGA_LITE: Final = "5.21"  # the templates in .dvc/plots, and DVC's own, are written for 5
_REMOTE_SCRIPT: Final = re.compile(r'\s*<script src="https?://[^"]*"></script>')
_NOTHING_DRAWN: Final = re.compile(  # of figures that are no rows
    r'\s*<div id ?= ?"[^"]*">\s*<script[^>]*>\s*var spec = \{\};[^<]*</script>\s*</div>'
)


def self_contained(page: str, library: str) -> str:
    """A page of DVC with the library that draws in place of the scripts that it would fetch.

    Plots without rows are left out.

    Args:
        page: HTML.
        library: JavaScript that defines `vegaEmbed`.
    """
    inline = library.replace("</script", "<\\/script")  # which would end it
    drawn = _NOTHING_DRAWN.sub("", _REMOTE_SCRIPT.sub("", page))
    return drawn.replace("</head>", f"<script>{inline}</script>\n</head>", 1)


def draw(revisions: Sequence[str], page: Path = PAGE) -> None:
    """Let DVC write the page, then put the library into it.

    Raises:
        InputError: The library is not installed, or DVC refuses; its messages are on stderr.
    """
    library = drawing_library()
    action = ("diff", *revisions) if revisions else ("show",)
    command = [sys.executable, "-m", "dvc", "plots", *action, "--out", str(page.parent)]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise InputError(f"`dvc plots {' '.join(action)}` failed; its messages are above")
    try:
        page.write_text(self_contained(page.read_text("utf-8"), library), "utf-8")
    except OSError as error:
        raise unwritable(page, error) from error


def drawing_library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script.

    Raises:
        InputError: The package that ships them is not installed.
    """
    try:
        from vl_convert import javascript_bundle
    except ImportError as error:
        raise InputError(
            "vl-convert-python: not installed; run `make plots`, or "
            "`pip install -r requirements-plots.txt`"
        ) from error
    return str(javascript_bundle(vl_version=VEGA_LITE))


def main() -> None:
    """Draw the revisions named on the command line."""
    parser = Arguments("experiments.plots", __doc__)
    parser.add_argument("revisions", nargs="*", metavar="REVISION", help="commit or experiment")
    arguments = parser.parse_args()
    draw(arguments.revisions)
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.1f} MB; open it in a browser")


if __name__ == "__main__":
    run_program(main)
