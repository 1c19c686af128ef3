"""nuScenes v1.0-mini from its public address."""

from pathlib import Path

from cm3d.datasets.fetching import download, unpack
from cm3d.errors import InputError

MINI_VERSION = "v1.0-mini"
MINI_URL = "https://www.nuscenes.org/data/v1.0-mini.tgz"
MINI_MD5 = "791dd9ced556cfa1b425682f177b5d9b"


def fetch(root: Path, version: str, url: str = MINI_URL, md5: str | None = MINI_MD5) -> None:
    """Download and unpack v1.0-mini below `root` unless it is there.

    The archive is removed once it is unpacked; as long as it lies there, unpacking is unfinished.

    Args:
        root: Root folder of the data set; made if need be.
        version: The version wanted.
        url: Where the archive is.
        md5: Its checksum; None checks the length and gzip's own checksum alone.

    Raises:
        InputError: Another version is wanted, or the archive cannot be had or is damaged.
    """
    if version != MINI_VERSION:
        raise InputError(
            f"dataset.fetch: only {MINI_VERSION} is public; download {version} from "
            "https://www.nuscenes.org/nuscenes#download or set dataset.version"
        )
    archive = root / f"{MINI_VERSION}.tgz"
    if (root / MINI_VERSION).is_dir() and not archive.is_file():
        return
    download(url, archive, md5)
    unpack(archive, root)
    archive.unlink()
