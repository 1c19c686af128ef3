import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from cm3d.datasets.nuscenes.mini import fetch
from cm3d.errors import InputError


def archive_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


MINI = archive_of({"v1.0-mini/scene.json": b"[]", "samples/a": b"1" * 5000})


def test_the_data_set_arrives_and_the_archive_goes(server, tmp_path: Path) -> None:
    server.content, server.cut_after = MINI, [20]
    fetch(tmp_path, "v1.0-mini", server.url, hashlib.md5(MINI).hexdigest())
    assert (tmp_path / "v1.0-mini/scene.json").read_bytes() == b"[]"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["samples", "v1.0-mini"]


def test_nothing_is_fetched_twice(server, tmp_path: Path) -> None:
    server.content = MINI
    fetch(tmp_path, "v1.0-mini", server.url, None)
    fetch(tmp_path, "v1.0-mini", server.url, None)
    assert len(server.requested) == 1


def test_an_interrupted_unpacking_is_repeated(server, tmp_path: Path) -> None:
    (tmp_path / "v1.0-mini").mkdir()
    (tmp_path / "v1.0-mini.tgz").write_bytes(MINI)
    fetch(tmp_path, "v1.0-mini", server.url, None)
    assert (tmp_path / "samples/a").is_file()
    assert server.requested == []


def test_a_corrupted_archive_without_checksum_is_found_by_gzip(server, tmp_path: Path) -> None:
    server.content = MINI[:-30] + b"0" * 30
    with pytest.raises(InputError, match="damaged"):
        fetch(tmp_path, "v1.0-mini", server.url, None)
    assert list(tmp_path.iterdir()) == []


def test_other_versions_are_not_public(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset\.fetch: only v1\.0-mini is public"):
        fetch(tmp_path, "v1.0-trainval")
