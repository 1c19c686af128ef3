"""What a row needs that the project does not bring along: real data, weights, a GPU, hours."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from cm3d.params import EMBEDDED, Params, data_root
from experiments.paper_tables import Row

# Stages that no one has the patience for on a CPU with real data and published shapes.
_COMPUTES: Final = ("detect2d", "segment", "sam3d", "pretrain", "finetune")


def needs(row: Row, params: Params, stages: Collection[str]) -> list[str]:
    """What a row needs, in words, and whether it is there as far as that shows.

    Args:
        row: The row.
        params: Its parameters.
        stages: Those that it runs up to its target.
    """
    real = params.dataset.name not in EMBEDDED
    computes = real and any(name in stages for name in _COMPUTES)
    own = [need for need in ("GPU", "hours") if computes or need in (row.needs or ())]
    found = [data_needed(params), *weights_needed(params, stages), *own]
    return list(dict.fromkeys(need for need in found if need))


def data_needed(params: Params) -> str | None:
    """The data set that lies outside of the project, None where it is embedded."""
    dataset = params.dataset
    if dataset.name in EMBEDDED:
        return None
    root = data_root(dataset, must_exist=False)
    if root.is_dir():
        return f"{dataset.name} {dataset.version} at {root}"
    variable = f"{dataset.name.upper()}_ROOT"
    return f"{dataset.name} {dataset.version} (not there; set {variable})"


def weights_needed(params: Params, stages: Collection[str]) -> Iterator[str]:
    """Models off the shelf that stages read."""
    detect2d = params.detect2d
    if "detect2d" in stages:
        match detect2d.backend:
            case "detic":
                folder = Path(detect2d.detic.folder)
                yield f"Detic in {folder}{'' if folder.is_dir() else ' (not there)'}"
                clip = detect2d.detic.clip
                yield _pinned(clip.model, clip.revision, "clip")
            case "grounding_dino":
                dino = detect2d.grounding_dino
                yield _pinned(dino.model, dino.revision, "grounding_dino")
            case "owlv2":
                yield _pinned(detect2d.owlv2.model, detect2d.owlv2.revision, "owlv2")
            case "precomputed":
                yield f"detections in {detect2d.precomputed.file}"
    if "segment" in stages and params.segment.backend == "sam":
        sam = params.segment.sam
        own_code = sam.library == "segment_anything"
        yield sam.checkpoint if own_code else _pinned(sam.model.model, sam.model.revision, sam.use)
    if "sam3d" in stages and params.sam3d.segmenter == "sam":
        yield _pinned(params.sam3d.sam.model, params.sam3d.sam.revision, "sam")
    cameras = params.network.cameras
    trained = {"pretrain", "finetune", "finetune_map"} & set(stages)
    if trained and cameras and (cameras.backbone, cameras.weights) == ("swin_t", "pretrained"):
        yield _pinned(cameras.swin.model, cameras.swin.revision, "swin")


def _pinned(model: str, revision: str | None, name: str) -> str:
    is_folder = Path(model).is_dir()
    return model if revision or is_folder else f"{model} (not pinned; make weights MODEL={name})"
