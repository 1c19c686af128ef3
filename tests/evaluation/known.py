"""The ten classes, and the protocols on them."""

from cm3d.evaluation.nuscenes.agnostic import protocols
from cm3d.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("nuscenes")
CLASS_NAMES = TAXONOMY.class_names
ATTRIBUTE_NAMES = TAXONOMY.attribute_names
OURS, LISO, UNION = PROTOCOLS = protocols(TAXONOMY)
