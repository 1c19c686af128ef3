import io
import tarfile
from pathlib import Path

import pytest

from cm3d.datasets.fetching import unpack
from cm3d.errors import InputError


def write_archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_files_join_what_is_there(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "samples").mkdir(parents=True)
    (root / "samples/old").write_bytes(b"old")
    unpack(write_archive(tmp_path / "a.tgz", {"samples/new": b"new", "tables/t": b"t"}), root)
    assert (root / "samples/old").read_bytes() == b"old"
    assert (root / "samples/new").read_bytes() == b"new"
    assert sorted(p.name for p in root.iterdir()) == ["samples", "tables"]


@pytest.mark.parametrize("name", ["../outside", "/tmp/../../outside"])
def test_members_that_leave_the_root_are_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    archive = write_archive(tmp_path / "a.tgz", {"good": b"1", name: b"2"})
    if name.startswith("/"):
        with tarfile.open(archive) as tar:
            assert tar.getnames()[1].startswith("/")
    with pytest.raises(InputError, match="unsafe member"):
        unpack(archive, root)
    assert not (tmp_path / "outside").exists()
    assert not list(root.rglob("good")) if root.exists() else True


def test_links_out_of_the_root_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../outside"
        tar.addfile(link)
    with pytest.raises(InputError, match="unsafe member"):
        unpack(archive, tmp_path / "root")


@pytest.mark.parametrize("damage", ["cut", "flip", "checksum", "noise"])
def test_damaged_archives_are_removed_and_leave_nothing(tmp_path: Path, damage: str) -> None:
    archive = write_archive(tmp_path / "a.tgz", {f"f{i}": bytes(range(256)) * 40 for i in range(9)})
    content = bytearray(archive.read_bytes())
    content[{"flip": len(content) // 2}.get(damage, -8)] ^= 0xFF  # gzip ends in its checksum
    archive.write_bytes({"cut": content[:-40], "noise": b"0" * 99}.get(damage, content))
    with pytest.raises(InputError, match="damaged and removed"):
        unpack(archive, tmp_path / "root")
    assert not archive.exists()
    assert not list((tmp_path / "root").rglob("f*"))


def test_links_within_the_root_are_refused_too(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        archive = tmp_path / "a.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.addfile(tarfile.TarInfo("file"), io.BytesIO())
            link = tarfile.TarInfo("link")
            link.type, link.linkname = kind, "file"
            tar.addfile(link)
        with pytest.raises(InputError, match=r"a\.tgz: unsafe member \(link is a link\)"):
            unpack(archive, tmp_path / "root")
        assert not list((tmp_path / "root").glob("*"))


def test_an_archive_that_unpacks_to_too_much_leaves_nothing(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tgz", {f"f{i}": bytes(1 << 20) for i in range(3)})
    assert archive.stat().st_size < 1 << 15
    unpack(archive, tmp_path / "good", most_bytes=3 << 20)
    with pytest.raises(InputError, match=r"a\.tgz: f2: with it .* 3145728 bytes in 3 members"):
        unpack(archive, tmp_path / "root", most_bytes=(3 << 20) - 1)
    assert not list((tmp_path / "root").glob("*"))
