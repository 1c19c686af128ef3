"""Our adapters, each with the plain loop of its library."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

import torch
from transformers import (
    AutoImageProcessor,
    GroundingDinoProcessor,
    Owlv2Processor,
    Sam2Processor,
    SamHQProcessor,
    SamProcessor,
)

from benchmarks.shelf import models
from benchmarks.shelf.images import Scene
from benchmarks.shelf.models import ShelfModel, Size
from benchmarks.shelf.peers import DetectionLoop, MaskLoop, ModelLoop, PredictorLoop
from cm3d.detect2d.common.network import NetworkDetector
from cm3d.detect2d.common.prompts import Vocabulary
from cm3d.detect2d.common.protocol import ImageDetector
from cm3d.detect2d.common.protocol import Setting as DetectionSetting
from cm3d.detect2d.detic.adapter import build_detic
from cm3d.detect2d.grounding_dino import adapter as grounding_dino
from cm3d.detect2d.grounding_dino.adapter import GroundingDino
from cm3d.detect2d.owlv2 import adapter as owlv2
from cm3d.detect2d.owlv2.adapter import Owlv2
from cm3d.detect2d.simnet import adapter as detect_simnet
from cm3d.params import Execution, Params
from cm3d.segment.common.protocol import ImageSegmenter
from cm3d.segment.common.protocol import Setting as MaskSetting
from cm3d.segment.common.scene import SceneSegmenter
from cm3d.segment.sam.adapter import SamSegmenter
from cm3d.segment.sam.canvas import Canvas
from cm3d.segment.sam.from_segment_anything import SegmentAnythingNetwork
from cm3d.segment.sam.from_transformers import TransformersNetwork
from cm3d.segment.sam.network import PromptedNetwork, Sam
from cm3d.segment.simnet import adapter as segment_simnet
from cm3d.shelf.runtime import Runtime
from cm3d.tables import Boxes2D, Masks
from cm3d.taxonomy import load_taxonomy
from tests.detect2d.tiny_models import words_of

# Of the best-scored boxes of an image so many pass the threshold, about as many as real weights
# let pass; random ones are sure of all or of none.
_BOXES_KEPT: Final = 50

Run: TypeAlias = Callable[[Scene], Any]


@dataclass(frozen=True, eq=False)
class Contest:
    """An adapter and what it is measured against.

    Args:
        ours: As the stage runs it, from files to rows of a table.
        peer: The plain loop; none where the network is this project's own.
        precision: Of ours.
    """

    ours: Run
    peer: Run | None
    precision: torch.dtype


MakeContest: TypeAlias = Callable[[Size, Params, Scene, Path], Contest]


def grounding_dino_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """GroundingDINO."""
    detect2d, runtime = params.detect2d, _runtime(params, params.detect2d.precision)
    vocabulary, max_side_px = _vocabulary(params), detect2d.max_side_px
    shelf = models.grounding_dino(size, words_of(vocabulary.phrases), folder, runtime.device)
    model, images = shelf.model, _image_processor(folder)
    processor = GroundingDinoProcessor(images, shelf.tokenizer)  # type: ignore[no-untyped-call]
    peer = DetectionLoop(model, processor, vocabulary.phrases, max_side_px)
    surest = peer.score_after(_BOXES_KEPT, scene)
    asks = grounding_dino.Asks(vocabulary, min_score=surest, text_threshold=surest)
    ours = GroundingDino(model, images, shelf.tokenizer, max_side_px, asks, runtime)
    peer = replace(peer, thresholds={"threshold": surest, "text_threshold": surest})
    return Contest(_detection(ours, params.execution), peer, runtime.precision)


def owlv2_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """OWLv2."""
    detect2d, runtime = params.detect2d, _runtime(params, params.detect2d.precision)
    vocabulary, max_side_px = _vocabulary(params), detect2d.max_side_px
    sentences = vocabulary.sentences(detect2d.owlv2.template)
    shelf = models.owlv2(size, words_of(sentences), folder, runtime.device)
    model, images = shelf.model, _image_processor(folder)
    processor = Owlv2Processor(images, shelf.tokenizer)  # type: ignore[no-untyped-call]
    peer = DetectionLoop(model, processor, sentences, max_side_px)
    surest = peer.score_after(_BOXES_KEPT, scene)
    query = owlv2.encode(model, shelf.tokenizer, sentences)
    ours = Owlv2(model, images, owlv2.Asks(vocabulary, query, surest), max_side_px, runtime)
    peer = replace(peer, thresholds={"threshold": surest})
    return Contest(_detection(ours, params.execution), peer, runtime.precision)


def sam_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """SAM by transformers."""
    return _against_processor(models.sam(size, folder), SamProcessor, params)


def segment_anything_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """SAM by its authors' own package."""
    from segment_anything import SamPredictor

    shelf = models.segment_anything(size, folder)
    ours = _segmenter(shelf, params, SegmentAnythingNetwork)
    peer = PredictorLoop(SamPredictor(shelf.model), params.segment.max_width_px)
    return Contest(_outlining(ours, params), peer, ours.sam.runtime.precision)


def sam_hq_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """SAM-HQ, by what loads any promptable model."""
    return _against_processor(models.sam_hq(size, folder), SamHQProcessor, params)


def sam2_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """SAM 2; its processor needs torchvision."""
    shelf = models.sam2(size, folder)
    if find_spec("torchvision"):
        return _against_processor(shelf, Sam2Processor, params)
    ours = _segmenter(shelf, params)
    exact = Runtime(ours.sam.runtime.device, torch.float32)
    alone = SamSegmenter(replace(ours.sam, runtime=exact), params.execution.box_batch)
    peer = ModelLoop(alone, params.segment.max_width_px)
    return Contest(_outlining(ours, params), peer, ours.sam.runtime.precision)


def simnet_detector_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """This project's own detector."""
    ours = detect_simnet.build_simnet(_detection_setting(params, scene))
    precision = _runtime(params, params.detect2d.precision).precision
    return Contest(_detection(ours, params.execution), None, precision)


def simnet_segmenter_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """This project's own masks."""
    ours = segment_simnet.build_simnet(
        MaskSetting(params.segment, params.execution, load_taxonomy(params.taxonomy), scene.root)
    )
    precision = _runtime(params, params.segment.precision).precision
    return Contest(_outlining(ours, params), None, precision)


def detic_contest(size: Size, params: Params, scene: Scene, folder: Path) -> Contest:
    """Detic, with the user's own weights: without detectron2 there is nothing to be random.

    Raises:
        InputError: detectron2 or the weights are not there.
    """
    ours = build_detic(_detection_setting(params, scene))
    return Contest(_detection(ours, params.execution), None, torch.float32)


CONTESTS: Final[Mapping[str, MakeContest]] = {
    "grounding_dino": grounding_dino_contest,
    "owlv2": owlv2_contest,
    "detic": detic_contest,
    "sam": sam_contest,
    "segment_anything": segment_anything_contest,
    "sam2": sam2_contest,
    "sam_hq": sam_hq_contest,
    "simnet detector": simnet_detector_contest,
    "simnet segmenter": simnet_segmenter_contest,
}
REQUIRES: Final[Mapping[str, Sequence[str]]] = {
    "detic": ["detectron2"],
    "segment_anything": ["segment_anything", "torchvision"],
}
# These come in one size.
OWN_SIZE: Final = ("detic", "simnet detector", "simnet segmenter")


def _against_processor(shelf: ShelfModel, kind: Any, params: Params) -> Contest:
    ours = _segmenter(shelf, params)
    model = shelf.model.to(ours.sam.runtime.device)
    peer = MaskLoop(model, kind(_image_processor(shelf.folder)), params.segment.max_width_px)
    return Contest(_outlining(ours, params), peer, ours.sam.runtime.precision)


def _segmenter(
    shelf: ShelfModel,
    params: Params,
    kind: Callable[[Any], PromptedNetwork] = TransformersNetwork,
) -> SamSegmenter:
    runtime = _runtime(params, params.segment.precision)
    network = kind(shelf.model.to(runtime.device))
    sam = Sam(network, Canvas.read(shelf.folder), runtime)
    return SamSegmenter(sam, params.execution.box_batch)


def _detection(network: ImageDetector, execution: Execution) -> Run:
    def run(scene: Scene) -> Boxes2D:
        return NetworkDetector(network, scene.root, execution).detect("", scene.cameras).table

    return run


def _outlining(segmenter: ImageSegmenter, params: Params) -> Run:
    width_px, execution = params.segment.max_width_px, params.execution

    def run(scene: Scene) -> Masks:
        model = SceneSegmenter(segmenter, scene.root, width_px, execution)
        return model.segment(scene.cameras, scene.boxes).table

    return run


def _vocabulary(params: Params) -> Vocabulary:
    return Vocabulary.of(load_taxonomy(params.taxonomy).phrases(params.detect2d.prompts))


def _detection_setting(params: Params, scene: Scene) -> DetectionSetting:
    taxonomy = load_taxonomy(params.taxonomy)
    return DetectionSetting(params.detect2d, params.execution, taxonomy, scene.root)


def _runtime(params: Params, precision: str) -> Runtime:
    return Runtime.choose(params.execution.device, precision)


def _image_processor(folder: Path) -> Any:
    """What the library takes by default: by torchvision if that is there, else by Pillow."""
    return AutoImageProcessor.from_pretrained(folder)  # type: ignore[no-untyped-call]
