"""Boxes that explain what one keyframe saw; each effect has its knob in `lift.refine`."""
