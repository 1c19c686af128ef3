"""Boxes of a scene as tracks: what a single keyframe cannot tell."""
