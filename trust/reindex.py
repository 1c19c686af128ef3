"""`python -m trust.reindex`: index `data/raw` of the current folder again, nothing simulated."""

import shutil
from pathlib import Path
from typing import Final

from cm3d.datasets.nuscenes import NuScenes
from cm3d.params import load_params
from cm3d.sensors.card import read_card
from cm3d.tables import layout
from cm3d.taxonomy import load_taxonomy
from stages.download import write_index

_NEW: Final = Path("data/index.new")


def main() -> None:
    """Replace the index."""
    params, card = load_params(), read_card()
    taxonomy, dataset = load_taxonomy(params.taxonomy), params.dataset
    source = NuScenes(layout.RAW, dataset.version, dataset.past_sweeps, taxonomy, card)
    write_index(source, _NEW, dataset.lane_step_m)
    shutil.rmtree(layout.INDEX)
    _NEW.rename(layout.INDEX)


if __name__ == "__main__":
    main()
