import hashlib
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.fetching import download
from cm3d.errors import InputError

CONTENT = np.random.default_rng(0).bytes(100_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


def test_a_file_arrives_whole(server, tmp_path: Path) -> None:
    server.content = CONTENT
    download(server.url, tmp_path / "new" / "file", MD5)
    assert (tmp_path / "new" / "file").read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file"]


def test_a_file_that_is_there_is_not_fetched(server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    download(server.url, tmp_path / "file", MD5)
    assert server.requested == []


def test_a_broken_connection_goes_on_where_it_stopped(server, tmp_path: Path) -> None:
    server.content, server.cut_after = CONTENT, [30_000, 0, 20_000]
    download(server.url, tmp_path / "file", MD5)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requested == [None, "bytes=30000-", "bytes=30000-", "bytes=50000-"]


def test_a_later_run_resumes_an_earlier_one(server, tmp_path: Path) -> None:
    server.content, server.cut_after = CONTENT, [30_000]
    with pytest.raises(InputError, match="broke 1 times; run again to resume"):
        download(server.url, tmp_path / "file", MD5, attempts=1)
    assert not (tmp_path / "file").exists()
    download(server.url, tmp_path / "file", MD5, attempts=1)
    assert server.requested[-1] == "bytes=30000-"
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_anew(server, tmp_path: Path) -> None:
    server.content, server.knows_ranges = CONTENT, False
    (tmp_path / ".file.partial").write_bytes(b"something else")
    download(server.url, tmp_path / "file", MD5)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_partial_file_that_is_complete_is_taken(server, tmp_path: Path) -> None:
    server.content = CONTENT
    (tmp_path / ".file.partial").write_bytes(CONTENT)
    download(server.url, tmp_path / "file", MD5)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_dropped(server, tmp_path: Path) -> None:
    server.content = CONTENT
    (tmp_path / ".file.partial").write_bytes(CONTENT + b"0")
    download(server.url, tmp_path / "file", MD5)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server, tmp_path: Path) -> None:
    server.content = CONTENT[::-1]
    with pytest.raises(InputError, match=f"checksum is .*, expected {MD5}"):
        download(server.url, tmp_path / "file", MD5)
    assert list(tmp_path.iterdir()) == []


def test_offline_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be reached .*elsewhere") as caught:
        download("http://127.0.0.1:9/file", tmp_path / "file", None)
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_have_it(server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="server says 404"):
        download(f"{server.url}.other", tmp_path / "file", None)


def test_a_folder_that_cannot_be_made(server, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(InputError, match="cannot be written"):
        download(server.url, tmp_path / "taken" / "file", None)
