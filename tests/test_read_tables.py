"""The lines of docs/see.md that read label files."""

import re
from pathlib import Path

from tests.export.workspace import write_workspace


def test_the_lines_of_the_page_read_labels(project: Path, bare_workspace: Path) -> None:
    write_workspace()
    (lines,) = re.findall(r"```python\n(.*?)```", (project / "docs" / "see.md").read_text(), re.S)
    names: dict[str, object] = {}
    exec(lines, names)
    assert len(names["labels"]) == 12  # type: ignore[arg-type]
    assert names["sure_cars"].score.tolist() == [0.875] * 4  # type: ignore[attr-defined]
