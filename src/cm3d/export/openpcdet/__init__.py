"""Info files of OpenPCDet's nuScenes data set."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from cm3d.export.keyframes import keyframes
from cm3d.export.openpcdet.infos import keyframe_info
from cm3d.export.openpcdet.pickles import pickled
from cm3d.export.protocol import File, Labels
from cm3d.tables import Cameras, layout, read_scenes
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy


def class_names(taxonomy: Taxonomy) -> Collection[str]:
    """All of them: a configuration of OpenPCDet names those that it trains."""
    return taxonomy.class_names


def files(labels: Labels) -> Iterator[File]:
    """One file, named by the sweeps and the split."""
    cameras = read_scenes(Cameras, layout.CAMERAS, labels.scenes)
    sweeps, names = labels.params.detector.sweeps, labels.taxonomy.class_names
    images = rows_by_word(cameras.sample_token, labels.frames.sample_token.tolist())
    infos = []
    for keyframe, rows in zip(keyframes(labels, "OpenPCDet"), images, strict=True):
        frame = replace(keyframe.frame, cameras=cameras[rows])
        infos.append(keyframe_info(frame, *keyframe[1:], names, sweeps - 1))
    yield f"cm3d_infos_{sweeps}sweeps_{labels.split}.pkl", pickled(infos)
