"""What goes beyond the paper within one keyframe; each effect has its knob in `lift.refine`."""
