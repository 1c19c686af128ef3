"""A small nuScenes database, and a web server that knows byte ranges."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import cm3d.datasets
from cm3d.datasets import guest
from tests.own_data import example, write_own_data

VERSION = "v1.0-trainval"
SCENES = ("scene-0001", "scene-0003")  # train and val of nuScenes
KEY_TIMES_S = (0.0, 0.5, 1.0, 3.0)
SWEEPS_BETWEEN = 2
CHANNELS = {"LIDAR_TOP": "lidar", "CAM_FRONT": "camera", "CAM_BACK": "camera"}
INTRINSICS = [[100.0, 0, 80], [0, 100.0, 45], [0, 0, 1]]
CATEGORIES = ("vehicle.car", "human.pedestrian.adult", "static_object.bicycle_rack", "animal")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Root of a database with two scenes of four keyframes.

    In each scene a car drives 10 m/s along +x and is annotated on every keyframe, a pedestrian
    on the first alone, a bicycle rack and an animal on all.
    """
    write_database(tmp_path)
    return tmp_path


def write_database(root: Path) -> None:
    """Write that database, with files of its sensors."""
    tables = _fixed_tables()
    for index, scene in enumerate(SCENES):
        _add_scene(tables, scene, start_us=1_000_000_000 * (index + 1))
    folder = root / VERSION
    folder.mkdir()
    for name, rows in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    for row in tables["sample_data"]:
        _write_sensor_file(root / row["filename"])
    (root / "maps").mkdir()
    cv2.imwrite(str(root / "maps" / "town.png"), np.zeros((4, 4), np.uint8))


def _fixed_tables() -> dict[str, list[dict[str, Any]]]:
    looks_ahead = [0.5, -0.5, 0.5, -0.5]
    tables: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in ("scene", "sample", "sample_data", "ego_pose", "log", "map", "instance")
    }
    tables |= {"sample_annotation": [], "sensor": [], "calibrated_sensor": []}
    tables["category"] = [{"token": f"c:{n}", "name": n, "description": ""} for n in CATEGORIES]
    tables["attribute"] = [{"token": "a:moving", "name": "vehicle.moving", "description": ""}]
    tables["visibility"] = [{"token": "3", "level": "v60-80", "description": ""}]
    for channel, modality in CHANNELS.items():
        is_camera = modality == "camera"
        tables["sensor"].append({"token": f"s:{channel}", "channel": channel, "modality": modality})
        tables["calibrated_sensor"].append(
            {
                "token": f"k:{channel}",
                "sensor_token": f"s:{channel}",
                "translation": [1.0, 0.0, 1.5] if is_camera else [0.5, 0.0, 1.8],
                "rotation": looks_ahead if is_camera else [1.0, 0.0, 0.0, 0.0],
                "camera_intrinsic": INTRINSICS if is_camera else [],
            }
        )
    return tables


def _add_scene(tables: dict[str, list[dict[str, Any]]], scene: str, start_us: int) -> None:
    samples = [f"{scene}/{i}" for i in range(len(KEY_TIMES_S))]
    tables["scene"].append(
        {
            "token": f"scene:{scene}",
            "name": scene,
            "log_token": f"log:{scene}",
            "nbr_samples": len(samples),
            "first_sample_token": samples[0],
            "last_sample_token": samples[-1],
            "description": "",
        }
    )
    tables["log"].append(
        {
            "token": f"log:{scene}",
            "location": "town",
            "logfile": "",
            "vehicle": "",
            "date_captured": "2026-01-01",
        }
    )
    tables["map"].append(
        {
            "token": f"map:{scene}",
            "log_tokens": [f"log:{scene}"],
            "category": "semantic_prior",
            "filename": "maps/town.png",
        }
    )
    for index, (token, time_s) in enumerate(zip(samples, KEY_TIMES_S, strict=True)):
        tables["sample"].append(
            {
                "token": token,
                "scene_token": f"scene:{scene}",
                "timestamp": start_us + int(time_s * 1e6),
                "prev": samples[index - 1] if index else "",
                "next": samples[index + 1] if index + 1 < len(samples) else "",
            }
        )
        for channel in list(CHANNELS)[1:]:
            _add_data(tables, scene, channel, start_us + int(time_s * 1e6) - 10_000, token, True)
    _add_sweeps(tables, scene, start_us, samples)
    _add_objects(tables, scene, samples)


def _add_sweeps(
    tables: dict[str, list[dict[str, Any]]], scene: str, start_us: int, samples: list[str]
) -> None:
    previous = ""
    for index, time_s in enumerate(KEY_TIMES_S):
        for lag in range(SWEEPS_BETWEEN if index else 0, -1, -1):
            time_us = start_us + int(time_s * 1e6) - lag * 50_000
            row = _add_data(tables, scene, "LIDAR_TOP", time_us, samples[index], lag == 0)
            row["prev"] = previous
            previous = row["token"]


def _add_data(
    tables: dict[str, list[dict[str, Any]]],
    scene: str,
    channel: str,
    time_us: int,
    sample_token: str,
    is_key_frame: bool,
) -> dict[str, Any]:
    is_camera = CHANNELS[channel] == "camera"
    token = f"{scene}:{channel}:{time_us}"
    folder, suffix = ("samples" if is_key_frame else "sweeps"), ("jpg" if is_camera else "pcd.bin")
    row = {
        "token": token,
        "sample_token": sample_token,
        "ego_pose_token": f"pose:{token}",
        "calibrated_sensor_token": f"k:{channel}",
        "timestamp": time_us,
        "fileformat": suffix,
        "is_key_frame": is_key_frame,
        "height": 90 if is_camera else 0,
        "width": 160 if is_camera else 0,
        "filename": f"{folder}/{channel}/{scene}__{time_us}.{suffix}",
        "prev": "",
        "next": "",
    }
    tables["sample_data"].append(row)
    seconds = (time_us - round(time_us, -9)) / 1e6
    yaw = Rotation.from_euler("z", 0.1 * seconds).as_quat(scalar_first=True).tolist()
    tables["ego_pose"].append(
        {
            "token": f"pose:{token}",
            "timestamp": time_us,
            "translation": [2.0 * seconds, 1.0, 0.0],
            "rotation": yaw,
        }
    )
    return row


def _add_objects(tables: dict[str, list[dict[str, Any]]], scene: str, samples: list[str]) -> None:
    for category in CATEGORIES:
        instance = f"{scene}:{category}"
        tables["instance"].append(
            {
                "token": instance,
                "category_token": f"c:{category}",
                "nbr_annotations": len(samples),
                "first_annotation_token": f"{instance}:0",
                "last_annotation_token": f"{instance}:0",
            }
        )
        count = 1 if category.startswith("human") else len(samples)
        for index in range(count):
            speed_mps = 10.0 if category == "vehicle.car" else 0.0
            tables["sample_annotation"].append(
                {
                    "token": f"{instance}:{index}",
                    "sample_token": samples[index],
                    "instance_token": instance,
                    "visibility_token": "3",
                    "attribute_tokens": ["a:moving"] if category == "vehicle.car" else [],
                    "translation": [20.0 + speed_mps * KEY_TIMES_S[index], 1.0, 0.8],
                    "size": [1.9, 4.6, 1.7],
                    "rotation": Rotation.from_euler("z", 0.4).as_quat(scalar_first=True).tolist(),
                    "prev": f"{instance}:{index - 1}" if index else "",
                    "next": f"{instance}:{index + 1}" if index + 1 < count else "",
                    "num_lidar_pts": 7,
                    "num_radar_pts": 1,
                }
            )


def _write_sensor_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".bin":
        np.ones((2, 5), np.float32).tofile(path)
    else:
        cv2.imwrite(str(path), np.zeros((90, 160, 3), np.uint8))


@dataclass
class Server:
    """A file on a web server, and how well the server behaves.

    Args:
        url: Where the file is.
        content: The file.
        cut_after: Bytes after which the connection breaks, one entry per request; None never.
        knows_ranges: Whether a Range header is answered with that range.
        requested: Range headers that came, in order.
    """

    url: str
    content: bytes = b""
    cut_after: list[int | None] = field(default_factory=list)
    knows_ranges: bool = True
    requested: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of one file on the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requested.append(wanted)
            if self.path != "/file.tgz":
                self.send_error(404)
                return
            start = int(wanted[6:-1]) if wanted and state.knows_ranges else 0
            size = len(state.content)
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(size - start))
            self.end_headers()
            cut = state.cut_after.pop(0) if state.cut_after else None
            self.wfile.write(state.content[start:] if cut is None else state.content[start:][:cut])

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        state = Server(f"http://127.0.0.1:{httpd.server_port}/file.tgz")
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        httpd.shutdown()
        thread.join()


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own data set, with the code of docs/own_data.md as the package `mine`."""
    write_own_data(tmp_path / "mine")
    package = tmp_path / "packages" / "mine"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(example())
    paths = [*cm3d.datasets.__path__, str(package.parent)]
    monkeypatch.setattr(cm3d.datasets, "__path__", paths)
    monkeypatch.setattr(guest, "guests", lambda: ["mine"])
    return tmp_path / "mine"
