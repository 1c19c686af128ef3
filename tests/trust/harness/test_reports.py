"""Reports of other programs: pip-audit's JSON, pytest's XML, MLflow's database."""

import sqlite3
from contextlib import closing
from pathlib import Path

from trust.audit import described
from trust.mlflow_runs import runs_of
from trust.refusals import counted

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.trust.test_maps" name="test[a]"/>
<testcase classname="tests.trust.test_maps" name="test[b]"><failure>no</failure></testcase>
<testcase classname="tests.trust.test_maps" name="test[c]"><skipped/></testcase>
<testcase classname="tests.trust.test_images" name="test"/>
</testsuite></testsuites>"""


def test_cases_are_counted_by_entrance() -> None:
    outcome = counted(JUNIT)
    assert (outcome.tried, outcome.kept) == (3, 2)
    assert outcome.rows == [
        {"entrance": "images", "cases": 1, "as promised": 1},
        {"entrance": "maps", "cases": 2, "as promised": 1},
    ]
    assert outcome.faults == ["maps: test[b]"]


def test_a_vulnerability_is_a_line() -> None:
    weak = [
        {"id": "PYSEC-1", "fix_versions": ["2.1", "3.0"]},
        {"id": "PYSEC-2", "fix_versions": []},
    ]
    packages = [
        {"name": "good", "version": "1.0", "vulns": []},
        {"name": "bad", "version": "2.0", "vulns": weak},
        {"name": "own", "skip_reason": "not on PyPI"},
    ]
    assert described({"dependencies": packages}) == [
        "bad 2.0: PYSEC-1, mended in 2.1, 3.0",
        "bad 2.0: PYSEC-2, mended in no version yet",
        "3 packages, 2 vulnerabilities, 1 unknown",
    ]


def test_runs_are_read_by_their_names(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    assert runs_of(database) == {}
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            """create table runs (run_uuid, name); create table params (run_uuid, key, value);
            create table latest_metrics (run_uuid, key, value);
            insert into runs values ('1', 'a'), ('2', 'a'), ('3', 'b');
            insert into params values ('1', 'seed', '0'), ('2', 'seed', '5');
            insert into latest_metrics values ('3', 'mAP', 0.5);"""
        )
        connection.commit()
    runs = runs_of(database)
    assert [run.params for run in runs["a"]] == [{"seed": "0"}, {"seed": "5"}]
    assert [run.metrics for run in runs["b"]] == [{"mAP": 0.5}]
