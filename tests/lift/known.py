"""The ten classes of nuScenes, and what is known of them by Table 8."""

from pathlib import Path

from cm3d.lift.priors import load_priors
from cm3d.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("nuscenes", Path(__file__).resolve().parents[2] / "taxonomies")
CLASS_NAMES = TAXONOMY.class_names
CHATGPT, DATASET = (load_priors(name, TAXONOMY) for name in ("chatgpt", "dataset"))
