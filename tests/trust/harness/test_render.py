"""The page: tables between marks, what was not run says so."""

from pathlib import Path

from trust.outcome import Measured, Outcome, read_measured
from trust.render import render, table

PAGE = """# Trust

<!-- trust: all -->
old
<!-- end -->

Prose stays.

<!-- trust: kills -->
<!-- end -->

<!-- trust: load -->
older
<!-- end -->
"""


def measured(faults: list[str]) -> Measured:
    rows = [{"stage": "lift", "kills": 1200}]
    return Measured(
        "kills",
        True,
        90.0,
        Outcome(3, 2, rows, faults, ["A note."]),
        "2026-01-02",
        "abc",
        "a machine",
    )


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = measured(["lift: died"])
    written.write(tmp_path)
    assert read_measured("kills", tmp_path) == written
    assert read_measured("load", tmp_path) is None


def test_blocks_are_filled_and_prose_stays(tmp_path: Path) -> None:
    measured(["lift: died"]).write(tmp_path)
    page = render(PAGE, ["kills", "load"], tmp_path)
    assert "Prose stays." in page
    assert "old" not in page
    assert "| [kills](#kills) | 3 | 2 | 1.5 | 2026-01-02, abc, short |" in page
    assert "| [load](#load) | not run | - | - | - |" in page
    assert "a short run, 2026-01-02, commit abc, a machine, 1.5 minutes): 2 of 3 kept." in page
    assert "| lift | 1,200 |" in page
    assert "- lift: died" in page
    assert "A note." in page
    assert page.count("**Not run.**") == 1
    assert render(page, ["kills", "load"], tmp_path) == page


def test_many_faults_are_counted(tmp_path: Path) -> None:
    measured([f"fault {number}" for number in range(25)]).write(tmp_path)
    page = render(PAGE, ["kills", "load"], tmp_path)
    assert "- fault 19\n- and 5 more" in page
    assert "fault 20" not in page


def test_cells_cannot_break_a_table() -> None:
    assert "a/b" in table([{"what": "a|b"}])
    assert table([]) == ""
